"""Images as bytes before a network: resized as Pillow does, cropped, made into numbers.

Images are resized in two passes of Pillow, across and then down. Each pixel is a sum of those of
its window by weights of 22 bits, rounded to a byte. In float64 the sums are exact, so that the
bytes are those of Pillow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nnspec.errors import UnsupportedError
from nnspec_onnx.columns import Columns

if TYPE_CHECKING:
    from nnspec.data.images import Pictured
    from nnspec.layers.shapes import Shape

PRECISION = 2.0**22
"""Units of Pillow's weights."""
SUPPORT = {"box": 0.5, "bilinear": 1.0, "bicubic": 2.0}
"""Half the width of a window, in pixels of the smaller of the two images."""


class _Sides(NamedTuple):
    """The height and the width of images: values of the model, whole numbers without an axis."""

    height: str
    width: str


def require_images(name: str, by: Pictured) -> None:
    """Raise UnsupportedError for images that operators of ONNX do not prepare as Pillow does."""
    if by.resize is not None and by.interpolation not in SUPPORT:
        raise UnsupportedError(
            f'input "{name}" resizes its images by {by.interpolation}, whose weights ONNX has no '
            f"operators to compute as Pillow does ({', '.join(SUPPORT)} are): export it without "
            "its preprocessing"
        )


def sides_of(by: Pictured, column: str, shape: Shape) -> tuple[int | str, int | str]:
    """Return the height and width of the images that the model takes; a name for any size."""
    if by.resize is None and by.crop is None:
        return by.size_in(shape)
    return f"{column}_height", f"{column}_width"


def prepared_images(made: Columns, by: Pictured, column: str, shape: Shape, dtype: str) -> str:
    """Return images, bytes of (rows, height, width, channels), as the network takes them."""
    sides = _Sides(_side(made, column, 1), _side(made, column, 2))
    if by.resize is not None:
        wanted = _wanted(made, by.resize, sides)
        values = _resized(made, column, sides, wanted, by.interpolation)
        sides = wanted
    else:
        values = made.cast(column, "float64")
    if by.crop is not None:
        values = _cropped(made, values, sides, by.crop)
    if by.range is not None:
        low, high = by.range
        values = made.node("Div", values, made.constant(255.0))
        if high - low != 1:
            values = made.node("Mul", values, made.constant(high - low))
        if low:
            values = made.node("Add", values, made.constant(low))
    if by.mean is not None and by.std is not None:
        values = made.node("Sub", values, made.constant(by.mean))
        values = made.node("Div", values, made.constant(by.std))
    values = made.cast(values, dtype)
    if by.layout == "channels_first":
        values = made.node("Transpose", values, perm=(0, 3, 1, 2))
    # As many images as there were: of smaller ones than a crop several would make one.
    return made.node("Reshape", values, made.constant([0, *map(int, shape)], "int64"))


def _side(made: Columns, column: str, axis: int) -> str:
    length = made.node("Shape", column, start=axis, end=axis + 1)
    return made.node("Squeeze", length)


def _wanted(made: Columns, resize: int | tuple[int, int], sides: _Sides) -> _Sides:
    """Return the height and width after `resize`."""
    if isinstance(resize, tuple):
        return _Sides(*(made.constant(each, "int64") for each in resize))
    shorter = made.node("Min", *sides)
    count = made.constant(resize, "int64")
    return _Sides(*(made.node("Div", made.node("Mul", side, count), shorter) for side in sides))


def _resized(made: Columns, values: str, sides: _Sides, wanted: _Sides, kind: str) -> str:
    across = _weights(made, sides.width, wanted.width, kind)
    down = _weights(made, sides.height, wanted.height, kind)
    # The axis that is resized comes last, where a product with the weights sums over it.
    values = made.cast(made.node("Transpose", values, perm=(0, 1, 3, 2)), "float64")
    values = _summed(made, values, across)
    values = _summed(made, made.node("Transpose", values, perm=(0, 2, 3, 1)), down)
    return made.node("Transpose", values, perm=(0, 3, 2, 1))


