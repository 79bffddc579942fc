"""Random numbers that depend on a key alone, and are the same in every version of NumPy.

Only raw bits are taken from NumPy: its distributions may change between versions (NEP 19).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Precision = Literal["float32", "float64"]

STEP = 2**14
"""Numbers that are made at once: their float64 values stay in the processor's cache."""
SORTED = 2**17
"""Rows whose order is found at once, at least."""
WORKERS = 4
"""Threads that share one array at most."""
_SEED = np.random.SeedSequence(0)
"""Without one, NumPy asks the system for entropy, which takes longer than a small tensor."""
_ZEROS = np.zeros(4, np.uint64)


def stream(*key: str | int) -> np.random.Philox:
    """Return Philox 4x64-10 (Salmon et al. 2011) keyed by the SHA-256 of the key as JSON."""
    bits = np.random.Philox(_SEED)
    bits.state = {
        "bit_generator": "Philox",
        "state": {"counter": _ZEROS, "key": np.frombuffer(_digest(key)[:16], dtype="<u8")},
        "buffer": _ZEROS,
        "buffer_pos": len(_ZEROS),
        "has_uint32": 0,
        "uinteger": 0,
    }
    return bits


def derived_seed(*key: str | int) -> int:
    """Return a seed in [0, 2³¹), which every framework takes."""
    return int.from_bytes(_digest(key)[:4], "little") >> 1


def permutation(count: int, *key: str | int) -> NDArray[np.intp]:
    """Return 0 .. count-1 in an order that the key alone decides."""
    return np.argsort(_raw(stream(*key), count), kind="stable")


