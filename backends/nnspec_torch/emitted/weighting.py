"""The mean of losses by weights."""

import torch
from torch import Tensor


def weighted_mean(
    losses: Tensor, sample_weight: Tensor, counts: Tensor | float = 1.0
) -> Tensor:
    """Return the mean by the weights of rows, or of places in them; of none it is 0."""
    shape = (*sample_weight.shape, *[1] * (losses.dim() - sample_weight.dim()))
    weights = sample_weight.reshape(shape).expand_as(losses)
    total = (weights * counts).sum()
    return (weights * losses).sum() / torch.where(total > 0, total, torch.inf)
