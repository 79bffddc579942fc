"""Every loss by its definition, and equal in both frameworks with its gradient, at the edges too.

The emitted functions are called without a network, all in this process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from nnspec.language.losses import LOSSES, Loss
from tests.training import loss_formulas
from tests.training.losses_alone import both

Array = NDArray[Any]
EXACT = 1e-9
ROWS = 5
DRAW = np.random.default_rng(0)
VECTOR = DRAW.normal(size=(ROWS, 3))
SEQUENCE = DRAW.normal(size=(ROWS, 4, 3))
IMAGE = DRAW.normal(size=(ROWS, 3, 2, 4))
CLASSES = {
    "vector": DRAW.integers(0, 3, ROWS),
    "sequence": DRAW.integers(0, 3, (ROWS, 4)),
    "image": DRAW.integers(0, 3, (ROWS, 2, 4)),
}
SHARES = DRAW.dirichlet(np.ones(3), (ROWS, 4))
SHARES[0, 0] = [1, 0, 0]
YES = DRAW.integers(0, 2, (ROWS, 4, 3)).astype(float)
LABELS = np.array([[1, 2, -1], [1, 1, 2], [3, -1, -1], [2, 2, 2], [1, 3, 1]])
SIGN = np.array([1, -1, 0, 1, -1])
PAIR, THREE = DRAW.normal(size=(ROWS, 2, 3)), DRAW.normal(size=(ROWS, 3, 4))
STEPS = DRAW.normal(size=(ROWS, 6, 4))


class Case(NamedTuple):
    """A loss of an output and a target; is_smooth: whether differences give its gradient."""

    fields: dict[str, Any]
    output: Array
    target: Array
    is_smooth: bool = True

    @property
    def loss(self) -> Loss:
        return LOSSES[self.fields["type"]].model_validate(self.fields)


def _ignored(target: Array, number: float) -> Array:
    found = target.astype(type(number)).copy()
    found[0] = number
    found[1, 2] = number
    return found


def _cross_entropies() -> Iterator[Case]:
    options: list[dict[str, Any]] = [
        {},
        {"label_smoothing": 0.1},
        {"class_weights": [1.0, 2.0, 0.5]},
        {"class_weights": [1.0, 2.0, 0.0], "label_smoothing": 0.2},
    ]
    ignored = {"ignore_index": -100}
    across = np.moveaxis(SHARES, -1, 1)
    for option in options:
        fields = {"type": "categorical_cross_entropy", **option}
        yield Case(fields, VECTOR, CLASSES["vector"])
        yield Case(fields, VECTOR, SHARES[:, 0])
        yield Case(fields, SEQUENCE, CLASSES["sequence"])
        yield Case(fields, SEQUENCE, SHARES)
        yield Case({**fields, "axis": 0}, IMAGE, CLASSES["image"])
        yield Case({**fields, "axis": 1}, np.moveaxis(IMAGE, 1, 2), CLASSES["image"])
        yield Case({**fields, "axis": -2}, np.moveaxis(SEQUENCE, -1, 1), across)
        kept = CLASSES["sequence"]
        yield Case(fields | ignored, SEQUENCE, _ignored(kept, -100))
        yield Case(fields | ignored, SEQUENCE, np.full_like(kept, -100))
        yield Case({**fields, "ignore_index": 1}, SEQUENCE, kept)
    for option in (
        {},
        {"label_smoothing": 0.1},
        {"positive_weight": 2.5},
        {"positive_weight": [1.0, 2.0, 3.0], "label_smoothing": 0.1},
    ):
        fields = {"type": "binary_cross_entropy", **option}
        yield Case(fields, SEQUENCE, YES)
        yield Case(fields, SEQUENCE, SHARES)
        yield Case({**fields, "ignore_index": 255}, SEQUENCE, _ignored(YES, 255.0))
        yield Case({**fields, "ignore_index": 255}, SEQUENCE, np.full_like(YES, 255))


def _focal() -> Iterator[Case]:
    for gamma in (0.0, 0.5, 2.0):
        binary, classes = (
            {"type": kind, "gamma": gamma} for kind in ("binary_focal", "categorical_focal")
        )
        alpha = {"alpha": [1.0, 2.0, 0.3]}
        yield Case(binary, SEQUENCE, YES)
        yield Case({**binary, "alpha": 0.3}, SEQUENCE, YES)
        yield Case(classes, SEQUENCE, CLASSES["sequence"])
        yield Case({**classes, **alpha, "axis": 0}, IMAGE, CLASSES["image"])
        fields = {**classes, **alpha, "ignore_index": -100}
        yield Case(fields, SEQUENCE, _ignored(CLASSES["sequence"], -100))
        yield Case(fields, SEQUENCE, np.full_like(CLASSES["sequence"], -100))
    for q in (0.3, 1.0):
        yield Case({"type": "generalized_cross_entropy", "q": q}, SEQUENCE, CLASSES["sequence"])


def _overlaps() -> Iterator[Case]:
    for target in (YES, np.zeros_like(YES), np.ones_like(YES)):
        yield Case({"type": "dice"}, SEQUENCE, target)
        yield Case({"type": "tversky", "alpha": 0.6, "smooth": 0.1}, SEQUENCE, target)
    yield Case({"type": "dice", "smooth": 0.1}, VECTOR, YES[:, 0])
    yield Case({"type": "categorical_dice"}, VECTOR, CLASSES["vector"])
    yield Case({"type": "categorical_dice", "smooth": 0.1}, SEQUENCE, CLASSES["sequence"])
    yield Case({"type": "categorical_dice", "axis": 0}, IMAGE, CLASSES["image"])
    moved = np.moveaxis(IMAGE, 1, 2)
    yield Case({"type": "categorical_dice", "axis": 1}, moved, CLASSES["image"])


def _distributions() -> Iterator[Case]:
    yield Case({"type": "kl_divergence"}, VECTOR, SHARES[:, 0])
    yield Case({"type": "kl_divergence"}, SEQUENCE, SHARES)
    yield Case({"type": "poisson"}, SEQUENCE, 3 * YES)
    rate = {"type": "poisson", "log_input": False, "epsilon": 0.1}
    yield Case(rate, SEQUENCE, 3 * YES, is_smooth=False)
    halves, target = DRAW.normal(size=(ROWS, 2, 4)), DRAW.normal(size=(ROWS, 2, 2))
    yield Case({"type": "gaussian_nll"}, halves, target)
    yield Case({"type": "gaussian_nll"}, halves, halves[..., :2])
    variance = {"type": "gaussian_nll", "log_variance": False, "epsilon": 0.1}
    yield Case(variance, np.abs(halves), target)


def _margins() -> Iterator[Case]:
    for kind in ("hinge", "squared_hinge", "hinge_embedding"):
        yield Case({"type": kind}, SEQUENCE, YES)
        yield Case({"type": kind}, SEQUENCE, 2 * YES - 1)
        yield Case({"type": kind}, 2 * YES - 1, 2 * YES - 1, is_smooth=False)  # at the margin
    classes = CLASSES["sequence"]
    for fields in (
        {"type": "categorical_hinge"},
        {"type": "multi_margin"},
        {"type": "multi_margin", "margin": 0.3, "power": 2},
    ):
        yield Case(fields, SEQUENCE, classes)
        yield Case(fields, VECTOR, CLASSES["vector"])
        yield Case(fields, np.zeros_like(SEQUENCE), classes, is_smooth=False)  # ties
        yield Case(fields, np.eye(3)[classes], classes, is_smooth=False)
    yield Case({"type": "multilabel_margin"}, SEQUENCE, YES)
    yield Case({"type": "multilabel_margin"}, VECTOR, YES[:, 0])
    yield Case({"type": "multilabel_margin"}, YES, YES, is_smooth=False)
    yield Case({"type": "multilabel_margin"}, SEQUENCE, np.zeros_like(YES))


def _similarities() -> Iterator[Case]:
    other = DRAW.normal(size=SEQUENCE.shape)
    for epsilon in (1e-8, 1.5):
        yield Case({"type": "cosine_similarity", "epsilon": epsilon}, SEQUENCE, other)
        fields = {"type": "cosine_embedding", "margin": 0.3, "epsilon": epsilon}
        yield Case(fields, PAIR, SIGN)
    nothing = {"type": "cosine_similarity", "epsilon": 0.1}
    yield Case(nothing, np.zeros_like(SEQUENCE), other)
    same = np.stack([PAIR[:, 0], PAIR[:, 0]], axis=1)
    contrastive = {"type": "contrastive", "margin": 3.0}
    yield Case(contrastive, PAIR, SIGN)
    yield Case(contrastive, same, SIGN, is_smooth=False)
    yield Case({"type": "triplet"}, THREE, SIGN)
    yield Case({"type": "triplet", "margin": 0.1}, DRAW.normal(size=(ROWS, 3, 2, 4)), SIGN)
    tied = np.stack([THREE[:, 0], THREE[:, 1], THREE[:, 1]], axis=1)
    yield Case({"type": "triplet", "margin": 0.0}, tied, SIGN, is_smooth=False)
    yield Case({"type": "margin_ranking", "margin": 0.5}, PAIR[..., 0], SIGN)
    yield Case({"type": "margin_ranking"}, same[..., 0], SIGN, is_smooth=False)
    yield Case({"type": "value"}, THREE, SIGN)


def _alignments() -> Iterator[Case]:
    yield Case({"type": "ctc"}, STEPS, LABELS)
    last = np.where(LABELS == 3, 0, LABELS)
    yield Case({"type": "ctc", "blank": 3}, STEPS, last)
    yield Case({"type": "ctc", "padding": 0}, STEPS, np.maximum(LABELS, 0))
    yield Case({"type": "ctc"}, STEPS[:, :3], LABELS)  # some rows have too few steps
    yield Case({"type": "ctc"}, STEPS[:, :1], LABELS)
    empty = LABELS.copy()
    empty[1] = -1
    yield Case({"type": "ctc"}, STEPS, empty)
    yield Case({"type": "ctc"}, STEPS, np.full_like(LABELS, -1))
    # Alignments of equal probability, as those of a network that begins with zeros.
    for steps in range(1, 7):
        few = np.array([[2, -1], [1, 2], [1, 1], [3, 2], [-1, -1]])
        yield Case({"type": "ctc"}, np.zeros((ROWS, steps, 4)), few)
        yield Case({"type": "ctc"}, 1e2 * np.sign(STEPS[:, :steps]), few)


def _of_numbers() -> Iterator[Case]:
    target = DRAW.normal(size=SEQUENCE.shape)
    for kind in ("mse", "mae", "huber", "smooth_l1", "log_cosh", "msle"):
        yield Case({"type": kind}, SEQUENCE, target)
        yield Case({"type": kind}, target, target, is_smooth=False)
    yield Case({"type": "mape"}, SEQUENCE, target)
    yield Case({"type": "mape"}, target, np.zeros_like(target), is_smooth=False)


CASES = [
    *_cross_entropies(),
    *_focal(),
    *_overlaps(),
    *_distributions(),
    *_margins(),
    *_similarities(),
    *_alignments(),
    *_of_numbers(),
]


def _of(kind: str) -> list[Case]:
    return [case for case in CASES if case.fields["type"] == kind]


def _formula(case: Case, output: Array) -> float:
    with np.errstate(all="ignore"):
        found = getattr(loss_formulas, case.fields["type"])(case.loss, output, case.target)
    return float(found)


def _slopes(case: Case) -> Array:
    found, step = np.zeros_like(case.output), 1e-6
    for place in np.ndindex(*case.output.shape):
        moved = np.zeros_like(case.output)
        moved[place] = step
        above, below = (_formula(case, case.output + sign * moved) for sign in (1, -1))
        found[place] = (above - below) / (2 * step)
    return found


@pytest.mark.parametrize("kind", list(LOSSES))
def test_a_loss_is_its_formula_with_equal_gradients_at_every_edge(kind: str) -> None:
    assert _of(kind), "it has no case"
    for case in _of(kind):
        for rows in (slice(None), slice(0, 1)):
            for scale in (1.0, 1000.0):
                output = case.output[rows] * scale
                given = case._replace(output=output, target=case.target[rows])
                results = both(case.loss, output, given.target)
                expected = _formula(given, output)
                if np.isinf(expected):
                    assert kind == "poisson"  # exp(1000) is what it is
                    assert all(np.isinf(value) for value, _ in results.values())
                    continue
                (_, first), (_, second) = results.values()
                for value, gradient in results.values():
                    assert value == pytest.approx(expected, rel=EXACT, abs=EXACT), given
                    assert np.isfinite(gradient).all(), given
                size = max(np.abs(first).max(), 1.0)
                assert np.abs(first - second).max() <= EXACT * size, given


@pytest.mark.parametrize("kind", list(LOSSES))
def test_its_gradient_is_that_of_the_formula(kind: str) -> None:
    for case in (each for each in _of(kind) if each.is_smooth):
        for _, gradient in both(case.loss, case.output, case.target).values():
            expected = _slopes(case)
            assert np.abs(gradient - expected).max() < 1e-6 * max(1, np.abs(expected).max()), case


def test_what_counts_for_nothing_costs_nothing_and_moves_nothing() -> None:
    fields: list[dict[str, Any]] = [
        {"type": "categorical_cross_entropy", "ignore_index": 5},
        {"type": "categorical_cross_entropy", "ignore_index": 5, "class_weights": [1.0, 2.0, 3.0]},
        {"type": "categorical_focal", "ignore_index": 5},
    ]
    for each in fields:
        loss = LOSSES[each["type"]].model_validate(each)
        target = np.full((ROWS, 4), 5)
        for value, gradient in both(loss, SEQUENCE, target).values():
            assert value == 0
            assert not gradient.any()
        target[2:] = CLASSES["sequence"][2:]
        for rows, all_of_them in zip(
            both(loss, SEQUENCE[2:], target[2:]).values(),
            both(loss, SEQUENCE, target).values(),
            strict=True,
        ):
            assert all_of_them[0] == pytest.approx(rows[0], rel=1e-12)
