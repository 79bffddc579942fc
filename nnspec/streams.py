"""Random numbers that depend on a key alone, and are the same in every version of NumPy.

Only raw bits are taken from NumPy: its distributions may change between versions (NEP 19).
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
from numpy.typing import NDArray


def stream(*key: str | int) -> np.random.Philox:
    """Return Philox 4x64-10 (Salmon et al. 2011) keyed by the SHA-256 of the key as JSON."""
    return np.random.Philox(key=np.frombuffer(_digest(key)[:16], dtype="<u8"))


def derived_seed(*key: str | int) -> int:
    """Return a seed in [0, 2³¹), which every framework takes."""
    return int.from_bytes(_digest(key)[:4], "little") >> 1


def permutation(count: int, *key: str | int) -> NDArray[np.intp]:
    """Return 0 .. count-1 in an order that the key alone decides."""
    return np.argsort(_raw(stream(*key), count), kind="stable")


def uniform(bits: np.random.Philox, count: int) -> NDArray[np.float64]:
    """Return the next `count` numbers, uniform on [0, 1) in steps of 2⁻⁵³."""
    return (_raw(bits, count) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(bits: np.random.Philox, count: int) -> NDArray[np.float64]:
    """Return the next `count` standard normal numbers. Box and Muller 1958."""
    pairs = (count + 1) // 2
    radius = np.sqrt(-2.0 * np.log1p(-uniform(bits, pairs)))
    angle = 2.0 * np.pi * uniform(bits, pairs)
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]


def truncated_normal(bits: np.random.Philox, count: int) -> NDArray[np.float64]:
    """Return the next `count` standard normal numbers with those beyond two deviations left out.

    Their deviation is 0.87962566103423978. Box and Muller 1958, with rejection.
    """
    found = np.empty(0)
    while len(found) < count:
        pairs = (count - len(found)) * 11 // 20 + 8
        radius = np.sqrt(-2.0 * np.log1p(-uniform(bits, pairs)))
        angle = 2.0 * np.pi * uniform(bits, pairs)
        normal = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
        found = np.concatenate([found, normal[np.abs(normal) <= 2.0]])
    return found[:count]


def _digest(key: tuple[str | int, ...]) -> bytes:
    return hashlib.sha256(json.dumps(key).encode()).digest()


def _raw(bits: np.random.Philox, count: int) -> NDArray[np.uint64]:
    return np.asarray(bits.random_raw(count), dtype=np.uint64)
