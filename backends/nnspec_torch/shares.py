"""Tensors of which several processes hold a share each."""

from __future__ import annotations

from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor put together; where it is shared, all processes have to ask for it."""
    if not isinstance(tensor, DTensor):
        return tensor
    found: Tensor = tensor.full_tensor()
    return found


def shared_as(tensor: Tensor, other: Tensor) -> Tensor:
    """Return this process's share of a whole tensor, as it has one of the other."""
    if not isinstance(other, DTensor):
        return tensor
    given = tensor.to(other.device)
    found: Tensor = distribute_tensor(
        given, other.device_mesh, other.placements, src_data_rank=None
    )
    return found