def block_permutation(count: int, block: int, buffer: int, *key: str | int) -> NDArray[np.intp]:
    """Return 0 .. count-1 in an order of which each stretch is of few blocks.

    Blocks of `block` neighbours are put in an order that the key decides, and the numbers of each
    `buffer` of them, one after the other, are shuffled.
    """
    blocks = permutation(-(-count // block), "blocks", *key)
    drawn = _raw(stream(*key), count)
    found = np.empty(count, np.intp)
    # Stretches are sorted one by one, or some small ones at a time: they stay in the cache.
    size = max(SORTED // (block * buffer), 1) * buffer

    def fill(first: int, last: int) -> None:
        for at in range(first, last):
            chosen = blocks[at * size : (at + 1) * size]
            rows = (chosen[:, None] * block + np.arange(block)).reshape(-1)
            is_row = rows < count  # the last block may be smaller
            stretch = np.repeat(np.arange(len(chosen)) // buffer, block)[is_row]
            rows = rows[is_row]
            start = ends[at] - len(rows)
            found[start : ends[at]] = rows[_sorted(drawn[rows], stretch, rows)]

    sizes = np.minimum(count - blocks * block, block)
    ends = np.add.reduceat(sizes, np.arange(0, len(blocks), size)).cumsum() if count else sizes
    _in_parts(fill, len(ends), 1)
    return found


def _sorted(
    drawn: NDArray[np.uint64], stretch: NDArray[np.intp], rows: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the order of rows by stretch, in it by what was drawn, and of equals by row."""
    order = np.argsort(drawn)  # not stable, and faster: hardly ever are two the same
    ordered = drawn[order]
    if (ordered[1:] == ordered[:-1]).any():
        return np.lexsort((rows, drawn, stretch))
    if stretch[0] == stretch[-1]:
        return order
    found: NDArray[np.intp] = order[np.argsort(stretch[order], kind="stable")]
    return found


def uniform(
    bits: np.random.Philox, count: int, *, limit: float | None = None, dtype: Precision = "float64"
) -> NDArray[Any]:
    """Return the next `count` numbers, uniform on [0, 1) in steps of 2⁻⁵³, or on ±limit."""
    if count <= STEP:
        return _scaled(_drawn(bits, count), limit).astype(dtype, copy=False)
    numbers = np.empty(count, dtype)

    def fill(first: int, last: int) -> None:
        drawing = _Drawing(bits, first)
        for start in range(first, last, STEP):
            drawn = _scaled(drawing.next(min(STEP, last - start)), limit)
            numbers[start : start + len(drawn)] = drawn

    _in_parts(fill, count)
    skip(bits, count)
    return numbers


def halves(bits: np.random.Philox, count: int) -> NDArray[np.uint32]:
    """Return the next `count` whole numbers below 2³², two of each that the stream makes."""
    raw = _raw(bits, (count + 1) // 2).astype("<u8", copy=False)
    return raw.view("<u4")[:count]


def _scaled(drawn: NDArray[np.float64], limit: float | None) -> NDArray[np.float64]:
    """Spread numbers on [0, 1) over ±limit, where there is one."""
    if limit is not None:
        drawn *= 2.0
        drawn -= 1.0
        drawn *= limit
    return drawn


def normal(
    bits: np.random.Philox, count: int, *, deviation: float = 1.0, dtype: Precision = "float64"
) -> NDArray[Any]:
    """Return the next `count` normal numbers of mean 0. Box and Muller 1958."""
    pairs = (count + 1) // 2
    if pairs <= STEP:
        drawn = _drawn(bits, 2 * pairs)
        whole = np.concatenate(_polar(drawn[:pairs], drawn[pairs:]))
        whole *= deviation
        return whole[:count].astype(dtype, copy=False)
    numbers = np.empty(2 * pairs, dtype)

    def fill(first: int, last: int) -> None:
        for start, cosines, sines in _box_muller(bits, pairs, first, last):
            for place, part in ((start, cosines), (pairs + start, sines)):
                part *= deviation
                numbers[place : place + len(part)] = part

    _in_parts(fill, pairs)
    skip(bits, 2 * pairs)
    return numbers[:count]


def truncated_normal(
    bits: np.random.Philox, count: int, *, scale: float = 1.0, dtype: Precision = "float64"
) -> NDArray[Any]:
    """Return the next `count` standard normal numbers with those beyond two deviations left out.

    Their deviation is 0.87962566103423978, times `scale`. Box and Muller 1958, with rejection.
    """
    found = np.empty(0, dtype)
    while len(found) < count:
        more = _within_two(bits, (count - len(found)) * 11 // 20 + 8, scale, dtype)
        found = np.concatenate([found, more]) if len(found) else more
    return found[:count]


def _within_two(bits: np.random.Philox, pairs: int, scale: float, dtype: Precision) -> NDArray[Any]:
    """Return those of so many pairs of normal numbers that lie within two deviations."""
    numbers = np.empty(2 * pairs, dtype)

    def fill(first: int, last: int) -> None:
        for start, cosines, sines in _box_muller(bits, pairs, first, last):
            for place, part in ((start, cosines), (pairs + start, sines)):
                outside = np.abs(part) > 2.0
                part *= scale
                part[outside] = np.nan
                numbers[place : place + len(part)] = part

    _in_parts(fill, pairs)
    skip(bits, 2 * pairs)
    count = 0
    for start in range(0, len(numbers), STEP):
        part = numbers[start : start + STEP]
        part = part[~np.isnan(part)]
        numbers[count : count + len(part)] = part
        count += len(part)
    return numbers[:count]


def _box_muller(
    bits: np.random.Philox, pairs: int, first: int, last: int
) -> Iterator[tuple[int, NDArray[np.float64], NDArray[np.float64]]]:
    """Yield pairs `first` to `last` of so many normal ones in parts, each with its first place.

    The radii are made of the next `pairs` numbers of the stream, the angles of those after them.
    """
    radii, angles = _Drawing(bits, first), _Drawing(bits, pairs + first)
    for start in range(first, last, STEP):
        count = min(STEP, last - start)
        yield start, *_polar(radii.next(count), angles.next(count))


def _polar(
    radius: NDArray[np.float64], angle: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return pairs of normal numbers, made of uniform ones in their place."""
    np.negative(radius, out=radius)
    np.log1p(radius, out=radius)
    radius *= -2.0
    np.sqrt(radius, out=radius)
    angle *= 2.0 * np.pi
    cosine = np.cos(angle)
    np.sin(angle, out=angle)
    cosine *= radius
    angle *= radius
    return cosine, angle


class _Drawing:
    """Uniform numbers from a place of a stream on, which itself stays where it is."""

    def __init__(self, bits: np.random.Philox, start: int) -> None:
        self._bits = np.random.Philox(_SEED)
        self._bits.state = bits.state
        skip(self._bits, start)

    def next(self, count: int) -> NDArray[np.float64]:
        """Return the next numbers, uniform on [0, 1) in steps of 2⁻⁵³."""
        return _drawn(self._bits, count)


def _drawn(bits: np.random.Philox, count: int) -> NDArray[np.float64]:
    """Return the next numbers of a stream, uniform on [0, 1) in steps of 2⁻⁵³."""
    raw = _raw(bits, count)
    raw >>= np.uint64(11)
    # The same memory, number by number: all are below 2⁵³ and so exact.
    numbers = raw.view(np.float64)
    np.multiply(raw, 2.0**-53, out=numbers)
    return numbers


def skip(bits: np.random.Philox, count: int) -> None:
    """Move a stream on by so many numbers, without drawing them: it makes four at a time."""
    left = 4 - int(bits.state["buffer_pos"])
    if count >= left:
        bits.advance((count - left) // 4)
        count = (count - left) % 4
    bits.random_raw(count)


def _in_parts(fill: Callable[[int, int], None], count: int, step: int = STEP) -> None:
    """Call `fill` for all of 0 .. count-1, for large counts in a few threads, for `step` at least.

    NumPy's functions let other threads run meanwhile.
    """
    workers = min(WORKERS, count // step)
    if workers > 1:
        workers = min(os.cpu_count() or 1, workers)
    if workers <= 1:
        fill(0, count)
        return
    edges = [count * i // workers for i in range(workers + 1)]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(fill, edges[:-1], edges[1:]))


def _digest(key: tuple[str | int, ...]) -> bytes:
    return hashlib.sha256(json.dumps(key).encode()).digest()


def _raw(bits: np.random.Philox, count: int) -> NDArray[np.uint64]:
    return np.asarray(bits.random_raw(count), dtype=np.uint64)
