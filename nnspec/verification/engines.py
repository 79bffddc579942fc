"""Engines that compute a network: a source backend, ONNX written directly, ONNX by an exporter."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from nnspec.backend import (
    Backend,
    Can,
    Exportable,
    OnnxBackend,
    Options,
    OptionValue,
    Precision,
    Program,
    Rounding,
    Trainable,
    installed_backends,
    make_options,
    refused_training,
)
from nnspec.errors import UnsupportedError, UsageError
from nnspec.language.objectives import is_composed
from nnspec.layers import Activation, Layer
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.verification.placing import HERE, Placing

if TYPE_CHECKING:
    from nnspec.backend import Array

Outputs = Mapping[str, "Array"]
"""The outputs of a network by name, the batch axis first."""

EXPORTERS_OPSET = 18
"""The highest that every framework's exporter writes."""


class EngineError(RuntimeError):
    """A model was written, and what should run it refuses it."""


class Engine(Protocol):
    """Builds a network with given weights, ready to run."""

    name: str
    is_onnx: bool
    """Whether it runs an ONNX model, with graph optimisations off or on."""
    placing: Placing
    """The device that it computes on."""

    def start(
        self, spec: Spec, weights: Mapping[str, Array], dtype: Precision, *, optimized: bool = False
    ) -> None:
        """Begin to build what will be asked for, where that is another process's work."""
        ...

    def build(
        self,
        spec: Spec,
        weights: Mapping[str, Array],
        dtype: Precision,
        *,
        optimized: bool = False,
    ) -> Program:
        """Return the program."""
        ...

    def rounding(self, graph: Graph, *, of_gradient: bool = False) -> float:
        """Return the sum of the relative errors that its float32 constants cause in float64."""
        ...


NONE: Mapping[str, OptionValue] = {}


def _name(backend: Backend, variant: str) -> str:
    return f"{backend.name}-{variant}" if variant else backend.name


def exported_name(source: SourceEngine, runner: OnnxBackend) -> str:
    """Return the name of the engine that runs the models of a source's exporter."""
    return f"{runner.name}-via-{source.name}"


class _Here:
    """An engine of this process, which builds when it is asked."""

    placing = HERE

    def start(
        self, spec: Spec, weights: Mapping[str, Array], dtype: Precision, *, optimized: bool = False
    ) -> None:
        """Begin nothing."""


def _sum_of(rounded: Mapping[type[Layer], Rounding], graph: Graph, *, of_gradient: bool) -> float:
    total = 0.0
    for at in graph.walk():
        for layer in (at.node.layer, at.node.layer.output_activation):
            entry = rounded.get(type(layer)) if layer is not None else None
            if entry is not None:
                total += entry.gradient if of_gradient else entry.forward
    return total


class SourceEngine(_Here):
    """A backend that writes source, and runs it.

    options: values of its own options. variant: of the engine, where it is not the only one of its
    backend. placing: the device that it computes on.
    """

    is_onnx = False

    def __init__(
        self,
        backend: Backend,
        options: Mapping[str, OptionValue] = NONE,
        variant: str = "",
        placing: Placing = HERE,
    ) -> None:
        self.name = _name(backend, placing.variant or variant)
        self.backend = backend
        self.own_options = {**options, **placing.options}
        self.placing = placing

    def build(
        self,
        spec: Spec,
        weights: Mapping[str, Array],
        dtype: Precision,
        *,
        optimized: bool = False,
    ) -> Program:
        """Return the emitted program."""
        return self.backend.compile(spec, self.options(spec)).build(weights, dtype=dtype)

    def options(self, spec: Spec) -> Options:
        """Return the options of a spec: with its training, if it has one."""
        is_trained = spec.model.training is not None
        is_trained = is_trained and (len(spec.graph.outputs) == 1 or is_composed(spec.model))
        is_trained = is_trained and not refused_training(self.backend, spec)
        return make_options(self.backend, self.own_options, training=is_trained)

    def rounding(self, graph: Graph, *, of_gradient: bool = False) -> float:
        """Return the sum over the layers of the backend's table."""
        return _sum_of(self.backend.rounded, graph, of_gradient=of_gradient)


