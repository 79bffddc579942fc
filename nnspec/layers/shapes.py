"""Shapes without the batch axis, with whole or named sizes, and the arithmetic on them."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

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
    if stride == 1:
        return size if shift == -1 else _plus(size, shift + 1)
    return f"{_atom(_plus(size, shift))} // {stride} + 1"


def shifted(size: str, amount: int) -> Dim:
    """Return a dynamic size and a number added."""
    return _plus(size, amount)


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
    if isinstance(size, int):
        return size * factor
    return size if factor == 1 else f"{_atom(size)} * {factor}"


def added(sizes: Iterable[Dim]) -> Dim:
    """Return the sum of sizes."""
    total = 0
    names: dict[str, int] = {}
    for size in sizes:
        if isinstance(size, int):
            total += size
        else:
            names[size] = names.get(size, 0) + 1
    if not names:
        return total
    if len(names) == 1:
        ((name, times),) = names.items()
        return _plus(str(scaled(name, times)), total)
    parts = (
        _atom(name) if times == 1 else str(scaled(name, times)) for name, times in names.items()
    )
    text = " + ".join(parts)
    return f"{text} + {total}" if total else text


def divided(size: Dim, divisor: int) -> Dim:
    """Return the size over a whole number, rounded up."""
    if isinstance(size, int):
        return -(-size // divisor)
    if divisor == 1:
        return size
    # ⌈⌈n / a⌉ / b⌉ is ⌈n / ab⌉.
    dividend, _, last = size.rpartition(" // ")
    if last.isdecimal() and dividend.startswith("(") and dividend.endswith(f" + {int(last) - 1})"):
        name = dividend[1:].rpartition(" + ")[0]
        if _atom(name) == name:
            return divided(name, int(last) * divisor)
    return f"{_atom(_plus(size, divisor - 1))} // {divisor}"


def transposed_output(size: Dim, stride: int, surplus: int) -> Dim:
    """Return n · stride + surplus."""
    if isinstance(size, int):
        return size * stride + surplus
    if stride == 1:
        return _plus(size, surplus)
    whole = scaled(size, stride)
    return f"{whole} {'+' if surplus > 0 else '-'} {abs(surplus)}" if surplus else whole


def same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return TensorFlow's "same" pads: the odd one at the end (ONNX SAME_UPPER)."""
    span = dilation * (kernel - 1) + 1
    total = max((-(-size // stride) - 1) * stride + span - size, 0)
    return total // 2, total - total // 2


def _plus(size: str, amount: int) -> str:
    if amount == 0:
        return size
    # A chain of layers must not make an ever longer text of "time - 2 - 2 - 2".
    rest, _, last = size.rpartition(" ")
    before, sign = rest[:-2], rest[-2:]
    if sign in (" +", " -") and last.isdigit() and _atom(before) == before:
        return _plus(before, amount + int(last) * (1 if sign == " +" else -1))
    return f"{_atom(size)} {'+' if amount > 0 else '-'} {abs(amount)}"


def _atom(size: Dim) -> str:
    text = str(size)
    is_atom = text.isidentifier() or (text.startswith("(") and text.endswith(")"))
    return text if is_atom else f"({text})"
