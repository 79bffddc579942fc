"""Tensors that every row gets."""

import torch
from torch import Tensor, nn


class LearnedTensor(nn.Module):
    """A learned tensor, the same for every row. (batch, ...) -> (batch, *shape)."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight.expand(x.shape[0], *self.weight.shape)


class ConstantTensor(nn.Module):
    """Fixed numbers, the same for every row. (batch, ...) -> (batch, *shape of value)."""

    def __init__(self, value: float | list) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        value = x.new_tensor(self.value)
        return value.expand(x.shape[0], *value.shape)
