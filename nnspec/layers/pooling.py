"""Pooling over windows."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import Layer, Placement
from nnspec.layers.convolution import pads_by_size, resolve_padding, windowed_shape
from nnspec.layers.fields import Flag, Pads, PerAxis
from nnspec.layers.shapes import DataFormat, Dim, Shape, divided
from nnspec.layers.windows import spatial_sizes, with_sizes

_Sizes = tuple[int, ...]
_Padding = str | tuple[tuple[int, int], ...]
_POOL_SIZE = "Size of the window."
_STRIDES = "Step of the window; the window's size by default."
_PADDING = '"valid" (none), "same", a size, or [begin, end] per axis.'


class Pooling(Layer):
    """Base of the layers that reduce every window of an image to one number per channel.

    Padding "same" gives ⌈n / stride⌉ positions, the odd pad at the end. With ceil_mode, one more
    window is taken at the end of an axis where it would begin inside the input or the padding
    before it, and hang over: ⌈(n + pads - k) / stride⌉ + 1 positions, as in PyTorch and ONNX.
    """

    # One field in three types: each number of axes has a class that says how long the lists are.
    pool_size: _Sizes
    strides: _Sizes | None
    padding: _Padding
    ceil_mode: Flag = Field(
        default=False,
        description="Whether a last window may hang over the end; Keras has no such setting.",
    )

    placement: ClassVar[Placement] = "spatial"
    axes: ClassVar[int]

    @property
    def steps(self) -> _Sizes:
        """The step of the window along each axis."""
        return self.pool_size if self.strides is None else self.strides

    def pads(self, shape: Shape, data_format: DataFormat) -> tuple[tuple[int, int], ...]:
        """Return (begin, end) for each spatial axis, as the spec gives them."""
        sizes = spatial_sizes(self.type, shape, self.axes, data_format)
        ones = (1,) * self.axes
        return resolve_padding(self.type, self.padding, sizes, self.pool_size, self.steps, ones)

    def pads_by_size(self, shape: Shape, data_format: DataFormat) -> bool:
        """Whether the pads depend on the size of a dynamic axis."""
        sizes = spatial_sizes(self.type, shape, self.axes, data_format)
        return pads_by_size(self.padding, sizes, self.pool_size, self.steps, (1,) * self.axes)

    def overhang(self, shape: Shape, data_format: DataFormat) -> _Sizes:
        """Return how far the last window hangs over the end of each axis and its padding."""
        if not self.ceil_mode or self.padding == "same":
            return (0,) * self.axes
        sizes = spatial_sizes(self.type, shape, self.axes, data_format)
        pads = self.pads(shape, data_format)
        along = zip(sizes, self.pool_size, self.steps, pads, strict=True)
        return tuple(self._overhang(*axis) for axis in along)

    def _overhang(self, size: Dim, window: int, step: int, pad: tuple[int, int]) -> int:
        if step == 1:
            return 0
        if isinstance(size, str):
            if step > window - pad[1]:
                raise ShapeError(
                    f"{self.type} with ceil_mode and stride {step} may begin a last window of "
                    f"{window} in the padding, which depends on the size of the dynamic axis "
                    f"{size!r}",
                    "leave ceil_mode out and give the exact padding at the end, such as "
                    f"[{pad[0]}, {pad[1]}], or give that axis a number in `inputs`",
                )
            # Windows that begin in the input hold an element of it: as much as any size needs.
            return step - 1
        rest = size + sum(pad) - window
        extra = -rest % step
        begins_inside = rest + extra < size + pad[0]
        return extra if begins_inside else 0

    def whole_pads(self, shape: Shape, data_format: DataFormat) -> tuple[tuple[int, int], ...]:
        """Return (begin, end) for each spatial axis, what the last window hangs over included."""
        pads, over = self.pads(shape, data_format), self.overhang(shape, data_format)
        return tuple((begin, end + more) for (begin, end), more in zip(pads, over, strict=True))

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        sizes = spatial_sizes(self.type, shape, self.axes, data_format)
        if self.padding == "same":
            made = tuple(divided(n, s) for n, s in zip(sizes, self.steps, strict=True))
            return (with_sizes(shape, made, data_format),)
        for pad, window in zip(self.pads(shape, data_format), self.pool_size, strict=True):
            if max(pad) >= window:
                raise ShapeError(
                    f"{self.type} with padding {max(pad)} would pool a window of {window} that "
                    "lies wholly in the padding",
                    "use less padding than the window's size",
                )
        # A window larger than its input is an error, whatever hangs over.
        plain, ones = self.pads(shape, data_format), (1,) * self.axes
        windowed_shape(self.type, sizes, self.pool_size, self.steps, ones, plain)
        pads = self.whole_pads(shape, data_format)
        output = windowed_shape(self.type, sizes, self.pool_size, self.steps, ones, pads)
        return (with_sizes(shape, output, data_format),)

    def size_limits(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[tuple[Dim, int, int | None], ...]:
        if not self.ceil_mode or (isinstance(self.padding, str) and self.padding == "same"):
            return ()
        pads = ((0, 0),) * self.axes if isinstance(self.padding, str) else self.padding
        sizes = spatial_sizes(self.type, inputs[0], self.axes, data_format)
        return tuple(
            (size, max(window - sum(pad), 1), None)
            for size, window, pad in zip(sizes, self.pool_size, pads, strict=True)
            if isinstance(size, str)
        )


class Pooling1D(Pooling):
    """Base of those over a sequence."""

    pool_size: Annotated[_Sizes, PerAxis(1)] = Field(default=(2,), description=_POOL_SIZE)
    strides: Annotated[_Sizes, PerAxis(1)] | None = Field(default=None, description=_STRIDES)
    padding: Annotated[_Padding, Pads(1)] = Field(default="valid", description=_PADDING)

    axes: ClassVar[int] = 1


class Pooling2D(Pooling):
    """Base of those over an image."""

    pool_size: Annotated[_Sizes, PerAxis(2)] = Field(default=(2, 2), description=_POOL_SIZE)
    strides: Annotated[_Sizes, PerAxis(2)] | None = Field(default=None, description=_STRIDES)
    padding: Annotated[_Padding, Pads(2)] = Field(default="valid", description=_PADDING)

    axes: ClassVar[int] = 2


class Pooling3D(Pooling):
    """Base of those over a volume."""

    pool_size: Annotated[_Sizes, PerAxis(3)] = Field(default=(2, 2, 2), description=_POOL_SIZE)
    strides: Annotated[_Sizes, PerAxis(3)] | None = Field(default=None, description=_STRIDES)
    padding: Annotated[_Padding, Pads(3)] = Field(default="valid", description=_PADDING)

    axes: ClassVar[int] = 3


class MaxPooling(Pooling):
    """Base of max pooling: y[c, i] = max over p of x[c, i·s + p]; padding counts as -∞."""


class MaxPooling1D(Pooling1D, MaxPooling):
    """Largest element of each window; padding counts as -∞.

    (channels, length) -> (channels, length') in channels_first. Of equal elements the first gets
    the gradient.
    """

    type: Literal["max_pooling1d"] = "max_pooling1d"


class MaxPooling2D(Pooling2D, MaxPooling):
    """Largest element of each window; padding counts as -∞.

    (channels, h, w) -> (channels, h', w') in channels_first. Of equal elements the first in
    row-major order gets the gradient.
    """

    type: Literal["max_pooling2d"] = "max_pooling2d"


class MaxPooling3D(Pooling3D, MaxPooling):
    """Largest element of each window; padding counts as -∞.

    (channels, d, h, w) -> (channels, d', h', w') in channels_first. Of equal elements the first
    in row-major order gets the gradient.
    """

    type: Literal["max_pooling3d"] = "max_pooling3d"
