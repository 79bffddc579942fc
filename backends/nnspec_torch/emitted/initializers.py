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


def lecun_uniform_(tensor: Tensor, fan_in: int) -> None:
    """Uniform on ±sqrt(3 / fan_in)."""
    bound = math.sqrt(3 / fan_in)
    nn.init.uniform_(tensor, -bound, bound)


def lecun_normal_(tensor: Tensor, fan_in: int) -> None:
    """Normal of variance 1 / fan_in, cut at two deviations and rescaled."""
    std = math.sqrt(1 / fan_in) / 0.87962566103423978
    nn.init.trunc_normal_(tensor, std=std, a=-2 * std, b=2 * std)


def variance_scaling_(
    tensor: Tensor,
    fan_in: int,
    fan_out: int,
    scale: float,
    mode: str,
    distribution: str,
) -> None:
    """Values of variance scale / fan; a normal law that is cut at two deviations is rescaled."""
    fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    std = math.sqrt(scale / fans[mode])
    if distribution == "uniform":
        nn.init.uniform_(tensor, -math.sqrt(3) * std, math.sqrt(3) * std)
    elif distribution == "untruncated_normal":
        nn.init.normal_(tensor, std=std)
    else:
        std /= 0.87962566103423978
        nn.init.trunc_normal_(tensor, std=std, a=-2 * std, b=2 * std)


def identity_(tensor: Tensor, gain: float) -> None:
    """The gain where the row is the column, else 0."""
    nn.init.eye_(tensor)
    tensor.detach().mul_(gain)
