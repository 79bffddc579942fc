"""Layers of one parameter."""

import torch
from torch import Tensor, nn


class Bias(nn.Module):
    """Adds a learned number to each feature."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias
