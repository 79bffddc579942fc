"""Noise in training."""

import torch
from torch import Tensor, nn


class GaussianDropout(nn.Module):
    """In training multiplies by normal noise of mean 1 and variance rate / (1 - rate)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.stddev = (rate / (1 - rate)) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + self.stddev * torch.randn_like(x)) if self.training else x


class GaussianNoise(nn.Module):
    """In training adds normal noise of mean 0."""

    def __init__(self, stddev: float) -> None:
        super().__init__()
        self.stddev = stddev

    def forward(self, x: Tensor) -> Tensor:
        return x + self.stddev * torch.randn_like(x) if self.training else x


class Sampling(nn.Module):
    """In training draws from a normal distribution, given its mean and log variance."""

    def __init__(self, stddev: float = 1.0) -> None:
        super().__init__()
        self.stddev = stddev

    def forward(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        if not self.training:
            return mean
        return mean + self.stddev * torch.exp(log_variance / 2) * torch.randn_like(mean)
