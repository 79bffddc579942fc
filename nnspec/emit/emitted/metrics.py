"""Metrics that scikit-learn has not for all rows."""

import numpy as np
from sklearn.metrics import r2_score

HAS_WEIGHTS = False


def r2(
    target: np.ndarray, output: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Return 1 - residual / variance, the mean over the columns."""
    if len(target) < 2:  # 1 where it is met exactly, else 0
        return float(np.mean(target == output))
    if HAS_WEIGHTS:
        return float(r2_score(target, output, sample_weight=weights))
    return float(r2_score(target, output))
