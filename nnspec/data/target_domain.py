"""The domain of a loss: the targets that it takes, wherever data enter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.data.wanted import require_wanted
from nnspec.errors import DataError
from nnspec.language.losses.targets import wanted
from nnspec.network.loader import Spec

Array = NDArray[Any]


def require_target(spec: Spec, target: Array) -> Array:
    """Return the target of some rows; raises DataError for what the spec's loss cannot take.

    Class numbers are 0 to n - 1, answers of yes or no between 0 and 1, and all are finite.
    """
    array = np.asarray(target)
    if array.dtype.kind not in "biuf":
        raise DataError(f"the target has values of type {array.dtype}; numbers are expected")
    training = spec.model.training
    if training is not None:
        output = spec.graph.types[spec.graph.outputs[0]].shape
        if choices := wanted(training.resolved_loss, output):
            require_wanted(array, choices)
            return array
    kind = training.kind if training is not None else "regression"
    least, most = -np.inf, np.inf
    if kind == "binary":
        least, most = 0, 1
    elif kind == "multiclass":
        classes = spec.graph.types[spec.graph.outputs[0]].shape[-1:]
        is_number = array.dtype.kind in "iu" and classes and isinstance(classes[0], int)
        least, most = 0, int(classes[0]) - 1 if is_number else 1
    wrong = ~((array >= least) & (array <= most) & np.isfinite(array))
    if wrong.any():
        row = int(np.argwhere(wrong)[0][0])
        value = array[wrong][0]
        expected = f"{least} to {most}" if np.isfinite(most) else "a finite number"
        raise DataError(f"target, row {row + 1}: {value}; {expected} is expected")
    return array
