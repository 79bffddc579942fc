"""Functions that the steps of a generator and a discriminator call."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def statistics_kept(network: nn.Module) -> Iterator[None]:
    """Keep running statistics as they are, while batches are normalised by their own."""
    kinds = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
    norms = [layer for layer in network.modules() if isinstance(layer, kinds)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def gradient_penalty(
    discriminator: nn.Module, real: Tensor, fake: Tensor, mix: Tensor
) -> Tensor:
    """Return how far the slope of the scores between real and fake rows is from 1."""
    mixed = (mix * real + (1 - mix) * fake).requires_grad_()
    scores = discriminator(mixed)
    (slopes,) = torch.autograd.grad(scores.sum(), mixed, create_graph=True)
    length = (slopes.flatten(1).square().sum(1) + 1e-12).sqrt()
    return (length - 1).square().mean()
