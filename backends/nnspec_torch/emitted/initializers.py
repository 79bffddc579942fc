"""Laws that torch.nn.init lacks, or has without fans that no shape tells."""

import math

from torch import Tensor, nn


def glorot_uniform_(tensor: Tensor, fan_in: int, fan_out: int) -> None:
    """Uniform on ±sqrt(6 / (fan_in + fan_out))."""
    bound = math.sqrt(6 / (fan_in + fan_out))
    nn.init.uniform_(tensor, -bound, bound)


def glorot_normal_(tensor: Tensor, fan_in: int, fan_out: int) -> None:
    """Normal of variance 2 / (fan_in + fan_out), cut at two deviations and rescaled."""
    std = math.sqrt(2 / (fan_in + fan_out)) / 0.87962566103423978
    nn.init.trunc_normal_(tensor, std=std, a=-2 * std, b=2 * std)


def he_uniform_(tensor: Tensor, fan_in: int) -> None:
    """Uniform on ±sqrt(6 / fan_in)."""
    bound = math.sqrt(6 / fan_in)
    nn.init.uniform_(tensor, -bound, bound)


def he_normal_(tensor: Tensor, fan_in: int) -> None:
    """Normal of variance 2 / fan_in, cut at two deviations and rescaled."""
    std = math.sqrt(2 / fan_in) / 0.87962566103423978
    nn.init.trunc_normal_(tensor, std=std, a=-2 * std, b=2 * std)
