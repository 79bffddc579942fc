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


def stable_top_k(x: Tensor, k: int, dim: int) -> tuple[Tensor, Tensor]:
    """The k largest, the largest first, and where they are; of equal ones the first."""
    values, indices = torch.sort(x, dim=dim, descending=True, stable=True)
    return values.narrow(dim, 0, k), indices.narrow(dim, 0, k)


def coordinate_grid(x: Tensor, low: float, high: float, dim: int) -> Tensor:
    """Coordinates from low to high along each axis of an image, as its channels, axis dim."""
    sizes = x.shape[2:] if dim == 1 else x.shape[1:-1]
    lines = [
        low
        + (high - low)
        * torch.arange(size, dtype=x.dtype, device=x.device)
        / max(size - 1, 1)
        for size in sizes
    ]
    grid = torch.stack(torch.meshgrid(*lines, indexing="ij"), dim=min(dim, 0))
    return grid.expand(x.shape[0], *grid.shape)
