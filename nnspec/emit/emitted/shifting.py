"""The target of a language model."""

import numpy as np


def following(ids: np.ndarray, ignored: int) -> np.ndarray:
    """Return the next id at each position, and what the loss ignores at the last one."""
    last = np.full_like(ids[:, :1], ignored)
    return np.concatenate([ids[:, 1:], last], axis=1)
