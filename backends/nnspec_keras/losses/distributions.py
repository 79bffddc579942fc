"""Losses of distributions."""

import math

from nnspec.emit.code import literal
from nnspec.emit.training import LossBody, LossRow
from nnspec.language.losses import Loss, distributions
from nnspec_keras.losses.bodies import written


def _poisson(loss: distributions.Poisson, rank: int) -> LossBody:
    if loss.log_input:
        lines = ["return ops.mean(ops.exp(output) - target * output)"]
    else:
        lines = [
            f"rate = ops.maximum(output, {literal(loss.epsilon)})",
            "return ops.mean(output - target * ops.log(rate))",
        ]
    return written("Negative log-likelihood of counts", *lines)


def _gaussian(loss: distributions.GaussianNll, rank: int) -> LossBody:
    if loss.log_variance:
        least = literal(math.log(loss.epsilon))
        lines = [
            "mean, log_variance = ops.split(output, 2, axis=-1)",
            f"log_variance = ops.maximum(log_variance, {least})",
            "error = ops.square(target - mean) * ops.exp(-log_variance)",
            "return ops.mean(log_variance + error) / 2",
        ]
    else:
        lines = [
            "mean, variance = ops.split(output, 2, axis=-1)",
            f"variance = ops.maximum(variance, {literal(loss.epsilon)})",
            "return ops.mean(ops.log(variance) + ops.square(target - mean) / variance) / 2",
        ]
    return written("Negative log-likelihood of normal laws", *lines)


ROWS: dict[type[Loss], LossRow] = {
    distributions.KlDivergence: written(
        "Kullback-Leibler divergence from logits",
        "logs = ops.log_softmax(output)",
        "known = ops.log(ops.where(target > 0, target, 1))",
        "return ops.mean(ops.sum(target * (known - logs), axis=-1))",
    ),
    distributions.Poisson: _poisson,
    distributions.GaussianNll: _gaussian,
}
"""Loss -> its body."""
