"""The forms of values in a channels_last network, whose spatial operators want channels first.

nnspec.network.layouts decides in which layout a step works: here native is channels_first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from nnspec.layers.base import Layer, Placement
from nnspec.layers.shapes import DataFormat, TensorType
from nnspec.network.layouts import (
    DECLARED,
    NATIVE,
    Layout,
    Taker,
    cheapest,
    laid_out,
    permutation,
    placement_of,
    wanted_layouts,
)
from nnspec_onnx.context import Builder
from nnspec_onnx.ir import Node
from nnspec_onnx.lowerings import ANY_LAYOUT


class UnfusedLayer(NamedTuple):
    """A layer without its fused activation, or that activation; values by their spec paths."""

    path: str
    owner: str
    layer: Layer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(slots=True)
class Forms:
    """One value: its spec path, its type as declared, and its name in each layout it exists in."""

    path: str
    type: TensorType
    names: dict[Layout, str] = field(default_factory=dict)


class Layouts:
    """Keeps the forms of every value, and adds a Transpose where one is missing."""

    def __init__(
        self,
        data_format: DataFormat,
        types: Mapping[str, TensorType],
        steps: Iterable[UnfusedLayer],
        outputs: Iterable[str],
        builder: Builder,
    ) -> None:
        self._is_last = data_format == "channels_last"
        self._types = types
        self._builder = builder
        self._forms: dict[str, Forms] = {}
        self._wanted: dict[str, set[Layout]] = {}
        if self._is_last:
            takers = [Taker(s.inputs, s.outputs, self._placement(s)) for s in steps]
            self._wanted = wanted_layouts(takers, dict.fromkeys(outputs, DECLARED), types)

    def _placement(self, step: UnfusedLayer) -> Placement:
        taken, made = (
            [self._types[path] for path in paths] for paths in (step.inputs, step.outputs)
        )
        return placement_of(step.layer, taken, made, ANY_LAYOUT)

    def has_layouts(self, type_: TensorType) -> bool:
        """Whether values of this type differ between the layouts."""
        return self._is_last and type_.rank > 1

    def choose(self, step: UnfusedLayer) -> Layout:
        """Return the layout in which a step works."""
        if not self._is_last:
            return DECLARED
        placement = self._placement(step)
        if placement != "pointwise":
            return NATIVE if placement == "spatial" else DECLARED
        forms = [self._forms[path] for path in step.inputs]
        if not all(self.has_layouts(form.type) for form in forms):
            return DECLARED
        made = [path for path in step.outputs if self.has_layouts(self._types[path])]
        wanted = [self._wanted[path] for path in made]
        return cheapest({form.path: form.names.keys() for form in forms}, wanted)

    def name(self, path: str, layout: Layout) -> str:
        """Return what a value made in this layout is called."""
        is_other = layout is NATIVE and self.has_layouts(self._types[path])
        return f"{path}.channels_first" if is_other else path

    def define(self, path: str, layout: Layout, name: str) -> None:
        """Record a value that a layer gave in this layout."""
        type_ = self._types[path]
        layout = layout if self.has_layouts(type_) else DECLARED
        self._forms[path] = Forms(path, type_, {layout: name})

    def define_alias(self, path: str, source: str) -> None:
        """Record that a value is another one."""
        self._forms[path] = self._forms[source]

    def get(self, path: str, layout: Layout) -> str:
        """Return the name of a value in this layout, transposing it where it lacks that form."""
        form = self._forms[path]
        if not self.has_layouts(form.type):
            layout = DECLARED
        if layout not in form.names:
            (given,) = form.names.values()
            rank = form.type.rank
            name = self.name(form.path, layout)
            axes = permutation(rank, "channels_last", layout)
            perm = (0, *(axis + 1 for axis in axes))
            node = Node(f"{form.path}.transpose", "Transpose", (given,), (name,), {"perm": perm})
            self._builder.nodes.append(node)
            form.names[layout] = name
        return form.names[layout]


def in_layout(type_: TensorType, layout: Layout, data_format: DataFormat) -> TensorType:
    """Return the type of a value in this layout."""
    if data_format == "channels_first" or type_.rank < 2:
        return type_
    return TensorType(laid_out(type_.shape, data_format, layout), type_.dtype)
