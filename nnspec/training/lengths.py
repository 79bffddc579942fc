"""Relative lengths of schedules in steps, where the number of rows is known, or assumed."""

from __future__ import annotations

import math
from dataclasses import replace

from pydantic_core import ValidationError

from nnspec.errors import Problem, SpecError
from nnspec.language.schedules import Schedule
from nnspec.language.training_schema import Training
from nnspec.network.loader import Spec
from nnspec.network.places import placed

ASSUMED = 100
"""Batches of an epoch where no rows are known, as in a verification."""


def is_relative(spec: Spec) -> bool:
    """Whether a length of its schedule is a share of all steps, or in epochs."""
    training = spec.model.training
    rate = training.optimizer.learning_rate if training is not None else None
    return isinstance(rate, Schedule) and rate.is_relative


def with_steps(spec: Spec, rows: int) -> Spec:
    """Return the spec with lengths in steps, of so many training rows; raises SpecError.

    All steps are those of the spec's epochs, however many a run is asked for.
    """
    training = spec.model.training
    if training is None or not is_relative(spec):
        return spec
    return _with_batches(spec, training, math.ceil(rows / training.batch_size))


def with_rows_read(spec: Spec) -> Spec:
    """Return the same by the rows that the spec names; raises DataError, SpecError."""
    if not is_relative(spec):
        return spec
    if spec.model.data is None:
        raise _wrong(
            spec,
            "a length of the schedule is relative, and without `data` there are no rows to count",
            "write lengths in steps",
        )
    from nnspec.data.rows import load_data

    return with_steps(spec, len(load_data(spec).train))


def with_assumed_steps(spec: Spec) -> Spec:
    """Return the same by epochs of `ASSUMED` batches; raises SpecError."""
    training = spec.model.training
    if training is None or not is_relative(spec):
        return spec
    return _with_batches(spec, training, ASSUMED)


def _with_batches(spec: Spec, training: Training, batches: int) -> Spec:
    schedule = training.optimizer.learning_rate
    assert isinstance(schedule, Schedule)
    total = batches * training.epochs // training.accumulate
    if total < 1:
        raise _wrong(
            spec,
            "a length of the schedule is a share of all steps, and there are none",
            "train for more epochs, or give `accumulate` fewer batches",
        )
    try:
        found = schedule.in_steps(batches / training.accumulate, total)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        message = f"in steps, of which there are {total}, {schedule.schedule} cannot be: {reason}"
        raise _wrong(spec, message, "change its lengths, or train for more epochs") from None
    optimizer = training.optimizer.model_copy(update={"learning_rate": found})
    changed = training.model_copy(update={"optimizer": optimizer})
    return replace(spec, model=spec.model.model_copy(update={"training": changed}))


def _wrong(spec: Spec, message: str, hint: str) -> SpecError:
    problem = Problem("not-trainable", message, hint)
    return SpecError([placed(problem, spec, "training", "optimizer", "learning_rate")])
