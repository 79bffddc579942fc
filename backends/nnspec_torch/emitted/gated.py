"""Activations that gate one half of an axis by the other."""

import torch.nn.functional as F
from torch import Tensor


def swiglu(x: Tensor, dim: int = -1) -> Tensor:
    """The first half of an axis, through silu, times the second half."""
    value, gate = x.chunk(2, dim=dim)
    return F.silu(value) * gate
