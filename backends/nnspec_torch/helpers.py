"""What the emitted source defines where PyTorch has none that means the same."""

from __future__ import annotations

from nnspec.emit.body import Body
from nnspec.emit.helpers import Helper, used_helpers
from nnspec_torch import attention_source, convolution, gated, initial
from nnspec_torch.sequences import FUNCTIONS

_SINUSOIDAL_POSITION = '''\
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
'''

_ROTARY_POSITION = '''\
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
'''

_LEARNED_TENSOR = '''\
class LearnedTensor(nn.Module):
    """A learned tensor, the same for every row. (batch, ...) -> (batch, *shape)."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight.expand(x.shape[0], *self.weight.shape)
'''

_CONSTANT_TENSOR = '''\
class ConstantTensor(nn.Module):
    """Fixed numbers, the same for every row. (batch, ...) -> (batch, *shape of value)."""

    def __init__(self, value: float | list) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        value = x.new_tensor(self.value)
        return value.expand(x.shape[0], *value.shape)
'''

_BIAS = '''\
class Bias(nn.Module):
    """Adds a learned number to each feature."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias
'''

_GAUSSIAN_DROPOUT = '''\
class GaussianDropout(nn.Module):
    """In training multiplies by normal noise of mean 1 and variance rate / (1 - rate)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.stddev = (rate / (1 - rate)) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + self.stddev * torch.randn_like(x)) if self.training else x
'''

_GAUSSIAN_NOISE = '''\
class GaussianNoise(nn.Module):
    """In training adds normal noise of mean 0."""

    def __init__(self, stddev: float) -> None:
        super().__init__()
        self.stddev = stddev

    def forward(self, x: Tensor) -> Tensor:
        return x + self.stddev * torch.randn_like(x) if self.training else x
'''

HELPERS: dict[str, Helper] = {
    **initial.HELPERS,
    "Bias": _BIAS.rstrip(),
    **convolution.HELPERS,
    "SinusoidalPosition": _SINUSOIDAL_POSITION.rstrip(),
    "RotaryPosition": _ROTARY_POSITION.rstrip(),
    "LearnedTensor": _LEARNED_TENSOR.rstrip(),
    "ConstantTensor": _CONSTANT_TENSOR.rstrip(),
    **attention_source.HELPERS,
    **FUNCTIONS,
    **gated.HELPERS,
    "GaussianDropout": _GAUSSIAN_DROPOUT.rstrip(),
    "GaussianNoise": _GAUSSIAN_NOISE.rstrip(),
}


def helpers_of(network: Body) -> list[str]:
    """Return the source of every helper that the network constructs, in a fixed order."""
    return used_helpers(network, HELPERS)
