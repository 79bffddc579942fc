"""Says of what differs after training steps which parameter it is, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.judge.sources import Source
from nnspec.layers import BatchNormalization
from nnspec.network.loader import Spec
from nnspec.verification.comparison import LOSS
from nnspec.verification.tolerance import tensor_error
from nnspec.verification.trained import TrainedRun

if TYPE_CHECKING:
    from nnspec.backend import Weights
    from nnspec.verification.trained import TrainedRun

CLOSE = 1e-6
"""Relative: of a statistic that another formula gives."""
SHOWN = 3
"""Parameters that are named."""


@dataclass
class Steps:
    """A run, and the weights after each of its steps. frozen: what the file does not let learn."""

    run: TrainedRun = field(default_factory=TrainedRun)
    weights: list[Weights] = field(default_factory=list)
    raw: list[Weights] = field(default_factory=list)
    """The weights before statistics of a framework's own formula were read as the spec's."""
    start: Weights = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    """Of each layer, the numbers that a channel has in what it takes."""
    frozen: set[str] = field(default_factory=set)

    def after(self, step: int) -> TrainedRun:
        """Return the run up to a step."""
        return replace(self.run, losses=self.run.losses[: step + 1], weights=self.weights[step])


def causes(
    spec: Spec, exceeded: Set[str], both: tuple[Steps, Steps], step: int,
    sources: Mapping[str, Source],
) -> tuple[str | None, str]:  # fmt: skip
    """Return the layer at fault after a step, and sentences on what is wrong."""
    names = [name for name, _ in spec.graph.parameters() if name in exceeded]
    found = list(_told(spec, names, both, step, sources))
    homes = {f"{at.path}.{each.name}": at.path for at in spec.graph.walk()
             for each in at.parameters()}  # fmt: skip
    if found:
        return homes.get(found[0][0]), " ".join(told for _, told in found[:SHOWN])
    after = f"After step {step + 1}"
    if names:
        return homes.get(names[-1]), f"{after}: {', '.join(names[-SHOWN:])}."
    return None, f"{after}: the loss." if LOSS in exceeded else ""


def _told(
    spec: Spec,
    names: list[str],
    both: tuple[Steps, Steps],
    step: int,
    sources: Mapping[str, Source],
) -> Iterator[tuple[str, str]]:
    ours, theirs = both
    for name in names:
        if name in theirs.frozen:
            tensor = sources[name].tensor
            yield name, f"{tensor} is frozen in the file, and {name} learns in the spec."
    learned = [name for name in names if name in ours.run.gradients and name not in theirs.frozen]
    mine, other = ours.run.gradients, theirs.run.gradients
    cut = [name for name in learned if np.any(mine[name]) and not np.any(other[name])]
    for name in cut:
        yield name, f"No gradient reaches {sources[name].tensor} in the file: it is cut off."
    errors = {name: tensor_error(other[name], mine[name]) for name in learned}
    wrong = [name for name in learned if errors[name] > CLOSE and name not in cut]
    # Errors travel backwards: the last layer that has one is the first that got it.
    for name in reversed(wrong if not theirs.frozen and not cut else []):
        yield name, f"The gradient of {name} as in training differs by {errors[name]:.1e}."
    for at in spec.graph.walk():
        if isinstance(at.node.layer, BatchNormalization):
            for last in ("running_mean", "running_var"):
                name = f"{at.path}.{last}"
                if name in names:
                    yield name, f"{name} after step {step + 1}: {_of_statistic(at, name, both)}."


def _of_statistic(at: Any, name: str, both: tuple[Steps, Steps]) -> str:
    """Return what a file does to a statistic instead, by its first step."""
    ours, theirs = both[0].weights[0][name], both[1].raw[0][name]
    start, count = both[0].start[name], both[0].values[at.path]
    momentum = float(at.node.layer.momentum)
    if tensor_error(theirs, start) <= CLOSE:
        return "the file does not update it"
    if momentum == 1.0 or count < 2:
        return "the file updates it otherwise"
    batch = (ours - momentum * start) / (1 - momentum)
    unbiased = batch * count / (count - 1)
    for of_batch in (batch, unbiased) if name.endswith("var") else (batch,):
        towards = of_batch - start
        share = float((theirs - start) @ towards) / max(float(towards @ towards), 1e-300)
        if tensor_error(theirs, start + share * towards) > CLOSE:
            continue
        if abs(share - (1 - momentum)) <= CLOSE:
            return (
                f"the file takes the unbiased variance, over {count - 1}, and the spec over {count}"
            )
        told = f"the file weighs the old value by {1 - share:.4g}, and the spec by {momentum:.4g}"
        is_turned = abs(share - momentum) <= CLOSE
        return f"{told}: its momentum means 1 minus the spec's" if is_turned else told
    return "the file updates it otherwise"