def _summed(made: Columns, values: str, weights: str) -> str:
    """Return bytes with the last axis resized.

    As a product of two matrices: of many small ones ONNX Runtime takes seven times as long.
    """
    before = made.node("Shape", weights, start=0, end=1)
    rest = made.node("Shape", values, start=0, end=3)
    after = made.node("Shape", weights, start=1, end=2)
    rows = made.constant([-1], "int64")
    flat = made.node("Reshape", values, made.node("Concat", rows, before, axis=0))
    bytes_ = _rounded(made, made.node("MatMul", flat, weights))
    return made.node("Reshape", bytes_, made.node("Concat", rest, after, axis=0))


def _rounded(made: Columns, sums: str) -> str:
    """Return sums of weights as bytes."""
    half = made.node("Add", sums, made.constant(PRECISION / 2))
    whole = made.node("Floor", made.node("Div", half, made.constant(PRECISION)))
    return made.node("Clip", whole, made.constant(0.0), made.constant(255.0))


def _weights(made: Columns, before: str, after: str, kind: str) -> str:
    """Return Pillow's weights, whole numbers, of each pixel before in each one after.

    As `precompute_coeffs` and `normalize_coeffs_8bpc` of its Resample.c compute them.
    """
    zero, one, half = (made.constant(each) for each in (0.0, 1.0, 0.5))
    old, new = made.cast(before, "float64"), made.cast(after, "float64")
    scale = made.node("Div", old, new)
    width = made.node("Max", scale, one)
    support = made.node("Mul", made.constant(SUPPORT[kind]), width)
    places = made.node("Add", made.node("Range", zero, new, one), half)
    centers = made.node("Mul", places, scale)
    first = made.node("Floor", made.node("Add", made.node("Sub", centers, support), half))
    last = made.node("Floor", made.node("Add", made.node("Add", centers, support), half))
    # As (before, after): a column has the weights of one pixel.
    axis = made.constant([1], "int64")
    pixels = made.node("Unsqueeze", made.node("Range", zero, old, one), axis)
    distance = made.node("Add", made.node("Sub", pixels, centers), half)
    distance = made.node("Abs", made.node("Mul", distance, made.node("Reciprocal", width)))
    inside = made.node(
        "And", made.node("GreaterOrEqual", pixels, first), made.node("Less", pixels, last)
    )
    shares = made.node("Where", inside, _share(made, distance, kind), zero)
    total = made.node("ReduceSum", shares, made.constant([0], "int64"), keepdims=1)
    units = made.node("Mul", made.node("Div", shares, total), made.constant(PRECISION))
    up = made.node("Floor", made.node("Add", units, half))
    down = made.node("Ceil", made.node("Sub", units, half))
    return made.node("Where", made.node("Less", units, zero), down, up)


def _share(made: Columns, x: str, kind: str) -> str:
    """Return the weight, before it is one of a sum of 1, of a pixel at a distance of x."""
    if kind == "box":
        return made.cast(made.node("LessOrEqual", x, made.constant(0.5)), "float64")
    one = made.constant(1.0)
    if kind == "bilinear":
        return made.node("Max", made.node("Sub", one, x), made.constant(0.0))
    a = -0.5
    near = made.node("Mul", made.constant(a + 2), x)
    near = made.node("Mul", made.node("Sub", near, made.constant(a + 3)), x)
    near = made.node("Add", made.node("Mul", near, x), one)
    far = made.node("Mul", made.node("Sub", x, made.constant(5.0)), x)
    far = made.node("Mul", made.node("Add", far, made.constant(8.0)), x)
    far = made.node("Mul", made.node("Sub", far, made.constant(4.0)), made.constant(a))
    is_far = made.node("Less", x, made.constant(2.0))
    outer = made.node("Where", is_far, far, made.constant(0.0))
    return made.node("Where", made.node("Less", x, one), near, outer)


def _cropped(made: Columns, values: str, sides: _Sides, crop: tuple[int, int]) -> str:
    axis = made.constant([0], "int64")
    starts = []
    for side, kept in zip(sides, crop, strict=True):
        spare = made.cast(made.node("Sub", side, made.constant(kept, "int64")), "float64")
        start = made.node("Round", made.node("Mul", spare, made.constant(0.5)))
        starts.append(made.node("Unsqueeze", made.cast(start, "int64"), axis))
    begin = made.node("Concat", *starts, axis=0)
    end = made.node("Add", begin, made.constant(list(crop), "int64"))
    return made.node("Slice", values, begin, end, made.constant([1, 2], "int64"))
