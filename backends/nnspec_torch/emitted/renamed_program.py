"""Storing weights by the names of the spec, where attributes of the module have others."""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

ATTRIBUTES: dict[str, str] = {}


def load_weights(path: Path) -> dict[str, Tensor]:
    """Return stored weights by the attributes that hold them."""
    return {
        ".".join(ATTRIBUTES.get(part, part) for part in name.split(".")): tensor
        for name, tensor in load_file(path).items()
    }


def named(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights by the names that their layers have in the spec."""
    layers = {attribute: layer for layer, attribute in ATTRIBUTES.items()}
    return {
        ".".join(layers.get(part, part) for part in name.split(".")): tensor
        for name, tensor in model.state_dict().items()
    }


def save(model: nn.Module, record: dict[str, Any], path: Path) -> None:
    """Write the weights, and how rows become inputs, whole or not at all."""
    temporary = path.with_name(f"{path.name}.part")
    temporary.touch()
    mode = temporary.stat().st_mode  # save_file lets only its owner read
    metadata = {"preprocessing": json.dumps(record)}
    save_file(named(model), temporary, metadata)
    temporary.chmod(mode)
    temporary.replace(path)
