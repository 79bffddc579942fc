"""Losses of how far two masks overlap."""

from nnspec.emit.code import literal
from nnspec.emit.training import LossBody, LossRow
from nnspec.language.losses import Loss, overlap
from nnspec_keras.losses.bodies import CLASSES, classes_last, written


def _axes(rank: int) -> str:
    axes = tuple(range(1, rank + 1))
    return f"axis={literal(axes[0] if len(axes) == 1 else axes)}"


def _dice(loss: overlap.Dice, rank: int) -> LossBody:
    smooth, axes = literal(loss.smooth), _axes(rank)
    return written(
        "Dice loss of logits",
        "share = ops.sigmoid(output)",
        f"both = 2 * ops.sum(share * target, {axes}) + {smooth}",
        f"return 1 - ops.mean(both / (ops.sum(share + target, {axes}) + {smooth}))",
    )


def _tversky(loss: overlap.Tversky, rank: int) -> LossBody:
    smooth, axes = literal(loss.smooth), _axes(rank)
    return written(
        "Tversky loss of logits",
        "share = ops.sigmoid(output)",
        f"right = ops.sum(share * target, {axes}) + {smooth}",
        f"false = {literal(loss.alpha)} * ops.sum(share * (1 - target), {axes})",
        f"missed = {literal(loss.beta)} * ops.sum((1 - share) * target, {axes})",
        "return 1 - ops.mean(right / (right + false + missed))",
    )


def _categorical(loss: overlap.CategoricalDice, rank: int) -> LossBody:
    smooth = literal(loss.smooth)
    lines = classes_last(loss.axis, rank, "output")
    lines += [
        CLASSES,
        "share = ops.softmax(output)",
        "hot = ops.one_hot(classes, output.shape[-1], dtype=output.dtype)",
    ]
    both, all_ = "share * hot", "share + hot"
    if rank > 1:
        # Each class has its own sums, over the places of a row.
        both, all_ = (f"ops.sum({each}, {_axes(rank - 1)})" for each in (both, all_))
    lines += [
        f"both = 2 * {both} + {smooth}",
        f"return 1 - ops.mean(both / ({all_} + {smooth}))",
    ]
    return written("Dice loss of logits by class", *lines)


ROWS: dict[type[Loss], LossRow] = {
    overlap.Dice: _dice,
    overlap.Tversky: _tversky,
    overlap.CategoricalDice: _categorical,
}
"""Loss -> its body."""
