"""The ways in which a fault gets into an engine."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import nnspec_keras.lowerings
import nnspec_onnx.lowerings
import nnspec_torch.lowerings
from nnspec.emit.code import Call
from nnspec.emit.lowering import Context, Lowered, lower
from nnspec.layers import LAYERS
from tests.detection.framework import Inject, Patch
from tests.source_trees import tree_of

if TYPE_CHECKING:
    from nnspec.backend import Array

Outputs = dict[str, "Array"]

TABLES: dict[str, Any] = {
    "torch": nnspec_torch.lowerings.LOWERINGS,
    "keras": nnspec_keras.lowerings.LOWERINGS,
    "onnx": nnspec_onnx.lowerings.LOWERINGS,
}


WRITER: Any = importlib.import_module("nnspec_onnx.compiled")
"""The module; the package's attribute of that name is the object in it."""


def lowering(side: str, kind: str, change: Callable[[Any, Any, Callable[..., Any]], Any]) -> Inject:
    """The lowering of one kind of layer is `change(layer, context, what it was)`."""

    def inject(patch: Patch) -> None:
        table, cls = TABLES[side], LAYERS[kind]
        row = table[cls]
        # A row of the ONNX table writes operators; one of the others may be an expression alone.
        original = row if side == "onnx" else partial(lower, row)

        def wrong(given: Any, context: Any) -> Any:
            made = change(given, context, original)
            if made is None:
                return original(given, context)
            patch.note()
            return made

        patch.monkeypatch.setitem(table, cls, wrong)

    return inject


def fields(side: str, kind: str, **update: Any) -> Inject:
    """The layer is lowered as if its fields were others; a function is given the field's value."""

    def change(given: Any, context: Any, original: Callable[..., Any]) -> Any:
        new = {
            name: value(getattr(given, name)) if callable(value) else value
            for name, value in update.items()
        }
        return original(given.model_copy(update=new), context)

    return lowering(side, kind, change)


def forward(side: str, kind: str, text: str, *, keeps: bool = False) -> Inject:
    """The layer's expression is `text`; {forward} in it is the right one.

    keeps: whether the module and its parameters stay.
    """

    def change(given: Any, context: Context, original: Callable[..., Lowered]) -> Lowered:
        right = original(given, context)
        wrong = tree_of(text, forward=right.forward)
        if keeps or "{forward}" in text or "{module}" in text:
            return right._replace(forward=wrong)
        return Lowered(wrong)

    return lowering(side, kind, change)


def keywords(side: str, kind: str, **update: Any) -> Inject:
    """The layer's constructor gets other keywords; None takes one away."""

    def change(given: Any, context: Context, original: Callable[..., Lowered]) -> Lowered:
        right = original(given, context)
        assert isinstance(right.module, Call)
        new = {**dict(right.module.keywords), **update}
        kept = tuple((name, value) for name, value in new.items() if value is not None)
        return right._replace(module=Call(right.module.function, right.module.positional, kept))

    return lowering(side, kind, change)


def natives(side: str, kind: str, change: Callable[[Any], Any]) -> Inject:
    """The layer's parameters are put elsewhere; `change` is given each NativeParameter."""

    def wrong(given: Any, context: Context, original: Callable[..., Lowered]) -> Lowered:
        right = original(given, context)
        return right._replace(parameters=tuple(map(change, right.parameters)))

    return lowering(side, kind, wrong)


@dataclasses.dataclass(frozen=True)
class Text:
    """In the emitted source, what matches the pattern `old` is `new`."""

    side: str
    old: str
    new: str

    def __call__(self, patch: Patch) -> None:
        """Change what is loaded from here on."""
        runtime = importlib.import_module(f"nnspec_{self.side}.runtime")
        original = runtime.load_source

        def load(source: str, name: str) -> Any:
            changed, count = re.subn(self.old, self.new, source)
            if count:
                patch.note()
            return original(changed, name)

        patch.monkeypatch.setattr(runtime, "load_source", load)


def text(side: str, old: str, new: str) -> Inject:
    """In the emitted source, what matches the pattern `old` is `new`."""
    return Text(side, old, new)


def program(side: str) -> Any:
    """Return the class of an engine's programs."""
    name = {"torch": "TorchProgram", "keras": "KerasProgram", "onnx": "OnnxProgram"}[side]
    return getattr(importlib.import_module(f"nnspec_{side}.runtime"), name)


