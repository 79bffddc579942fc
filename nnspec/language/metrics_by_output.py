"""The metrics of a network that is trained on several outputs: each called after its output."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nnspec.language.metrics import Kind, Metric
from nnspec.language.objectives import named_outputs, training_of

if TYPE_CHECKING:
    from nnspec.language.training_schema import Training


class OfOutput(Metric):
    """One metric of one output; without a metric its loss, as it is without its weight."""

    type: str
    output: str
    metric: Metric | None = None
    kind: Kind = "regression"
    """Of the output's target."""

    def names(self, kind: Kind, classes: int | None) -> Iterable[str]:
        """Return the names under which it is reported."""
        own = ("loss",) if self.metric is None else self.metric.names(self.kind, classes)
        return [f"{self.output}_{name}" for name in own]


class MoreIsBetter(OfOutput):
    """A metric of which more is better."""

    better = "max"


class LessIsBetter(OfOutput):
    """A metric of which less is better, or a loss."""

    better = "min"


def reported_metrics(training: Training) -> tuple[Metric, ...]:
    """Return what is reported beside the loss; of losses by output, each of them too."""
    if not named_outputs(training):
        return training.resolved_metrics
    found: list[Metric] = []
    for output in named_outputs(training):
        found.append(LessIsBetter(type="loss", output=output))
        alone = training_of(training, output)
        kind = alone.metric_kind
        for metric in alone.resolved_metrics:
            made = MoreIsBetter if metric.better == "max" else LessIsBetter
            found.append(made(type=metric.type, output=output, metric=metric, kind=kind))
    return tuple(found)


def alone_in(training: Training) -> list[Training]:
    """Return the training of each output alone; of one that has no name, the training."""
    names = named_outputs(training)
    return [training_of(training, name) for name in names] or [training]
