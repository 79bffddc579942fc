"""Advice on the optimizer's settings, and on a loss that does not fit the task."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.errors import Problem
from nnspec.language.schema import Model
from nnspec.network.graph import Graph
from nnspec.network.rules import advice

_OF_NUMBERS = frozenset({"mse", "mae", "huber", "smooth_l1", "log_cosh", "mape", "msle"})
_SCALED = frozenset(
    {"adam", "amsgrad", "nadam", "radam", "adamax", "rms_prop", "adagrad", "adadelta"}
)
"""Optimizers that divide a gradient by its size, that of a penalty too."""


def advise(model: Model, graph: Graph, bodies: list[Graph]) -> Iterator[Problem]:
    """Yield advice on a rate far from the usual one, on l2 that is scaled away, on losses."""
    training = model.training
    if training is None:
        return
    optimizer = training.optimizer
    given = optimizer.learning_rate
    rate: float = getattr(given, "base", given)  # type: ignore[arg-type]  # of a schedule
    usual = type(optimizer).model_fields["learning_rate"].default
    if isinstance(usual, float) and not usual / 10_000 < rate < usual * 100:
        far = "steps overshoot" if rate > usual else "training hardly moves"
        yield advice(
            "unusual-rate",
            f"a learning rate of {rate:g} is {_times(rate, usual)} the usual {usual:g} of "
            f"{optimizer.type}, and {far}",
            f"begin with learning_rate: {usual:g}, and try steps of a factor 3 around it",
            None,
        )
    l2 = getattr(optimizer, "l2", 0)
    if l2 and optimizer.type in _SCALED:
        yield advice(
            "scaled-l2",
            f"{optimizer.type} divides the gradient of `l2` by its size, so that the penalty is "
            "about the same however large `l2` is, and weights of large gradients hardly decay",
            "use `decay` (adamw), which is apart from the gradient, if weights shall decay",
            None,
        )
    loss = training.resolved_loss.type
    if training.kind != "regression" and loss in _OF_NUMBERS:
        fitting = (
            "binary_cross_entropy" if training.kind == "binary" else "categorical_cross_entropy"
        )
        yield advice(
            "weak-loss",
            f"{loss} of probabilities has hardly a gradient where the network is sure and wrong: "
            f"a {training.task} network learns from that with {fitting}",
            f"leave out `loss`, which is then {fitting}",
            None,
        )


def _times(rate: float, usual: float) -> str:
    if rate > usual:
        return f"{rate / usual:,.0f} times"
    return f"one {usual / rate:,.0f}th of"
