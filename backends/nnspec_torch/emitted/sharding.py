"""Weights of which each of several processes keeps a share."""

from typing import Any

import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method


def shard(model: nn.Module) -> None:
    """Keep a share of each weight, of its gradient and of what the optimizer adds.

    Blocks are put together one by one as they compute, and the rest as a whole.
    """
    kind = next(model.parameters()).device.type
    mesh = init_device_mesh(kind, (dist.get_world_size(),))
    for layers in reversed(list(model.modules())):
        if isinstance(layers, nn.ModuleList):
            for each in layers:
                fully_shard(each, mesh=mesh)
    fully_shard(model, mesh=mesh)
    for name in ("logits", "for_loss"):
        if hasattr(model, name):
            register_fsdp_forward_method(model, name)


def whole(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights, put together, to the first process; all have to ask for them."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    found: Any = get_model_state_dict(model, options=options)
    weights: dict[str, Tensor] = found
    return weights
