"""Shapes without the batch axis, with whole or named sizes, and the arithmetic on them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from nnspec.layers.sizes import Size

Dim = int | str
"""A size: a whole number, or the name of a dynamic axis (or an expression in one: `time // 2`)."""

Shape = tuple[Dim, ...]
"""Sizes of every axis but the batch."""

MAX_RANK = 7
"""Axes that a value may have, the batch not counted: with it 8, all that TensorFlow takes."""

DataFormat = Literal["channels_first", "channels_last"]


class TensorType(NamedTuple):
    """The type of a value of the graph: its shape without the batch axis, and its dtype."""

    shape: Shape
    dtype: str = "float32"

    @property
    def rank(self) -> int:
        """Number of axes, the batch not counted."""
        return len(self.shape)


def show(shape: Iterable[Dim]) -> str:
    """Return `(3, time)`, and `(3,)` for one axis, as Python writes a tuple."""
    sizes = [str(size) for size in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def product(shape: Iterable[Dim]) -> int | None:
    """Return the number of elements, or None when an axis is dynamic."""
    result = 1
    for size in shape:
        if isinstance(size, str):
            return None
        result *= size
    return result


def window_output(
    size: Dim, kernel: int, stride: int, dilation: int, padding: tuple[int, int]
) -> Dim:
    """Return how many windows fit: (n + pads - dilation (kernel - 1) - 1) // stride + 1."""
    span = dilation * (kernel - 1) + 1
    shift = sum(padding) - span
    if isinstance(size, int):
        return (size + shift) // stride + 1
    return _dim(_size(size).plus(_size(shift)).over(stride).plus(_size(1)))


def shifted(size: str, amount: int) -> Dim:
    """Return a dynamic size and a number added."""
    return _dim(_size(size).plus(_size(amount)))


def broadcast(shapes: Iterable[Shape]) -> Shape | None:
    """Return the shape to which all stretch by NumPy's rules, or None where they do not."""
    result: Shape = ()
    for shape in shapes:
        rank = max(len(result), len(shape))
        sizes: list[Dim] = []
        for a, b in zip(_ranked(result, rank), _ranked(shape, rank), strict=True):
            if a != b and a != 1 and b != 1:
                return None
            sizes.append(b if a == 1 else a)
        result = tuple(sizes)
    return result


def _ranked(shape: Shape, rank: int) -> Shape:
    return (1,) * (rank - len(shape)) + shape


def scaled(size: Dim, factor: int) -> Dim:
    """Return the size times a whole number."""
    return size * factor if isinstance(size, int) else _dim(_size(size).scaled(factor))


def added(sizes: Iterable[Dim]) -> Dim:
    """Return the sum of sizes."""
    total: Dim = 0
    for size in sizes:
        if isinstance(size, int) and isinstance(total, int):
            total += size
        else:
            total = _dim(_size(total).plus(_size(size)))
    return total


def divided(size: Dim, divisor: int) -> Dim:
    """Return the size over a whole number, rounded up."""
    if isinstance(size, int):
        return -(-size // divisor)
    return _dim(_size(size).plus(_size(divisor - 1)).over(divisor))


def fraction_of(size: Dim, over: int, under: int) -> Dim:
    """Return the size times over / under, rounded down."""
    if isinstance(size, int):
        return size * over // under
    return _dim(_size(size).scaled(over).over(under))


def transposed_output(size: Dim, stride: int, surplus: int) -> Dim:
    """Return n · stride + surplus."""
    if isinstance(size, int):
        return size * stride + surplus
    return _dim(_size(size).scaled(stride).plus(_size(surplus)))


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return TensorFlow's "same" pads: the odd one at the end (ONNX SAME_UPPER)."""
    span = dilation * (kernel - 1) + 1
    total = max((-(-size // stride) - 1) * stride + span - size, 0)
    return total // 2, total - total // 2


def _dim(size: "Size") -> Dim:
    dim = size.dim()
    assert dim is not None
    return dim


def _size(size: Dim) -> "Size":
    from nnspec.layers.sizes import size_of  # which networks of fixed sizes do without

    return size_of(size)
