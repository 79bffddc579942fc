"""Losses of distributions."""

import math

from nnspec.emit.code import literal
from nnspec.emit.training import LossBody, LossRow
from nnspec.language.losses import Loss, distributions
from nnspec_torch.losses.bodies import written


def _poisson(loss: distributions.Poisson, rank: int) -> LossBody:
    if loss.log_input:
        lines = ["return F.poisson_nll_loss(output, target, log_input=True)"]
    else:
        rate = f"output.clamp(min={literal(loss.epsilon)})"
        lines = [f"return torch.mean(output - target * {rate}.log())"]
    return written("Negative log-likelihood of counts", *lines)


def _gaussian(loss: distributions.GaussianNll, rank: int) -> LossBody:
    if loss.log_variance:
        least = literal(math.log(loss.epsilon))
        lines = [
            "mean, log_variance = output.chunk(2, dim=-1)",
            f"log_variance = log_variance.clamp(min={least})",
            "error = (target - mean).square() * (-log_variance).exp()",
            "return torch.mean(log_variance + error) / 2",
        ]
    else:
        lines = [
            "mean, variance = output.chunk(2, dim=-1)",
            f"variance = variance.clamp(min={literal(loss.epsilon)})",
            "return torch.mean(variance.log() + (target - mean).square() / variance) / 2",
        ]
    return written("Negative log-likelihood of normal laws", *lines)


ROWS: dict[type[Loss], LossRow] = {
    distributions.KlDivergence: written(
        "Kullback-Leibler divergence from logits",
        "logs = F.log_softmax(output, dim=-1)",
        'return F.kl_div(logs, target, reduction="none").sum(-1).mean()',
    ),
    distributions.Poisson: _poisson,
    distributions.GaussianNll: _gaussian,
}
"""Loss -> its body."""
