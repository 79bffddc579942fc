"""Advice on the optimizer's settings, and on a loss that does not fit the task."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.errors import Problem
from nnspec.language.losses import Loss
from nnspec.language.optimizers import Optimizer
from nnspec.network.rules import Case, Steps, advice

_OF_NUMBERS = frozenset({"mse", "mae", "huber", "smooth_l1", "log_cosh", "mape", "msle"})
_SUMMING = frozenset({"sgd", "asgd"})
"""Optimizers that take a gradient as large as it is; all others divide it by its size, that of a
penalty too.
"""


def advise(case: Case) -> Iterator[Problem]:
    """Yield advice on a rate far from the usual one, on l2 that is scaled away, on losses."""
    if case.steps is not None:
        yield from _rates(case.steps.optimizer)
        yield from _penalties(case.steps)
    training = case.model.training
    if training is None:
        return
    yield from _weights(training.resolved_loss)
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


def far_rates(optimizer: Optimizer) -> Iterator[tuple[float, float]]:
    """Yield (rate, the usual one) for each learning rate far from that: its own, and of groups."""
    given = optimizer.learning_rate
    rate: float = getattr(given, "base", given)  # type: ignore[arg-type]  # of a schedule
    usual = type(optimizer).model_fields["learning_rate"].default
    rates = [rate]
    for group in optimizer.groups:
        own = group.learning_rate
        scale = getattr(own, "scale", None)
        if own is not None:
            rates.append(rate * scale if scale is not None else own)  # type: ignore[arg-type]
    for each in dict.fromkeys(rates):
        if isinstance(usual, float) and not usual / 10_000 < each < usual * 100:
            yield each, usual


def has_l2(optimizer: Optimizer) -> bool:
    """Whether a penalty of squares is a part of some gradient."""
    own = getattr(optimizer.l2, "rate", optimizer.l2)
    return bool(own) or any(group.l2 for group in optimizer.groups)


def _rates(optimizer: Optimizer) -> Iterator[Problem]:
    for rate, usual in far_rates(optimizer):
        far = "steps overshoot" if rate > usual else "training hardly moves"
        yield advice(
            "unusual-rate",
            f"a learning rate of {rate:g} is {_times(rate, usual)} the usual {usual:g} of "
            f"{optimizer.type}, and {far}",
            f"begin with learning_rate: {usual:g}, and try steps of a factor 3 around it",
            None,
        )


def _penalties(steps: Steps) -> Iterator[Problem]:
    optimizer = steps.optimizer
    if (has_l2(optimizer) or steps.has_term) and optimizer.type not in _SUMMING:
        penalty = "`l2`" if has_l2(optimizer) else "the l2 term of `regularization`"
        yield advice(
            "scaled-l2",
            f"{optimizer.type} divides the gradient of {penalty} by its size, so that it is about "
            "the same however large the factor is, and weights of large gradients hardly decay",
            "use `decay` (adamw), which is apart from the gradient, if weights shall decay",
            None,
        )


def _weights(loss: Loss) -> Iterator[Problem]:
    for key in ("class_weights", "alpha"):
        weights = getattr(loss, key, None)
        if isinstance(weights, tuple) and weights and not any(weights):
            yield advice(
                "zero-weights",
                f"every class has the weight 0 in `{key}` of {loss.type}, so that the loss is 0 "
                "whatever the network gives, and nothing is learnt",
                f"give the classes that count a weight above 0, or leave `{key}` out",
                None,
            )


def _times(rate: float, usual: float) -> str:
    if rate > usual:
        return f"{rate / usual:,.0f} times"
    return f"one {usual / rate:,.0f}th of"
