"""Positions of a sequence."""

import torch
from torch import Tensor, nn


class SinusoidalPosition(nn.Module):
    """Adds sines (even features) and cosines (odd ones) of the positions."""

    waves: Tensor

    def __init__(self, features: int, max_length: int, base: float = 10000.0) -> None:
        super().__init__()
        # In float32 the angle of a late position would be off.
        exponents = torch.arange(0, features, 2, dtype=torch.float64) / features
        times = torch.arange(max_length, dtype=torch.float64)
        angles = times[:, None] * base**-exponents
        waves = torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)
        waves = waves[:, :features].to(torch.get_default_dtype())
        self.register_buffer("waves", waves, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.waves[: x.shape[1]].to(x.dtype)


class RotaryPosition(nn.Module):
    """Turns pairs of features, one of each half, by angles that grow with the position."""

    cos: Tensor
    sin: Tensor

    def __init__(self, features: int, max_length: int, base: float = 10000.0) -> None:
        super().__init__()
        # In float32 the angle of a late position would be off.
        exponents = torch.arange(0, features, 2, dtype=torch.float64) / features
        times = torch.arange(max_length, dtype=torch.float64)
        angles = times[:, None] * base**-exponents
        dtype = torch.get_default_dtype()
        self.register_buffer("cos", angles.cos().to(dtype), persistent=False)
        self.register_buffer("sin", angles.sin().to(dtype), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        time = x.shape[-2]
        cos, sin = self.cos[:time].to(x.dtype), self.sin[:time].to(x.dtype)
        first, last = x.chunk(2, dim=-1)
        return torch.cat((first * cos - last * sin, last * cos + first * sin), dim=-1)
