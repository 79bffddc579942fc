"""Limits of a network's size: the cost of resolving it is bounded, whatever a spec says."""

from __future__ import annotations

MAX_LAYERS = 200_000
"""Layers of a network once its blocks are opened."""
MAX_BLOCK_DEPTH = 32
MAX_WORK = 2_000_000
"""Values that blocks may be given in all, each counted anew in every repetition."""
MAX_ELEMENTS = 2**38
"""Elements of one value or of all parameters: one tebibyte of float32."""


def big(number: int | None) -> str:
    """Return a number that may be too long to read."""
    if number is None or number < 10**18:
        return f"{number:,}"
    return f"about 10^{len(str(number)) - 1}"
