"""Losses of how alike vectors are."""

from nnspec.emit.code import literal
from nnspec.emit.training import LossRow
from nnspec.language.losses import Loss, similarity
from nnspec_torch.losses.bodies import written

_PAIR = "first, second = output.unbind(1)"


def _beyond(margin: float) -> str:
    return f"cosine - {literal(margin)}" if margin else "cosine"


def _short_of(margin: float) -> str:
    return f"{literal(margin)} - lead" if margin else "-lead"


ROWS: dict[type[Loss], LossRow] = {
    similarity.CosineSimilarity: lambda loss, rank: written(
        "Cosine similarity with its sign changed",
        f"output = F.normalize(output, dim=-1, eps={literal(loss.epsilon)})",
        f"target = F.normalize(target, dim=-1, eps={literal(loss.epsilon)})",
        "return -torch.mean((output * target).sum(-1))",
    ),
    similarity.CosineEmbedding: lambda loss, rank: written(
        "Cosine embedding loss",
        _PAIR,
        f"first = F.normalize(first, dim=-1, eps={literal(loss.epsilon)})",
        f"second = F.normalize(second, dim=-1, eps={literal(loss.epsilon)})",
        "cosine = (first * second).sum(-1)",
        f"unlike = F.relu({_beyond(loss.margin)})",
        "return torch.mean(torch.where(target > 0, 1 - cosine, unlike))",
    ),
    similarity.Contrastive: lambda loss, rank: written(
        "Contrastive loss",
        _PAIR,
        f"distance = F.pairwise_distance(first, second, eps={literal(loss.epsilon)})",
        f"near = F.relu({literal(loss.margin)} - distance)",
        "return torch.mean(torch.where(target > 0, distance, near).square())",
    ),
    similarity.Triplet: lambda loss, rank: written(
        "Triplet loss",
        "anchor, positive, negative = output.unbind(1)",
        f"near = F.pairwise_distance(anchor, positive, eps={literal(loss.epsilon)})",
        f"far = F.pairwise_distance(anchor, negative, eps={literal(loss.epsilon)})",
        f"return torch.mean(F.relu(near - far + {literal(loss.margin)}))",
        more="; the target is not read",
    ),
    similarity.MarginRanking: lambda loss, rank: written(
        "Margin ranking loss",
        _PAIR,
        "lead = torch.where(target > 0, first - second, second - first)",
        f"return torch.mean(F.relu({_short_of(loss.margin)}))",
    ),
}
"""Loss -> its body."""
