"""Storing weights by the names of the spec, where PyTorch has others for lengths and directions."""

from torch import Tensor, nn


def named(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights by their names in the spec, which `load_state_dict` takes too."""
    found = {}
    for name, tensor in model.state_dict().items():
        name = name.replace("parametrizations.weight.original0", "weight_g")
        found[name.replace("parametrizations.weight.original1", "weight_v")] = tensor
    return found
