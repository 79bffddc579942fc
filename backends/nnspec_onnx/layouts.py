"""Places transposes in a channels_last network, whose spatial operators want channels first.

A value of two or more axes may exist in the declared layout, in channels_first, or both; each form
is made once, when something first needs it. Spatial layers take and give channels_first, positional
ones the declared layout, and pointwise ones, and the spatial ones to whose operators all axes are
alike, work in whichever makes fewer transposes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from nnspec.layers.base import Layer, Placement
from nnspec.layers.shapes import DataFormat, TensorType
from nnspec_onnx.context import Builder, to_channels_first, to_channels_last
from nnspec_onnx.ir import Node
from nnspec_onnx.lowerings import ANY_LAYOUT

Layout = Literal["declared", "channels_first"]


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


def wanted_layouts(
    steps: Iterable[UnfusedLayer], outputs: Iterable[str], types: Mapping[str, TensorType]
) -> dict[str, set[Layout]]:
    """Return the layouts in which each value is needed in the end, through pointwise layers."""
    wanted: dict[str, set[Layout]] = {path: set() for path in types}
    for path in outputs:
        wanted[path].add("declared")
    for step in reversed(list(steps)):
        placement = placement_of(step, types)
        if placement == "pointwise":
            made = [path for path in step.outputs if types[path].rank > 1]
            needs = {layout for path in made for layout in wanted[path]}
        else:
            needs = {"channels_first" if placement == "spatial" else "declared"}
        for path in step.inputs:
            wanted[path] |= needs
    return wanted


def placement_of(step: UnfusedLayer, types: Mapping[str, TensorType]) -> Placement:
    """Return how a step stands to layouts: pointwise if it can work in either.

    Operands of fewer axes line up, and axes go, as the spec declares them. Where no layout is left
    in what a step gives, it does not matter which axes went.
    """
    given = step.layer.placement
    if given == "spatial" and isinstance(step.layer, ANY_LAYOUT):
        given = "pointwise"
    if given != "pointwise":
        return given
    taken = {types[path].rank for path in step.inputs}
    made = {types[path].rank for path in step.outputs}
    is_free = len(taken) == 1 and (made == taken or max(made) < 2)
    return "pointwise" if is_free else "positional"


class Layouts:
    """Keeps the forms of every value, and adds a Transpose where one is missing."""

    def __init__(
        self,
        data_format: DataFormat,
        types: Mapping[str, TensorType],
        wanted: Mapping[str, set[Layout]],
        builder: Builder,
    ) -> None:
        self._is_last = data_format == "channels_last"
        self._types = types
        self._wanted = wanted
        self._builder = builder
        self._forms: dict[str, Forms] = {}

    def has_layouts(self, type_: TensorType) -> bool:
        """Whether values of this type differ between the layouts."""
        return self._is_last and type_.rank > 1

    def choose(self, step: UnfusedLayer) -> Layout:
        """Return the layout in which a step works."""
        if not self._is_last:
            return "declared"
        placement = placement_of(step, self._types)
        if placement == "positional":
            return "declared"
        if placement == "spatial":
            return "channels_first"
        forms = [self._forms[path] for path in step.inputs]
        if not all(self.has_layouts(form.type) for form in forms):
            return "declared"
        made = [path for path in step.outputs if self.has_layouts(self._types[path])]
        wanted = {layout for path in made for layout in self._wanted[path]}

        def transposes(layout: Layout) -> int:
            missing = {form.path for form in forms if layout not in form.names}
            return len(missing) + len(wanted - {layout})

        present: Layout = next(iter(forms[0].names))
        other: Layout = "declared" if present == "channels_first" else "channels_first"
        return other if transposes(other) < transposes(present) else present

    def name(self, path: str, layout: Layout) -> str:
        """Return what a value made in this layout is called."""
        is_other = layout == "channels_first" and self.has_layouts(self._types[path])
        return f"{path}.channels_first" if is_other else path

    def define(self, path: str, layout: Layout, name: str) -> None:
        """Record a value that a layer gave in this layout."""
        type_ = self._types[path]
        layout = layout if self.has_layouts(type_) else "declared"
        self._forms[path] = Forms(path, type_, {layout: name})

    def define_alias(self, path: str, source: str) -> None:
        """Record that a value is another one."""
        self._forms[path] = self._forms[source]

    def get(self, path: str, layout: Layout) -> str:
        """Return the name of a value in this layout, transposing it where it lacks that form."""
        form = self._forms[path]
        if not self.has_layouts(form.type):
            layout = "declared"
        if layout not in form.names:
            (given,) = form.names.values()
            rank = form.type.rank
            to = to_channels_first if layout == "channels_first" else to_channels_last
            name = self.name(form.path, layout)
            node = Node(
                f"{form.path}.transpose", "Transpose", (given,), (name,), {"perm": to(rank)}
            )
            self._builder.nodes.append(node)
            form.names[layout] = name
        return form.names[layout]


def in_layout(type_: TensorType, layout: Layout, data_format: DataFormat) -> TensorType:
    """Return the type of a value in this layout."""
    if layout == "declared" or data_format == "channels_first" or type_.rank < 2:
        return type_
    return TensorType((type_.shape[-1], *type_.shape[:-1]), type_.dtype)
