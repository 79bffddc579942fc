"""Losses of how alike vectors are."""

from nnspec.emit.code import literal, short
from nnspec.emit.training import LossBody, LossRow
from nnspec.language.losses import Loss, similarity
from nnspec_keras.losses.bodies import written

_PAIR = "first, second = ops.unstack(output, 2, axis=1)"


def _cosine(first: str, second: str, epsilon: float) -> list[str]:
    """Return the lines that compute the cosine of two vectors."""
    square = short(epsilon * epsilon, f"{literal(epsilon)} * {literal(epsilon)}")
    return [
        *(
            f"{name} *= ops.rsqrt(ops.maximum(ops.sum(ops.square({name}), axis=-1, "
            f"keepdims=True), {square}))"
            for name in (first, second)
        ),
        f"cosine = ops.sum({first} * {second}, axis=-1)",
    ]


def _distance(name: str, first: str, second: str, epsilon: float) -> str:
    return f"{name} = ops.norm({first} - {second} + {literal(epsilon)}, axis=-1)"


def _embedding(loss: similarity.CosineEmbedding, rank: int) -> LossBody:
    return written(
        "Cosine embedding loss",
        _PAIR,
        *_cosine("first", "second", loss.epsilon),
        f"unlike = ops.relu({_beyond(loss.margin)})",
        "return ops.mean(ops.where(target > 0, 1 - cosine, unlike))",
    )


def _beyond(margin: float) -> str:
    return f"cosine - {literal(margin)}" if margin else "cosine"


def _short_of(margin: float) -> str:
    return f"{literal(margin)} - lead" if margin else "-lead"


ROWS: dict[type[Loss], LossRow] = {
    similarity.CosineSimilarity: lambda loss, rank: written(
        "Cosine similarity with its sign changed",
        *_cosine("output", "target", loss.epsilon),
        "return -ops.mean(cosine)",
    ),
    similarity.CosineEmbedding: _embedding,
    similarity.Contrastive: lambda loss, rank: written(
        "Contrastive loss",
        _PAIR,
        _distance("distance", "first", "second", loss.epsilon),
        f"near = ops.relu({literal(loss.margin)} - distance)",
        "return ops.mean(ops.square(ops.where(target > 0, distance, near)))",
    ),
    similarity.Triplet: lambda loss, rank: written(
        "Triplet loss",
        "anchor, positive, negative = ops.unstack(output, 3, axis=1)",
        _distance("near", "anchor", "positive", loss.epsilon),
        _distance("far", "anchor", "negative", loss.epsilon),
        f"return ops.mean(ops.relu(near - far + {literal(loss.margin)}))",
        more="; the target is not read",
    ),
    similarity.MarginRanking: lambda loss, rank: written(
        "Margin ranking loss",
        _PAIR,
        "lead = ops.where(target > 0, first - second, second - first)",
        f"return ops.mean(ops.relu({_short_of(loss.margin)}))",
    ),
}
"""Loss -> its body."""
