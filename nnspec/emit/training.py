"""The training text that the source backends share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from nnspec.emit.code import wrap
from nnspec.errors import UnsupportedError, UsageError
from nnspec.language.losses import Loss
from nnspec.language.objectives import is_composed
from nnspec.language.optimizers import Optimizer
from nnspec.language.schedules import Schedule
from nnspec.language.training_schema import Training
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec


class LossBody(NamedTuple):
    """The loss as a function of `output` and `target`: the title of its docstring, and its lines.

    modules: that the lines use, where the file has to ask for them. uses: names of what the
    backend has to define before it. weighted: its lines where rows count by `sample_weight`, if
    these do not follow: see `nnspec.emit.weighting`. says_mean: whether the docstring says that it
    is the mean over the batch; more: what it says after that. is_weighted: whether rows count by
    `sample_weight` in its lines.
    """

    title: str
    lines: tuple[str, ...]
    modules: frozenset[str] = frozenset()
    uses: tuple[str, ...] = ()
    weighted: tuple[str, ...] = ()
    says_mean: bool = True
    more: str = ""
    is_weighted: bool = False

    @property
    def summary(self) -> str:
        """Its docstring."""
        if self.says_mean:
            mean = "the weighted mean" if self.is_weighted else "the mean"
            return f"{self.title}, {mean} over the batch{self.more}."
        return f"{self.title}{self.more}{', by weights' if self.is_weighted else ''}."


R = TypeVar("R")
LossRow = LossBody | Callable[[Any, int], LossBody]
"""The body, or what makes it of the loss and the rank of the output, the batch not counted."""


def row_of(rows: Mapping[Any, R], record: object, what: str) -> R:
    """Return the row of a loss, an optimizer or a schedule; raises UnsupportedError."""
    row = rows.get(type(record))
    if row is None:
        raise UnsupportedError(f"{what} has no lowering in this backend")
    return row


def loss_body(rows: Mapping[type[Loss], LossRow], loss: Loss, graph: Graph) -> LossBody:
    """Return the body of a loss by its row."""
    row = row_of(rows, loss, f"the loss {loss.type}")
    return row if isinstance(row, LossBody) else row(loss, graph.types[graph.outputs[0]].rank)


def counted(axis: int) -> int:
    """Return an axis of a row as it is among the axes of a batch."""
    return axis if axis < 0 else axis + 1


def axis_in_batch(training: Training) -> int:
    """Return the axis of the classes among the axes of a batch."""
    return counted(training.resolved_loss.class_axis)


def title_of(optimizer: Optimizer) -> str:
    """Return an optimizer's name as a sentence begins with it."""
    kind = optimizer.type
    return _TITLES.get(kind) or " ".join(kind.capitalize().split("_"))


_TITLES = {
    "adamw": "AdamW",
    "asgd": "ASGD",
    "ftrl": "FTRL",
    "lamb": "LAMB",
    "nadam": "NAdam",
    "radam": "RAdam",
    "rms_prop": "RMSprop",
    "schedule_free_adamw": "Schedule-free AdamW",
    "sgd": "SGD",
}
"""Optimizer -> its name, where that is not its type with a capital letter."""


def indented(lines: Iterable[str]) -> list[str]:
    """Return the lines as they stand in the body of a function, long ones broken."""
    found = []
    for line in lines:
        text = line.lstrip()
        found += wrap(text, 4 + len(line) - len(text))
    return found


def shifts_target(spec: Spec) -> bool:
    """Whether the network learns its target shifted and scaled: that of an autoencoder too."""
    data = spec.model.data
    if data is None or is_composed(spec.model):
        return False
    if data.targets:
        return data.standardize_target
    from nnspec.emit.prepared_columns import prepared_inputs  # which few networks have
    from nnspec.emit.sources import file_inputs

    others = {*prepared_inputs(spec), *file_inputs(spec)}  # which have scales of their own
    return data.standardize and all(
        type_.dtype.startswith("float") and name not in others
        for name, type_ in spec.graph.inputs.items()
    )


def gives_spreads(spec: Spec) -> bool:
    """Whether the output holds means and variances of a target that is shifted and scaled."""
    training = spec.model.training
    if training is None or not shifts_target(spec):
        return False
    return training.resolved_loss.compares == "means"


def training_of(spec: Spec) -> Training:
    """Return the training of a spec; raises UsageError where it has none that can be done."""
    training = spec.model.training
    if training is None:
        raise UsageError(f"{spec.name} has no `training` section to compile")
    if len(spec.graph.outputs) != 1 and not is_composed(spec.model):
        raise UsageError(
            f"{spec.name} has {len(spec.graph.outputs)} outputs: `training.loss` has to say by "
            "output what is minimised"
        )
    rate = training.optimizer.learning_rate
    if isinstance(rate, Schedule) and rate.is_relative:
        raise UsageError(
            f"a length of the schedule {rate.schedule} is relative, and the steps of an epoch are "
            "those of rows that are not known here: write lengths in steps"
        )
    return training
