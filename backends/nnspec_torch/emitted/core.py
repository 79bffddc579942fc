"""Layers of one parameter."""

import torch
from torch import Tensor, nn


class ElementPReLU(nn.Module):
    """A leaky ReLU with a learned slope for each element of a row."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full(shape, 0.25))

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x > 0, x, self.weight * x)


class CenteredLayerNorm(nn.LayerNorm):
    """Layer normalisation with a bias and no weight."""

    def __init__(
        self, normalized_shape: int | tuple[int, ...], eps: float = 1e-5
    ) -> None:
        super().__init__(normalized_shape, eps, elementwise_affine=False)
        self.bias = nn.Parameter(torch.zeros(self.normalized_shape))


class Bias(nn.Module):
    """Adds a learned number to each feature."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias
