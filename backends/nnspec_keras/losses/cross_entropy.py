"""Losses of classes, from the logits."""

from nnspec.emit.code import literal
from nnspec.emit.training import LossBody, LossRow
from nnspec.emit.weighting import mean_of
from nnspec.language.losses import Loss, cross_entropy
from nnspec_keras.losses.bodies import classes_last, kept_classes, kept_mean, written


def _binary(loss: cross_entropy.BinaryCrossEntropy, rank: int) -> LossBody:
    weight, ignored, lines = loss.positive_weight, loss.ignore_index, []
    if ignored is not None:
        lines.append(f"kept = target != {ignored}")
    if loss.label_smoothing:
        share, half = literal(1 - loss.label_smoothing), literal(loss.label_smoothing / 2)
        lines.append(f"target = {share} * target + {half}")
    losses = "ops.softplus(output) - target * output"
    if weight is not None:
        more = literal(weight - 1) if isinstance(weight, float) else "(weight - 1)"
        if isinstance(weight, tuple):
            lines.append(_tensor("weight", weight))
        lines.append(f"share = 1 + {more} * target")
        losses = "(1 - target) * output + share * ops.softplus(-output)"
    if ignored is not None:
        lines.append(f"losses = {losses}")
        losses = "losses"
    lines += kept_mean(losses, ignored)
    return written("Binary cross-entropy of logits", *lines)


def _categorical(loss: cross_entropy.CategoricalCrossEntropy, rank: int) -> LossBody:
    body = written(
        "Categorical cross-entropy of logits",
        *_categorical_lines(loss, rank),
    )
    if loss.class_weights is None:
        return body
    return body._replace(weighted=(*_categorical_lines(loss, rank, by_rows=True),))


def _categorical_lines(
    loss: cross_entropy.CategoricalCrossEntropy, rank: int, *, by_rows: bool = False
) -> list[str]:
    """Return the lines of a loss. by_rows: with class weights, where rows have weights too."""
    smoothing, ignored, weights = loss.label_smoothing, loss.ignore_index, loss.class_weights
    lines = classes_last(loss.axis, rank, "output")
    lines.append("logs = ops.log_softmax(output)")
    if weights is not None:
        lines.append(_tensor("weight", weights))
    if ignored is None:
        lines.append("if len(target.shape) == len(output.shape):  # a probability per class")
        lines += [f"    {line}" for line in _dense(loss, rank, by_rows=by_rows)]
    if smoothing == 0 and ignored is None and weights is None:
        lines += [
            'classes = ops.expand_dims(ops.cast(target, "int64"), -1)',
            "return -ops.mean(ops.take_along_axis(logs, classes, axis=-1))",
        ]
    else:
        lines += _sparse(loss, by_rows=by_rows)
    return lines


def _dense(loss: cross_entropy.CategoricalCrossEntropy, rank: int, *, by_rows: bool) -> list[str]:
    lines = classes_last(loss.axis, rank, "target")
    share, smoothing = "target", loss.label_smoothing
    if loss.class_weights is not None:
        counts, total = (
            "counts = ops.sum(weight * target, axis=-1)",
            "total = ops.sum(weight * target)",
        )
        lines.append(counts if by_rows else total)
    if smoothing:
        spread = f"{literal(smoothing)} / output.shape[-1]"
        lines.append(f"target = {literal(1 - smoothing)} * target + {spread}")
    if loss.class_weights is None:
        return [*lines, f"return -ops.mean(ops.sum({share} * logs, axis=-1))"]
    if by_rows:
        return [*lines, mean_of("-ops.sum(weight * target * logs, axis=-1)", "counts")]
    return [*lines, f"return -ops.sum(weight * target * logs) / {_divisor(loss)}"]


def _sparse(loss: cross_entropy.CategoricalCrossEntropy, *, by_rows: bool) -> list[str]:
    smoothing, ignored = loss.label_smoothing, loss.ignore_index
    lines = kept_classes(ignored)
    right = "ops.take_along_axis(logs, ops.expand_dims(classes, -1), axis=-1)"
    lines.append(f"right = ops.squeeze({right}, -1)")
    losses = "-right"
    is_weighted = loss.class_weights is not None
    if is_weighted:
        lines.append("weights = ops.take(weight, classes)")
        losses = "-weights * right"
    if smoothing:
        spread = "weight * logs" if is_weighted else "logs"
        weighted = "weights * right" if is_weighted else "right"
        lines.append(f"spread = ops.mean({spread}, axis=-1)")
        losses = f"-{literal(1 - smoothing)} * {weighted} - {literal(smoothing)} * spread"
    if losses != "-right" or ignored is not None:
        lines.append(f"losses = {losses}")
        losses = "losses"
    if not is_weighted:
        return [*lines, *kept_mean(losses, ignored)]
    counts = "weights"
    if ignored is not None:
        lines.append("kept = ops.cast(kept, output.dtype)")
        losses, counts = f"kept * {losses}", "kept * weights"
    if by_rows:
        return [*lines, f"counts = {counts}", mean_of(losses, "counts")]
    return [
        *lines,
        f"total = ops.sum({counts})",
        f"return ops.sum({losses}) / {_divisor(loss)}",
    ]


def _divisor(loss: cross_entropy.CategoricalCrossEntropy) -> str:
    is_surely_positive = loss.ignore_index is None and min(loss.class_weights or (1,)) > 0
    return "total" if is_surely_positive else 'ops.where(total > 0, total, float("inf"))'


def _tensor(name: str, values: tuple[float, ...]) -> str:
    return f"{name} = ops.convert_to_tensor({literal(list(values))}, dtype=output.dtype)"


ROWS: dict[type[Loss], LossRow] = {
    cross_entropy.BinaryCrossEntropy: _binary,
    cross_entropy.CategoricalCrossEntropy: _categorical,
}
"""Loss -> its body."""
