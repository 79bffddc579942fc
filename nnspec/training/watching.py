"""The best epoch, and whether a run stops: both follow from its history alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nnspec.data.dataset import Dataset
from nnspec.errors import UsageError
from nnspec.language.metrics_by_output import reported_metrics
from nnspec.language.schedules import Schedule
from nnspec.language.training_schema import Training
from nnspec.language.watching import Keep, better_of, watched
from nnspec.network.graph import Graph
from nnspec.training.comparing import counted_target
from nnspec.training.history import Epoch
from nnspec.training.metrics import undefined


@dataclass(frozen=True)
class Watched:
    """A measure by its name in the history; is_less: whether less of it is better."""

    name: str
    is_less: bool = True
    min_delta: float = 0.0

    def is_better(self, epoch: Epoch, than: Epoch) -> bool:
        """Whether an epoch is better than another, by `min_delta` at least."""
        value, other = epoch.values[self.name], than.values[self.name]
        return value + self.min_delta < other if self.is_less else value - self.min_delta > other

    def best_of(self, history: Sequence[Epoch]) -> Epoch:
        """Return the best epoch, the first of equals."""
        return self._followed(history)[0]

    def has_ended(self, history: Sequence[Epoch], patience: int) -> bool:
        """Whether so many epochs in a row were no better than the best before them."""
        return bool(history) and self._followed(history)[1] >= patience

    def _followed(self, history: Sequence[Epoch]) -> tuple[Epoch, int]:
        best, waited = history[0], 0
        for epoch in history[1:]:
            if self.is_better(epoch, best):
                best, waited = epoch, 0
            else:
                waited += 1
        return best, waited


def watched_by(record: Keep | None, training: Training, *, has_validation: bool) -> Watched:
    """Return what a record of the spec watches, or by default the loss."""
    name = watched(record, has_validation=has_validation)
    mode = better_of(record, name, reported_metrics(training), training.metric_kind)
    return Watched(name, mode == "min", getattr(record, "min_delta", 0.0))


def plateau_of(training: Training) -> Keep | None:
    """Return what a rate of the training watches, or None where it follows from the steps."""
    rate = training.optimizer.learning_rate
    if not isinstance(rate, Schedule) or rate.schedule != "plateau":
        return None
    from nnspec.language.schedules.plateau import Plateau

    assert isinstance(rate, Plateau)
    return rate.watched


def notes_of_undefined(graph: Graph, training: Training, data: Dataset) -> list[str]:
    """Return what is not measured of some rows; raises UsageError where `stop` or `keep` need it.

    What an epoch does not measure at all can be watched neither.
    """
    notes: list[str] = []
    has_validation = data.validation is not None
    measured = data.validation if data.validation is not None else data.train
    if isinstance(measured.target, dict):
        return notes  # see `require_watched`
    missing = undefined(graph, training, measured.target, measured.weight)
    prefix = "val_" if has_validation else ""
    shape = graph.types[graph.outputs[0]].shape
    classes = shape[training.resolved_loss.class_axis] if shape else 1
    classes = classes if isinstance(classes, int) else 1
    kind = training.metric_kind
    known = {"loss", *(["val_loss"] if has_validation else [])}
    known |= {
        f"{prefix}{name}"
        for metric in training.resolved_metrics
        for name in metric.names(kind, classes)
        if name not in missing
    }
    records = {"stop": training.stop, "keep": training.keep}
    for key, record in (*records.items(), ("optimizer.learning_rate", plateau_of(training))):
        if record is None:
            continue
        name = watched_by(record, training, has_validation=has_validation).name
        if name not in known:
            why = "no epoch measures it"
            if name.removeprefix("val_") in missing:
                why = "it is not defined for the rows that epochs measure"
            raise UsageError(
                f'`training.{key}` watches "{name}": {why}; measured: {", ".join(sorted(known))}'
            )
    for part, rows in (("validation" if has_validation else "training", measured),
                       ("test", data.test)):  # fmt: skip
        target = rows.target if rows is not None else None
        names: list[str] = []
        if rows is not None and target is not None and not isinstance(target, dict):
            names = undefined(graph, training, target, rows.weight)
        if names and rows is not None and not isinstance(target, dict | None):
            why = "a class that it takes has none of them"
            rank = len(graph.types[graph.outputs[0]].shape)
            if not counted_target(training.resolved_loss, target, rank, rows.weight).size:
                why = "none of their places counts"
            elif training.metric_kind == "labels":
                why = "they have no labels"
            notes.append(
                f"{', '.join(names)} of the {part} rows: not defined, as {why}, and left out"
            )
    return notes
