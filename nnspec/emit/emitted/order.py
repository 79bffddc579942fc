"""An order of rows that depends on a key alone."""

import hashlib
import json

import numpy as np


def permutation(count: int, *key: str | int) -> np.ndarray:
    """Return 0 .. count - 1 in an order that depends on the key alone."""
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    bits = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8"))
    return np.argsort(bits.random_raw(count), kind="stable")


def block_permutation(
    count: int, block: int, buffer: int, *key: str | int
) -> np.ndarray:
    """Return 0 .. count - 1: blocks in a drawn order, shuffled among each `buffer` of them."""
    blocks = permutation(-(-count // block), "blocks", *key)
    stretch = np.empty(len(blocks), np.int32)
    stretch[blocks] = np.arange(len(blocks)) // buffer
    order = permutation(count, *key)
    return order[np.argsort(stretch[order // block], kind="stable")]
