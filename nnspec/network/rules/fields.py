"""Advice on images of which no position sees much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nnspec.errors import Mark, Problem
from nnspec.layers.base import spatial_axes
from nnspec.layers.shapes import product
from nnspec.network.graph import Graph, LayerNode
from nnspec.network.rules import Case, advice
from nnspec.network.rules.flow import Flow

_ENDS = frozenset(
    {"global_average_pooling2d", "global_max_pooling2d", "adaptive_average_pooling2d",
     "adaptive_max_pooling2d", "average_pooling2d", "max_pooling2d", "reduce_mean", "reduce_max"}
)  # fmt: skip
"""Layers that may leave one number of each channel."""
_SHARE = 0.5
"""The share of an image that a position has to see; an object may be so small."""
_MOST_USES = 5_000


class _Field:
    """The pixels along each axis that a position of a value sees, and those between positions."""

    __slots__ = ("seen", "size", "step")

    def __init__(self, size: tuple[int, ...], seen: tuple[int, ...], step: tuple[int, ...]) -> None:
        self.size = size
        self.seen = seen
        self.step = step


class _Walk(Flow[_Field | None]):
    def __init__(self) -> None:
        super().__init__(None, _MOST_USES)
        self.found: list[tuple[_Field, str, Mark | None]] = []
        self.is_mixed = False
        """Whether a position may see all of an image in another way, as by a gate."""

    def layer(self, body: Graph, node: LayerNode, taken: list[_Field | None]) -> _Field | None:
        fields = [each for each in taken if each is not None]
        if not fields:
            return None
        if len(fields) < len(taken):
            self.is_mixed = True
            return None
        first = fields[0]
        layer: Any = node.layer
        if layer.type in _ENDS and _is_of_all(body, node):
            self.found.append((first, node.name, node.mark))
            return None
        if len(fields) > 1:
            seen = tuple(max(axis) for axis in zip(*(each.seen for each in fields), strict=True))
            return _Field(first.size, seen, first.step)
        if layer.placement == "pointwise" or layer.type in ("batch_normalization",):
            return first
        if layer.type == "reshape" and body.shapes(node.inputs) == body.shapes(node.outputs):
            return first
        window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
        has_axes = window is not None and len(window) == len(first.seen)
        if window is not None and has_axes and "transpose" not in layer.type:
            dilation = getattr(layer, "dilation_rate", None) or (1,) * len(window)
            strides = getattr(layer, "strides", None) or window
            seen = tuple(
                past + (size - 1) * far * step
                for past, size, far, step in zip(
                    first.seen, window, dilation, first.step, strict=True
                )
            )
            step = tuple(past * move for past, move in zip(first.step, strides, strict=True))
            return _Field(first.size, seen, step)
        if layer.type.startswith(("zero_padding", "reflection_padding", "replication_padding")):
            return first
        return None


def _is_of_all(body: Graph, node: LayerNode) -> bool:
    """Whether a layer leaves one number of each channel, of a map of more positions than one."""
    (taken,), (given,) = body.shapes(node.inputs), body.shapes(node.outputs)
    channels = taken[0 if body.data_format == "channels_first" else -1]
    return product(given) == channels != product(taken)


def advise(case: Case) -> Iterator[Problem]:
    """Yield advice where classes are a mean over positions that each see little of an image."""
    training, graph = case.model.training, case.graph
    if training is None or training.kind == "regression":
        return
    given: list[_Field | None] = []
    for type_ in graph.inputs.values():
        axes = spatial_axes(type_.rank, graph.data_format)
        size = tuple(type_.shape[axis] for axis in axes)
        is_image = type_.rank == 3 and all(isinstance(each, int) for each in size)
        one = (1,) * len(size)
        given.append(_Field(tuple(map(int, size)), one, one) if is_image else None)
    walk = _Walk()
    walk.body(graph, given)
    for field, name, mark in walk.found:
        small = any(seen < _SHARE * size for seen, size in zip(field.seen, field.size, strict=True))
        if small and len(walk.found) == 1 and not walk.is_mixed:
            yield advice(
                "small-field",
                f'"{name}" takes the mean over positions of which each sees '
                f"{' x '.join(map(str, field.seen))} pixels of "
                f"{' x '.join(map(str, field.size))}: no larger object is seen as a whole",
                "add strides, pooling or layers before it, or flatten for it, and a dense layer",
                mark,
            )
