"""Optimizer steps of each source by itself, against the spec's formula in NumPy.

The step gets gradients that are made for it, of 0 and of all sizes: so that a clipping, a decay or
another rate shows, whatever the network's own gradients are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend import KeepsAverages
from nnspec.language.schedules import Schedule
from nnspec.support.streams import derived_seed
from nnspec.verification.tolerance import EXACT
from nnspec.weights.optimizer_state import STEP

if TYPE_CHECKING:
    from nnspec.backend import Array, Inspectable, Target, Weights
    from nnspec.language.optimizers import Optimizer, Step
    from nnspec.language.optimizers.groups import Settings
    from nnspec.language.training_schema import Training

SCALES = (0.0, 1.0, 1e4, 1e-3, 1.0, 0.0, 1e2, 1.0, 1e-7, 1.0, 1e6, 1.0)
"""Of the gradients, by step: the first is 0, so that nothing may move but by a decay."""
SMALL = (1e-6, 1e-6, 1e-4)
"""Of those of a second training: what is added to a root, or under it, shows before large ones."""
SPREAD = 30.0
"""Deviation of what is added to the weights, so that a small decay moves them visibly."""
AT_A_TURN = (1.0, 1.0, 1.0, 1.0)
MOST_TURNS = 3
"""Of a schedule, at which an optimizer is followed: that it is not a step early, or late."""
MOST_BATCHES = 64
"""Of one training, where a step takes many of them."""
_ULPS = 64 * 2.0**-53
"""Of a weight, by rounding: a formula has some 20 operations a step, each of which rounds by half a
unit; where the weight is made anew of sums over steps, as by ftrl, those of the steps add up."""


def formula_errors(
    program: Inspectable,
    training: Training,
    own: Mapping[str, Settings],
    weights: Weights,
    inputs: Mapping[str, Array],
    target: Target,
    seed: int,
) -> tuple[float, list[str]]:
    """Return the largest error of a step beside the formula, and what shows it.

    A step takes the mean of the gradients of some batches, clips it, and follows the optimizer.
    own: the settings of each parameter.

    The error is relative to the largest movement of the step, rounding of the weights left out.
    """
    clip, count = training.clip, training.accumulate
    most = max(len(SMALL), MOST_BATCHES // count)
    _, reached = program.gradients(inputs, target)
    draw = np.random.default_rng(derived_seed("optimizer", seed))
    spread = {
        name: array + draw.normal(0, SPREAD, array.shape) if name in reached else array
        for name, array in weights.items()
    }
    names = [name for name in reached if _is_reached(program, name, reached)]
    worst = 0.0
    # The last gradient is one that a clipping must change.
    limits = () if clip is None else (clip.given[clip.kind],)
    trainings = [(0, (*SCALES[:most], *limits)), (0, SMALL)]
    trainings += [(taken, AT_A_TURN) for taken in _before_turns(training.optimizer)]
    for taken, scales in trainings:
        program.load_weights(spread)
        program.start_training()
        if taken:
            state = program.optimizer_state()
            if STEP not in state:  # one of names of its own
                continue
            optimizer = training.optimizer
            scalars = {
                name: np.array(optimizer.scalar_after(name, taken)) for name in optimizer.scalars
            }
            program.load_optimizer_state({**state, **scalars, STEP: np.array(taken)})
        steps = {name: _new(training.optimizer, own[name]) for name in names}
        means: Weights = {}
        before = program.weights()
        for number, scale in enumerate(scales, start=taken + 1):
            total = {name: np.zeros(before[name].shape) for name in reached}
            for batch in range(count):
                if batch > 0 and _have_moved(before, program.weights(), names):
                    return math.inf, [f"step {number} is taken after {batch} batches, not {count}"]
                gradients = {name: np.zeros_like(array) for name, array in total.items()}
                for name in names:
                    gradients[name] = scale * draw.normal(size=before[name].shape)
                    total[name] += gradients[name]
                program.follow(inputs, target, gradients)
            after = program.weights()
            mean = {name: array / count for name, array in total.items()}
            clipped = mean if clip is None else clip.clipped(mean)
            expected = {name: steps[name](before[name], clipped[name], number) for name in names}
            error = _error(before, after, expected)
            if taken and error:
                # Near 0 a rate is known up to a rounding of the largest one.
                error *= max(_part_of_base(training.optimizer, number - 1), EXACT)
            off = 0.0 if taken else _average_error(program, training, after, means, steps, number)
            worst = max(worst, error, off)
            if off > EXACT:
                return worst, [f"the average of the weights after step {number} is not the spec's"]
            if error > EXACT:
                return worst, [f"step {number}, of gradients of {scale:g}, is not the spec's"]
            before = after
    return worst, []


def _before_turns(optimizer: Optimizer) -> list[int]:
    """Return how many steps were taken shortly before a schedule turns, after what is followed.

    The arrays of the state are then as they begin: the formula and the source have the same, which
    is what a step is compared by. Numbers of all parameters are those of so many steps.
    """
    schedule = optimizer.learning_rate
    if not isinstance(schedule, Schedule):
        return []
    turns = (turn for turn in sorted({*schedule.turns()}) if turn > len(SCALES))
    return [turn - 2 for turn in turns][:MOST_TURNS]


def _part_of_base(optimizer: Optimizer, step: int) -> float:
    schedule = optimizer.learning_rate
    return optimizer.rate(step) / schedule.base if isinstance(schedule, Schedule) else 1.0


def _have_moved(
    before: Mapping[str, Array], after: Mapping[str, Array], names: Iterable[str]
) -> bool:
    return any(not np.array_equal(before[name], after[name]) for name in names)


def _average_error(
    program: Inspectable,
    training: Training,
    weights: Weights,
    means: Weights,
    steps: Mapping[str, Step],
    step: int,
) -> float:
    """Return the error of the averages after a step, relative to the largest way left to a weight.

    means: those of the steps before, updated. steps: the formulas, which may tell it themselves.
    """
    record = training.average
    if not training.keeps_average or not isinstance(program, KeepsAverages):
        return 0.0
    moved, rounding = 0.0, {}
    own = {name: vars(each)["average"]() for name, each in steps.items()} if record is None else {}
    for name, array in weights.items():
        before = own.get(name, array) if record is None else means.get(name, np.zeros(()))
        moved = max(moved, float(np.abs(array - before).max(initial=0)))
        largest = np.abs(array).max(initial=0) + np.abs(before).max(initial=0)
        # One that is told of the weights is apart from them by a part of the way alone.
        part = getattr(training.optimizer, "beta_1", 1.0) if record is None else 1.0
        rounding[name] = _ULPS * float(largest) / part
        if record is not None:
            means[name] = before + record.share(step) * (array - before)
    wanted = means if record is not None and record.has_begun(step) else {**weights, **own}
    with program.averaged():
        given = program.weights()
    # Running statistics have no average, and these steps leave gradients alone to the weights.
    rests = [
        float(np.abs(given[name] - wanted[name]).max(initial=0)) - rounding[name]
        for name in wanted
        if not name.endswith(("running_mean", "running_var"))
    ]
    if any(map(math.isnan, rests)):
        return math.inf
    rest = max(rests, default=0.0)
    if rest <= 0:
        return 0.0
    return rest / moved if moved > 0 else math.inf


def _new(optimizer: Optimizer, own: Settings) -> Step:
    step = optimizer.steps(own)
    assert step is not None
    return step


def _is_reached(program: Inspectable, name: str, gradients: Mapping[str, Array]) -> bool:
    # One that no output depends on keeps its value in every framework.
    return bool(gradients[name].size) and bool(np.any(gradients[name]))


def _error(
    before: Mapping[str, Array], after: Mapping[str, Array], expected: Mapping[str, Array]
) -> float:
    worst = 0.0
    movement = max(
        (float(np.abs(array - before[name]).max(initial=0)) for name, array in expected.items()),
        default=0.0,
    )
    for name, array in expected.items():
        off = np.abs(after[name] - array).max(initial=0)
        rounding = _ULPS * np.abs(before[name]).max(initial=0)
        rest = max(float(off - rounding), 0.0)
        if math.isnan(rest):
            return math.inf
        if rest > 0:
            worst = max(worst, rest / movement if movement > 0 else float("inf"))
    return worst
