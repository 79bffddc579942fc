"""Outputs and targets as metrics compare them: of the places that count, as the loss sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.language.losses import Loss

Array = NDArray[Any]


def compared(
    loss: Loss, output: Array, target: Array, weight: Array | None = None
) -> tuple[Array, Array, Array | None]:
    """Return outputs and targets without places that count for nothing, classes on the last axis.

    What a loss compares other than the output is in the output's place: the means of
    distributions, a score for each pair of vectors, more for what is more alike. weight: what each
    row counts, or each place of it; it is returned for what is left.
    """
    if loss.is_compared_whole:
        return output, target, weight
    if loss.compares:
        view = _VIEWS.get(loss.compares)
        return (*((output, target) if view is None else view(loss, output, target)), weight)
    axis = loss.class_axis
    if axis != -1:
        place = axis + 1 if axis >= 0 else axis
        if target.ndim == output.ndim:  # a probability per class
            target = target.argmax(axis=place)
        output = np.moveaxis(output, place, -1)
    if loss.ignored is not None:
        there = target != loss.ignored
        weight = None if weight is None else _spread(weight, target)[there]
        output, target = output[there], target[there]
    return output, target, weight


def counted_target(loss: Loss, target: Array, rank: int, weight: Array | None = None) -> Array:
    """Return the classes, or numbers, of the places that count.

    rank: of the output, the batch not counted. weight: as `compared` takes it.
    """
    if loss.compares == "triplets":
        target = np.ones(len(target))
    elif loss.compares == "labels":
        return target if weight is None else target[weight > 0]
    elif _is_of_classes(loss) and target.ndim == rank + 1:  # a probability per class
        axis = loss.class_axis
        target = target.argmax(axis=axis + 1 if axis >= 0 else axis)
    there = np.ones(target.shape, bool) if loss.ignored is None else target != loss.ignored
    if weight is not None:
        there &= _spread(weight, target) > 0
    found: Array = target[there]
    return found


def _is_of_classes(loss: Loss) -> bool:
    return loss.leaves_out == "softmax" or loss.measured_as == "multiclass"


def _spread(weight: Array, target: Array) -> Array:
    """Return what each element of the target counts."""
    more = (1,) * (target.ndim - weight.ndim)
    return np.broadcast_to(weight.reshape(weight.shape + more), target.shape)


def _means(loss: Any, output: Array, target: Array) -> tuple[Array, Array]:
    return output[..., : output.shape[-1] // 2], target


def _rates(loss: Any, output: Array, target: Array) -> tuple[Array, Array]:
    return np.exp(output.astype("float64")), target


def _distance(loss: Any, output: Array, target: Array) -> tuple[Array, Array]:
    return -output, target


def _distances(loss: Any, output: Array, target: Array) -> tuple[Array, Array]:
    first, second = np.moveaxis(output.astype("float64"), 1, 0)
    return -np.linalg.norm(first - second + loss.epsilon, axis=-1), target


def _cosines(loss: Any, output: Array, target: Array) -> tuple[Array, Array]:
    first, second = np.moveaxis(output.astype("float64"), 1, 0)
    lengths = np.maximum(np.linalg.norm([first, second], axis=-1), loss.epsilon)
    return (first * second).sum(axis=-1) / (lengths[0] * lengths[1]), target


def _differences(loss: Any, output: Array, target: Array) -> tuple[Array, Array]:
    return output[:, 0] - output[:, 1], target


def _triplets(loss: Any, output: Array, target: Array) -> tuple[Array, Array]:
    anchor, positive, negative = np.moveaxis(output.astype("float64"), 1, 0)
    near = np.linalg.norm(anchor - positive + loss.epsilon, axis=-1)
    far = np.linalg.norm(anchor - negative + loss.epsilon, axis=-1)
    return far - near, np.ones(near.shape)


_VIEWS: dict[str, Callable[[Any, Array, Array], tuple[Array, Array]]] = {
    "means": _means,
    "rates": _rates,
    "distance": _distance,
    "distances": _distances,
    "cosines": _cosines,
    "differences": _differences,
    "triplets": _triplets,
}
