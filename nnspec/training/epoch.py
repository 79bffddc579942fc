"""One epoch: a step for each batch, then what the network makes of the rows kept apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
from numpy.typing import NDArray

from nnspec.backend import KeepsAverages, SharesBatches, TakesNoise, Trainable
from nnspec.data.dataset import Dataset, Part
from nnspec.errors import UsageError
from nnspec.language.objectives import is_composed
from nnspec.language.training_schema import Training
from nnspec.network.loader import Spec
from nnspec.support.streams import block_permutation, derived_seed, permutation
from nnspec.training.batches import evaluate, steps
from nnspec.training.metrics import Units
from nnspec.training.within import Saving, Taken

OnStep = Callable[[int, int, int, float], None]
"""Called after each step with the epoch and the step (from 1), the steps of an epoch, the loss."""


class NotFinite(Exception):
    """A loss or a metric is no longer a finite number; the message says which, and when."""


def run_epoch(
    program: Trainable,
    spec: Spec,
    data: Dataset,
    number: int,
    on_step: OnStep | None = None,
    saving: Saving | None = None,
) -> dict[str, float]:
    """Train for an epoch, counted from 1, and return its measures by name; raises NotFinite.

    Dropout and the order of the rows depend on the seed and the number alone. saving: how its
    middle is saved, and where it begins.
    """  # fmt: skip
    training = spec.model.training
    assert training is not None
    values = {"loss": run_steps(program, spec, data, number, on_step, saving)}
    if data.validation is not None:
        with averaged(program, training):
            found = measured(program, spec, data, data.validation)
        values |= {f"val_{name}": value for name, value in found.items()}
    else:
        with averaged(program, training):
            found = measured(program, spec, data, data.train)
        values |= {name: value for name, value in found.items() if name != "loss"}
    for name, value in values.items():
        if not math.isfinite(value):
            raise NotFinite(f"{name} is {value} after epoch {number}")
    return values


def run_steps(
    program: Trainable, spec: Spec, data: Dataset, number: int, on_step: OnStep | None = None,
    saving: Saving | None = None,
) -> float:  # fmt: skip
    """Take the steps of an epoch, and return the mean loss of its rows; raises NotFinite."""
    training = spec.model.training
    assert training is not None
    seed, size, rows = training.seed, training.batch_size, data.train
    taken = Taken() if saving is None else saving.taken
    begun = len(taken)
    _reseed(program, spec, number, begun)
    order = _order(spec, len(rows), number) if training.shuffle else None
    if data.kinds is not None:
        from nnspec.data.resampling import drawn  # which few specs need

        order = drawn(data.kinds, seed, number)
    total = math.ceil(len(rows) / size)
    if spec.model.data is not None and spec.model.data.augment:
        from nnspec.data.augmenting import augmented  # which few specs need

        rows = augmented(spec, data, number)
    if begun:
        order = (np.arange(len(data.train)) if order is None else order)[begun * size :]
    for step, (loss, count) in enumerate(steps(program, rows, size, order), start=begun + 1):
        if not math.isfinite(loss):
            raise NotFinite(f"the loss is {loss} in epoch {number}, step {step} of {total}")
        taken.losses.append(loss)
        taken.sizes.append(count)
        if saving is not None and step % saving.every == 0 and step < total:
            _gather(program)
            if saving.save is not None:
                saving.save(taken)
            _reseed(program, spec, number, step)
        if on_step is not None:
            on_step(number, step, total, loss)
    _gather(program)
    return float(np.average(taken.losses, weights=taken.sizes))


def _gather(program: Trainable) -> None:
    """Let the first of several processes have what all have trained, before it is asked."""
    if isinstance(program, SharesBatches):
        program.gather()


def _reseed(program: Trainable, spec: Spec, number: int, step: int) -> None:
    """Let random layers begin anew, at the begin of an epoch or after a step."""
    assert spec.model.training is not None
    key = (spec.model.training.seed, number, *([step] if step else []))
    program.reseed(derived_seed("epoch", *key))
    if isinstance(program, TakesNoise) and spec.graph.is_random:
        program.take_noise(derived_seed("noise", *key))


def _order(spec: Spec, count: int, number: int) -> NDArray[np.intp]:
    """Return the order of the rows in an epoch, which the seed and its number decide."""
    training, data = spec.model.training, spec.model.data
    assert training is not None
    key = "order", training.seed, number
    if data is None or data.stream is None:
        return permutation(count, *key)
    return block_permutation(count, data.stream.block, data.stream.buffer, *key)


def averaged(program: Trainable, training: Training) -> AbstractContextManager[None]:
    """Let the average that the spec has stand for the weights; raises UsageError."""
    if not training.keeps_average:
        return nullcontext()
    if not isinstance(program, KeepsAverages):
        raise UsageError("the backend keeps no average of the weights (KeepsAverages)")
    return program.averaged()


def measured(program: Trainable, spec: Spec, data: Dataset, part: Part) -> dict[str, float]:
    """Return the loss and the metrics of a part of the rows, in the units of its target."""
    assert spec.model.training is not None
    if is_composed(spec.model):
        from nnspec.training.composed import evaluate_composed  # few specs have several losses

        return evaluate_composed(program, spec, part, spec.model.training.batch_size)
    return evaluate(program, spec.graph, spec.model.training, part, units_of(data))


def units_of(data: Dataset) -> Units | None:
    """Return those of the target as it was, or None where it is learnt as it is."""
    mean, scale = data.preprocessing.target_mean, data.preprocessing.target_scale
    return Units(mean, scale) if mean is not None and scale is not None else None
