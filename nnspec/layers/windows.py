"""The shared part of layers that slide a window, pad or crop."""

from __future__ import annotations

from nnspec.errors import ShapeError
from nnspec.layers.base import channel_axis, require_rank, require_whole, spatial_axes
from nnspec.layers.shapes import DataFormat, Dim, Shape, show

AXES = {
    1: "length",
    2: "height and width",
    3: "depth, height and width",
}
"""Number of spatial axes -> what they are called."""


def spatial_sizes(layer: str, shape: Shape, axes: int, data_format: DataFormat) -> Shape:
    """Return the sizes of the spatial axes; raises ShapeError unless there are `axes` of them."""
    require_rank(layer, shape, axes + 1, data_format)
    return tuple(shape[axis] for axis in spatial_axes(axes + 1, data_format))


def fixed_sizes(layer: str, shape: Shape, axes: int, data_format: DataFormat) -> tuple[int, ...]:
    """Return the sizes of the spatial axes; raises ShapeError where one is dynamic."""
    sizes = spatial_sizes(layer, shape, axes, data_format)
    return tuple(require_whole(layer, size, AXES[axes]) for size in sizes)


def with_sizes(shape: Shape, sizes: tuple[Dim, ...], data_format: DataFormat) -> Shape:
    """Return the image-like shape with other spatial sizes."""
    channels = shape[channel_axis(len(shape), data_format)]
    return (channels, *sizes) if data_format == "channels_first" else (*sizes, channels)


def require_positions(layer: str, sizes: Shape, output: Shape, what: str, mend: str) -> None:
    """Raise ShapeError unless every axis of the output has a position."""
    if any(isinstance(size, int) and size < 1 for size in output):
        raise ShapeError(
            f"{layer} {what} leaves nothing of its input of {show(sizes)}",
            mend,
        )
