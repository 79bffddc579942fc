"""Losses that weigh rows by how wrong they are."""

from nnspec.emit.code import literal, short
from nnspec.emit.training import LossBody, LossRow
from nnspec.language.losses import Loss, focal
from nnspec_keras.losses.bodies import CLASSES, classes_last, kept_classes, kept_mean, written


def _binary(loss: focal.BinaryFocal, rank: int) -> LossBody:
    lines = [
        "scores = ops.where(target > 0, output, -output)",
        f"easy = ops.exp({literal(loss.gamma)} * ops.log_sigmoid(-scores))",
        "losses = -easy * ops.log_sigmoid(scores)",
    ]
    if loss.alpha is None:
        lines.append("return ops.mean(losses)")
    else:
        alpha = literal(loss.alpha)
        rest = short(1 - loss.alpha, f"(1 - {alpha})")
        lines.append(f"return ops.mean(ops.where(target > 0, {alpha} * losses, {rest} * losses))")
    return written("Focal loss of binary logits", *lines)


def _categorical(loss: focal.CategoricalFocal, rank: int) -> LossBody:
    lines = classes_last(loss.axis, rank, "output")
    lines += ["logs = ops.log_softmax(output)", *kept_classes(loss.ignore_index)]
    losses = f"-ops.exp({literal(loss.gamma)} * wrong) * right"
    if loss.alpha is not None:
        given = literal(list(loss.alpha))
        lines.append(f"alpha = ops.convert_to_tensor({given}, dtype=output.dtype)")
        losses = f"-ops.take(alpha, classes) * ops.exp({literal(loss.gamma)} * wrong) * right"
    lines += [
        "hot = ops.one_hot(classes, output.shape[-1]) > 0",
        "right = ops.squeeze(ops.take_along_axis(logs, ops.expand_dims(classes, -1), axis=-1), -1)",
        'wrong = ops.logsumexp(ops.where(hot, -float("inf"), logs), axis=-1)',
        f"losses = {losses}",
        *kept_mean("losses", loss.ignore_index),
    ]
    return written("Focal loss of logits", *lines)


ROWS: dict[type[Loss], LossRow] = {
    focal.BinaryFocal: _binary,
    focal.CategoricalFocal: _categorical,
    focal.GeneralizedCrossEntropy: lambda loss, rank: written(
        "Generalized cross-entropy of logits",
        CLASSES,
        "logs = ops.log_softmax(output)",
        "right = ops.take_along_axis(logs, ops.expand_dims(classes, -1), axis=-1)",
        f"return -ops.mean(ops.expm1({literal(loss.q)} * right)) / {literal(loss.q)}",
    ),
}
"""Loss -> its body."""
