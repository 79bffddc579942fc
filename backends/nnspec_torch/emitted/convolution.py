"""Convolutions that PyTorch makes of two, and padding by the size of what is padded."""

import torch.nn.functional as F
from torch import Tensor, nn


def pad_same(
    x: Tensor, window: tuple[int, ...], stride: tuple[int, ...], value: float = 0.0
) -> Tensor:
    """Pad for one window at every stride; of an odd number one more goes to the end."""
    pads: list[int] = []
    for size, span, step in zip(x.shape[:1:-1], window[::-1], stride[::-1]):
        total = span - step + -size % step
        if span < step:
            total = max(total, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads, value=value)


class SeparableConv1d(nn.Module):
    """A convolution of each channel by itself, then one of size 1 across the channels."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int | str = 0,
        dilation: int = 1,
        depth_multiplier: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        hidden = in_channels * depth_multiplier
        self.depthwise = nn.Conv1d(
            in_channels,
            hidden,
            kernel_size,
            stride,
            padding,
            dilation,
            groups=in_channels,
            bias=False,
        )
        self.pointwise = nn.Conv1d(hidden, out_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))


class SeparableConv2d(nn.Module):
    """A convolution of each channel by itself, then one of size 1 across the channels."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1,
        depth_multiplier: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        hidden = in_channels * depth_multiplier
        self.depthwise = nn.Conv2d(
            in_channels,
            hidden,
            kernel_size,
            stride,
            padding,
            dilation,
            groups=in_channels,
            bias=False,
        )
        self.pointwise = nn.Conv2d(hidden, out_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))