def trainable_backends() -> list[str]:
    """Return the names of the installed backends whose programs train."""
    return [backend.name for backend in installed_backends() if Can.TRAINING in backend.can]


@dataclass(frozen=True, slots=True)
class Reference:
    """The source that the rest is measured against, its program in float64 and its outputs."""

    engine: SourceEngine
    program: Trainable
    outputs: Outputs


class DirectOnnx(_Here):
    """The ONNX model that a backend writes itself, with these values of its own options."""

    is_onnx = True

    def __init__(
        self, backend: OnnxBackend, options: Mapping[str, OptionValue] = NONE, variant: str = ""
    ) -> None:
        self.name = _name(backend, variant)
        self.backend = backend
        self.options = make_options(backend, options)

    def build(
        self,
        spec: Spec,
        weights: Mapping[str, Array],
        dtype: Precision,
        *,
        optimized: bool = False,
    ) -> Program:
        """Return the model in onnxruntime, or for float64 in the reference evaluator."""
        compiled = self.backend.compile(spec, self.options)
        try:
            return compiled.build(weights, dtype=dtype, optimized=optimized)
        except UsageError as error:
            raise EngineError(str(error)) from error

    def rounding(self, graph: Graph, *, of_gradient: bool = False) -> float:
        """Return the sum over the layers of the backend's table."""
        return _sum_of(self.backend.rounded, graph, of_gradient=of_gradient)


class _Exported(NamedTuple):
    """A model's file; what it was made of is held, so that its id is not another's."""

    content: bytes
    spec: Spec
    weights: Mapping[str, Array]


class ExportedOnnx(_Here):
    """The ONNX model that a framework's own exporter makes of the emitted source."""

    is_onnx = True

    def __init__(self, source: SourceEngine, runner: OnnxBackend) -> None:
        self.name = exported_name(source, runner)
        self.source = source
        self.runner = runner
        self._written: dict[tuple[int, int], _Exported] = {}
        """The last float32 model, which is wanted twice: without and with optimisations."""

    def build(
        self,
        spec: Spec,
        weights: Mapping[str, Array],
        dtype: Precision,
        *,
        optimized: bool = False,
    ) -> Program:
        """Return the exported model in onnxruntime, or for float64 in the reference evaluator."""
        model = self._written.pop((id(spec), id(weights)), None) if optimized else None
        if model is None:
            model = self._export(spec, weights, dtype)
        if dtype == "float32" and not optimized:
            self._written = {(id(spec), id(weights)): model}
        try:
            loaded: Program = self.runner.load(
                model.content,
                spec.graph,
                dtype=dtype,
                optimized=optimized,
            )
        except UsageError as error:
            raise EngineError(str(error)) from error
        return loaded

    def _export(self, spec: Spec, weights: Mapping[str, Array], dtype: Precision) -> _Exported:
        program = self.source.build(spec, weights, dtype)
        if not isinstance(program, Exportable):
            raise UnsupportedError(f"{self.source.name} has no ONNX exporter")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            program.export_onnx(path, EXPORTERS_OPSET)
            return _Exported(path.read_bytes(), spec, weights)

    def rounding(self, graph: Graph, *, of_gradient: bool = False) -> float:
        """Return the sum over the layers of both tables, and of ONNX's float32 attributes."""
        own = _sum_of(self.runner.rounded, graph, of_gradient=of_gradient)
        return (
            own + self.source.rounding(graph, of_gradient=of_gradient) + _attribute_rounding(graph)
        )


def _attribute_rounding(graph: Graph) -> float:
    """Return the relative errors of the slopes and limits of activations, held in float32.

    ONNX has attributes in float32 only; our own models are run with them restored to float64.
    """
    total = 0.0
    for at in graph.walk():
        for layer in (at.node.layer, at.node.layer.output_activation):
            if isinstance(layer, Activation):
                total += sum(
                    abs(float(np.float32(value)) - value) / abs(value)
                    for _, value in layer.settings()
                    if isinstance(value, float) and value
                )
    return total
