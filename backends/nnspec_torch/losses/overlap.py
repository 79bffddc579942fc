"""Losses of how far two masks overlap."""

from nnspec.emit.code import literal
from nnspec.emit.training import LossBody, LossRow, counted
from nnspec.language.losses import Loss, overlap
from nnspec_torch.losses.bodies import written


def _categorical(loss: overlap.CategoricalDice, rank: int) -> LossBody:
    axis, smooth = counted(loss.axis), literal(loss.smooth)
    lines = [
        f"share = output.softmax({axis})",
        f"hot = torch.zeros_like(share).scatter({axis}, target.unsqueeze({axis}), 1)",
    ]
    if rank > 1:
        # Each class has its own sums, over the places of a row.
        is_second = axis % (rank + 1) == 1
        places = "" if is_second else f".movedim({axis}, 1)"
        lines += [
            f"share, hot = share{places}.flatten(2), hot{places}.flatten(2)",
            f"both = 2 * (share * hot).sum(-1) + {smooth}",
            f"return 1 - torch.mean(both / ((share + hot).sum(-1) + {smooth}))",
        ]
    else:
        lines += [
            f"both = 2 * share * hot + {smooth}",
            f"return 1 - torch.mean(both / (share + hot + {smooth}))",
        ]
    return written("Dice loss of logits by class", *lines)


ROWS: dict[type[Loss], LossRow] = {
    overlap.Dice: lambda loss, rank: written(
        "Dice loss of logits",
        "share, target = output.sigmoid().flatten(1), target.flatten(1)",
        f"both = 2 * (share * target).sum(1) + {literal(loss.smooth)}",
        f"return 1 - torch.mean(both / ((share + target).sum(1) + {literal(loss.smooth)}))",
    ),
    overlap.Tversky: lambda loss, rank: written(
        "Tversky loss of logits",
        "share, target = output.sigmoid().flatten(1), target.flatten(1)",
        f"right = (share * target).sum(1) + {literal(loss.smooth)}",
        f"false = {literal(loss.alpha)} * (share * (1 - target)).sum(1)",
        f"missed = {literal(loss.beta)} * ((1 - share) * target).sum(1)",
        "return 1 - torch.mean(right / (right + false + missed))",
    ),
    overlap.CategoricalDice: _categorical,
}
"""Loss -> its body."""
