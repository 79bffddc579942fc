"""The main program of a training script: it measures and writes."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn


def r2(output: Tensor, target: Tensor) -> Tensor:
    """Return 1 - residual / variance, the mean over the columns; rows come first."""
    output, target = output.flatten(1).double(), target.flatten(1).double()
    residual = (output - target).square().sum(0)
    total = (target - target.mean(0)).square().sum(0)
    constant = (target == target[0]).all(0)  # 1 where it is met exactly, else 0
    return torch.where(constant, (residual == 0).double(), 1 - residual / total).mean()


def save(model: nn.Module, record: dict[str, Any], path: Path) -> None:
    """Write the weights, and how rows become inputs, whole or not at all."""
    temporary = path.with_name(f"{path.name}.part")
    temporary.touch()
    mode = temporary.stat().st_mode  # save_file lets only its owner read
    metadata = {"preprocessing": json.dumps(record)}
    save_file(model.state_dict(), temporary, metadata)
    temporary.chmod(mode)
    temporary.replace(path)
