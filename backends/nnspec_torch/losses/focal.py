"""Losses that weigh rows by how wrong they are."""

from nnspec.emit.code import literal, short
from nnspec.emit.training import LossBody, LossRow, counted
from nnspec.language.losses import Loss, focal
from nnspec_torch.losses.bodies import written


def _binary(loss: focal.BinaryFocal, rank: int) -> LossBody:
    lines = [
        "scores = torch.where(target > 0, output, -output)",
        f"easy = ({literal(loss.gamma)} * F.logsigmoid(-scores)).exp()",
        "losses = -easy * F.logsigmoid(scores)",
    ]
    if loss.alpha is None:
        lines.append("return torch.mean(losses)")
    else:
        alpha = literal(loss.alpha)
        rest = short(1 - loss.alpha, f"(1 - {alpha})")
        lines += [
            f"return torch.mean(torch.where(target > 0, {alpha} * losses, {rest} * losses))",
        ]
    return written("Focal loss of binary logits", *lines)


def _categorical(loss: focal.CategoricalFocal, rank: int) -> LossBody:
    axis = counted(loss.axis)
    ignored, lines, weights = loss.ignore_index, [], ""
    if ignored is not None:
        lines += [f"kept = target != {ignored}", "target = torch.where(kept, target, 0)"]
        weights = "kept * "
    if loss.alpha is not None:
        lines.append(f"alpha = output.new_tensor({literal(list(loss.alpha))})[target]")
        weights += "alpha * "
    lines += [
        f"logs = F.log_softmax(output, dim={axis})",
        f"classes = target.unsqueeze({axis})",
        f"right = logs.gather({axis}, classes).squeeze({axis})",
        f"wrong = logs.scatter({axis}, classes, -torch.inf).logsumexp({axis})",
        f"losses = {weights}({literal(loss.gamma)} * wrong).exp() * -right",
        "return torch.mean(losses)"
        if ignored is None
        else "return losses.sum() / kept.sum().clamp(min=1)",
    ]
    return written("Focal loss of logits", *lines)


ROWS: dict[type[Loss], LossRow] = {
    focal.BinaryFocal: _binary,
    focal.CategoricalFocal: _categorical,
    focal.GeneralizedCrossEntropy: lambda loss, rank: written(
        "Generalized cross-entropy of logits",
        "logs = F.log_softmax(output, dim=-1)",
        "right = logs.gather(-1, target.unsqueeze(-1))",
        f"return -torch.mean(torch.expm1({literal(loss.q)} * right)) / {literal(loss.q)}",
    ),
}
"""Loss -> its body."""
