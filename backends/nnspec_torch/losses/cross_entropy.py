"""Losses of classes, from the logits."""

from nnspec.emit.code import literal
from nnspec.emit.training import LossBody, LossRow, counted
from nnspec.emit.weighting import mean_of
from nnspec.language.losses import Loss, cross_entropy
from nnspec_torch.losses.bodies import calls, written


def _binary(loss: cross_entropy.BinaryCrossEntropy, rank: int) -> LossBody:
    weight, ignored, lines, given = loss.positive_weight, loss.ignore_index, [], ""
    if ignored is not None:
        lines.append(f"kept = target != {ignored}")
    if loss.label_smoothing:
        share, half = literal(1 - loss.label_smoothing), literal(loss.label_smoothing / 2)
        lines.append(f"target = {share} * target + {half}")
    if weight is not None:
        each = list(weight) if isinstance(weight, tuple) else weight
        lines.append(f"weight = output.new_tensor({literal(each)})")
        given = ", pos_weight=weight"
    name = "F.binary_cross_entropy_with_logits"
    if ignored is None:
        lines.append(f"return {name}(output, target{given})")
    else:
        lines += [
            f'losses = {name}(output, target{given}, reduction="none")',
            "return (kept * losses).sum() / kept.sum().clamp(min=1)",
        ]
    return written("Binary cross-entropy of logits", *lines)


def _categorical(loss: cross_entropy.CategoricalCrossEntropy, rank: int) -> LossBody:
    summary = "Categorical cross-entropy of logits"
    ignored, weights = loss.ignore_index, loss.class_weights
    smoothing = {"label_smoothing": loss.label_smoothing} if loss.label_smoothing else {}
    axis = counted(loss.axis)
    is_moved = axis % (rank + 1) != 1  # PyTorch takes the classes from the second axis.
    is_plain = ignored is None and weights is None
    if is_plain and not is_moved:
        return calls("F.cross_entropy", summary, **smoothing)
    lines = []
    given = "".join(f", {key}={literal(value)}" for key, value in smoothing.items())
    output = f"output.movedim({axis}, 1)" if is_moved else "output"
    if weights is not None:
        lines += [f"weight = output.new_tensor({literal(list(weights))})"]
        given = f", weight=weight{given}"
    moved = []
    if ignored is None and is_moved:
        moved = [
            "if target.dim() == output.dim():",
            f"    target = target.movedim({axis}, 1)",
        ]
    if is_plain:
        return written(summary, *moved, f"return F.cross_entropy({output}, target{given})")
    if ignored is not None:
        given = f", ignore_index={ignored}{given}"
    whole = [
        *lines,
        *_counts(loss, axis),
        *moved,
        f'loss = F.cross_entropy({output}, target{given}, reduction="sum")',
        f"return loss / {_divisor(loss)}",
    ]
    weighted = [
        *lines,
        *_counts(loss, axis, by_rows=True),
        *moved,
        f'losses = F.cross_entropy({output}, target{given}, reduction="none")',
        mean_of("losses", "kept" if weights is None else "counts"),
    ]
    return written(summary, *whole)._replace(weighted=(*weighted,))


def _counts(
    loss: cross_entropy.CategoricalCrossEntropy, axis: int, *, by_rows: bool = False
) -> list[str]:
    """Return the lines of what the classes of the target weigh, together or each for itself."""
    if loss.ignore_index is not None:
        kept = f"kept = target != {loss.ignore_index}"
        if loss.class_weights is None:
            return [kept]
        counts = "weight[torch.where(kept, target, 0)] * kept"
        return [kept, f"counts = {counts}" if by_rows else f"total = ({counts}).sum()"]
    if loss.class_weights is None:
        return []
    dense = "target" if axis == -1 else f"target.movedim({axis}, -1)"
    counts = f"{dense} @ weight if is_dense else weight[target]"
    return [
        "is_dense = target.dim() == output.dim()  # a probability per class",
        f"counts = {counts}" if by_rows else f"total = ({counts}).sum()",
    ]


def _divisor(loss: cross_entropy.CategoricalCrossEntropy) -> str:
    if loss.class_weights is None:
        return "kept.sum().clamp(min=1)"
    is_surely_positive = loss.ignore_index is None and min(loss.class_weights) > 0
    return "total" if is_surely_positive else "torch.where(total > 0, total, torch.inf)"


ROWS: dict[type[Loss], LossRow] = {
    cross_entropy.BinaryCrossEntropy: _binary,
    cross_entropy.CategoricalCrossEntropy: _categorical,
}
"""Loss -> its body."""
