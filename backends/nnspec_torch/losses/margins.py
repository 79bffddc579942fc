"""Losses of a margin; the gradient at it is 0, as that of relu at 0."""

from nnspec.emit.code import literal
from nnspec.emit.training import LossBody, LossRow
from nnspec.language.losses import Loss, margins
from nnspec_torch.losses.bodies import written

_SIGNED = "signed = torch.where(target > 0, output, -output)"


def _multi(loss: margins.MultiMargin, rank: int) -> LossBody:
    square = ".square()" if loss.power == 2 else ""
    return written(
        "Margins of the right score over all others",
        "classes = target.unsqueeze(-1)",
        "right = output.gather(-1, classes)",
        f"margins = F.relu({literal(loss.margin)} + output - right){square}",
        "return torch.mean(margins.scatter(-1, classes, 0))",
    )


ROWS: dict[type[Loss], LossRow] = {
    margins.Hinge: written("Hinge loss", _SIGNED, "return torch.mean(F.relu(1 - signed))"),
    margins.SquaredHinge: written(
        "Squared hinge loss",
        _SIGNED,
        "return torch.mean(F.relu(1 - signed).square())",
    ),
    margins.HingeEmbedding: lambda loss, rank: written(
        "Hinge loss of distances",
        f"far = F.relu({literal(loss.margin)} - output)",
        "return torch.mean(torch.where(target > 0, output, far))",
    ),
    margins.CategoricalHinge: written(
        "Categorical hinge loss",
        "classes = target.unsqueeze(-1)",
        "right = output.gather(-1, classes).squeeze(-1)",
        "wrong = output.scatter(-1, classes, -torch.inf).amax(-1)",
        "return torch.mean(F.relu(1 + wrong - right))",
    ),
    margins.MultiMargin: _multi,
    margins.MultilabelMargin: written(
        "Margins of the right scores over the wrong ones",
        "margins = F.relu(1 + output.unsqueeze(-1) - output.unsqueeze(-2))",
        "pairs = (target <= 0).unsqueeze(-1) & (target > 0).unsqueeze(-2)",
        "return torch.mean((pairs * margins).sum(-1))",
    ),
}
"""Loss -> its body."""