def output(
    side: str,
    change: Callable[[Outputs, Mapping[str, Array]], Outputs | None],
    *,
    from_call: int = 0,
) -> Inject:
    """The engine gives `change(outputs, inputs)`, from a call of each program on."""

    def inject(patch: Patch) -> None:
        cls = program(side)
        original = cls.forward
        calls: dict[int, int] = {}

        def wrong(self: Any, inputs: Mapping[str, Array]) -> Outputs:
            outputs: Outputs = original(self, inputs)
            patch.note()
            number = calls[id(self)] = calls.get(id(self), 0) + 1
            changed = change(outputs, inputs) if number >= from_call else None
            return outputs if changed is None else changed

        patch.monkeypatch.setattr(cls, "forward", wrong)

    return inject


def every(change: Callable[[Array], Array]) -> Callable[[Outputs, Mapping[str, Array]], Outputs]:
    """Return what changes each output alone."""
    return lambda outputs, inputs: {name: change(array) for name, array in outputs.items()}


def where(
    applies: Callable[[Mapping[str, Array]], bool], factor: float = 1.01
) -> Callable[[Outputs, Mapping[str, Array]], Outputs | None]:
    """Return what scales the outputs where the inputs are of a kind."""

    def change(outputs: Outputs, inputs: Mapping[str, Array]) -> Outputs | None:
        if not applies(inputs):
            return None
        return {name: array * factor for name, array in outputs.items()}

    return change


def first(inputs: Mapping[str, Array]) -> Array:
    """Return the first input."""
    return next(iter(inputs.values()))


def node(op_type: str, change: Callable[[Any], Any]) -> Inject:
    """In nnspec's own ONNX model each operator of a type is `change(it)`; None leaves it."""

    def inject(patch: Patch) -> None:
        original = WRITER.lower

        def lower(*arguments: Any, **options: Any) -> Any:
            made = original(*arguments, **options)
            nodes = []
            for each in made.nodes:
                new = change(each) if each.op_type == op_type else None
                if new is not None:
                    patch.note()
                nodes.append(new if new is not None else each)
            return dataclasses.replace(made, nodes=tuple(nodes))

        patch.monkeypatch.setattr(WRITER, "lower", lower)

    return inject


def attributes(op_type: str, **update: Any) -> Inject:
    """Operators of a type get other attributes; None takes one away."""

    def change(given: Any) -> Any:
        new = {
            name: value(given.attributes.get(name)) if callable(value) else value
            for name, value in update.items()
        }
        merged = {**given.attributes, **new}
        kept = {name: value for name, value in merged.items() if value is not None}
        return given._replace(attributes=kept)

    return node(op_type, change)


def constant(part: str, change: Callable[[Array], Array]) -> Inject:
    """In nnspec's own ONNX model a constant whose name ends in `part` has another value."""

    def inject(patch: Patch) -> None:
        original = WRITER.lower

        def lower(*arguments: Any, **options: Any) -> Any:
            made = original(*arguments, **options)
            tensors = []
            for each in made.initializers:
                if each.value is not None and each.name.endswith(part):
                    patch.note()
                    value = np.asarray(change(np.asarray(each.value)))
                    each = each._replace(value=value, shape=value.shape)
                tensors.append(each)
            return dataclasses.replace(made, initializers=tuple(tensors))

        patch.monkeypatch.setattr(WRITER, "lower", lower)

    return inject


def parameter(side: str, name: str, change: Callable[[Array], Array]) -> Inject:
    """The engine computes with another value of each parameter whose name ends in `name`."""

    def changed(patch: Patch, weights: Mapping[str, Array]) -> dict[str, Array]:
        found = dict(weights)
        for key in found:
            if key.endswith(name):
                patch.note()
                found[key] = change(np.asarray(found[key]))
        return found

    def inject(patch: Patch) -> None:
        if side == "onnx":
            runtime = importlib.import_module("nnspec_onnx.runtime")
            original = runtime.build

            def build(
                network: Any, weights: Mapping[str, Array], *further: Any, **options: Any
            ) -> Any:
                return original(network, changed(patch, weights), *further, **options)

            patch.monkeypatch.setattr(runtime, "build", build)
            return
        cls = program(side)
        load = cls.load_weights

        def load_weights(self: Any, weights: Mapping[str, Array]) -> None:
            load(self, changed(patch, weights))

        patch.monkeypatch.setattr(cls, "load_weights", load_weights)

    return inject


def exported(side: str, edit: Callable[[Any], bool]) -> Inject:
    """What a framework's exporter writes is edited: `edit` is given the ModelProto."""

    def inject(patch: Patch) -> None:
        import onnx

        cls = program(side)
        original = cls.export_onnx

        def export_onnx(self: Any, path: Any, opset: int) -> None:
            original(self, path, opset)
            model = onnx.load(path)
            if edit(model):
                patch.note()
            onnx.save(model, path)

        patch.monkeypatch.setattr(cls, "export_onnx", export_onnx)

    return inject
