"""A batch that several processes share: what each computes, and what they put together."""

from functools import partial
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn


class Summed(torch.autograd.Function):
    """The sum over all processes. The loss of each depends on what any of them gives."""

    divided = True

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


def share(rows: int) -> slice:
    """Return the rows of a batch that are this process's; of too few each takes all."""
    rank, processes = dist.get_rank(), dist.get_world_size()
    Summed.divided = rows >= processes
    if not Summed.divided:
        return slice(0, rows)
    return slice(rows * rank // processes, rows * (rank + 1) // processes)


def summed(x: Tensor) -> Tensor:
    """Return the sum over the shares of a batch."""
    add: Any = Summed.apply
    total: Tensor = add(x) if Summed.divided else x
    return total


def gathered(x: Tensor, rows: int) -> Tensor:
    """Return what all processes have made of the rows of a batch, in their order."""
    own = share(rows)
    before_and_after = (own.start, rows - own.stop)
    return summed(F.pad(x, (*[0, 0] * (x.dim() - 1), *before_and_after)))


def combine(model: nn.Module) -> None:
    """Let each gradient be the mean over the processes."""
    gradients = [each.grad for each in model.parameters() if each.grad is not None]
    whole: Any = torch.cat([each.flatten() for each in gradients])
    dist.all_reduce(whole)
    whole /= dist.get_world_size()
    parts = whole.split([each.numel() for each in gradients])
    for gradient, part in zip(gradients, parts):
        gradient.copy_(part.view_as(gradient))


def normalized(norm: Any, x: Tensor) -> Tensor:
    """Normalise by mean and variance of all rows of a batch, whoever computes them."""
    if not norm.training:
        computed: Tensor = type(norm).forward(norm, x)
        return computed
    values = x.to(norm.running_mean.dtype)
    axes = [axis for axis in range(x.dim()) if axis != 1]
    shape = (1, -1, *[1] * (x.dim() - 2))
    count = summed(values.new_tensor(x.numel() // x.shape[1]))
    mean = summed(values.sum(axes)) / count
    centered = values - mean.reshape(shape)
    variance = summed(centered.square().sum(axes)) / count
    with torch.no_grad():
        norm.running_mean.lerp_(mean, norm.momentum)
        norm.running_var.lerp_(variance * count / (count - 1), norm.momentum)
        norm.num_batches_tracked += 1
    y = centered * (variance + norm.eps).rsqrt().reshape(shape)
    if norm.affine:
        y = y * norm.weight.reshape(shape) + norm.bias.reshape(shape)
    return y.to(x.dtype)


def share_statistics(model: nn.Module) -> None:
    """Let batch normalisation take the rows of all processes for its batch."""
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    for layer in model.modules():
        if isinstance(layer, kinds):
            vars(layer)["forward"] = partial(normalized, layer)
