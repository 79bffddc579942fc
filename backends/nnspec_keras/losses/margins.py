"""Losses of a margin; the gradient at it is 0, as that of relu at 0."""

from nnspec.emit.code import literal
from nnspec.emit.training import LossBody, LossRow
from nnspec.language.losses import Loss, margins
from nnspec_keras.losses.bodies import CLASSES, written

_SIGNED = "signed = ops.where(target > 0, output, -output)"
_RIGHT = "right = ops.take_along_axis(output, ops.expand_dims(classes, -1), axis=-1)"
_HOT = "hot = ops.one_hot(classes, output.shape[-1]) > 0"


def _multi(loss: margins.MultiMargin, rank: int) -> LossBody:
    margin = f"ops.relu({literal(loss.margin)} + output - right)"
    if loss.power == 2:
        margin = f"ops.square({margin})"
    return written(
        "Margins of the right score over all others",
        CLASSES,
        _HOT,
        _RIGHT,
        f"margins = {margin}",
        "return ops.mean(ops.where(hot, 0, margins))",
    )


ROWS: dict[type[Loss], LossRow] = {
    margins.Hinge: written("Hinge loss", _SIGNED, "return ops.mean(ops.relu(1 - signed))"),
    margins.SquaredHinge: written(
        "Squared hinge loss",
        _SIGNED,
        "return ops.mean(ops.square(ops.relu(1 - signed)))",
    ),
    margins.HingeEmbedding: lambda loss, rank: written(
        "Hinge loss of distances",
        f"far = ops.relu({literal(loss.margin)} - output)",
        "return ops.mean(ops.where(target > 0, output, far))",
    ),
    margins.CategoricalHinge: written(
        "Categorical hinge loss",
        CLASSES,
        _HOT,
        _RIGHT,
        'wrong = ops.max(ops.where(hot, -float("inf"), output), axis=-1)',
        "return ops.mean(ops.relu(1 + wrong - ops.squeeze(right, -1)))",
    ),
    margins.MultiMargin: _multi,
    margins.MultilabelMargin: written(
        "Margins of the right scores over the wrong ones",
        "margins = ops.relu(1 + ops.expand_dims(output, -1) - ops.expand_dims(output, -2))",
        "wrong = ops.expand_dims(target <= 0, -1)",
        "pairs = ops.logical_and(wrong, ops.expand_dims(target > 0, -2))",
        "return ops.mean(ops.sum(ops.where(pairs, margins, 0), axis=-1))",
    ),
}
"""Loss -> its body."""
