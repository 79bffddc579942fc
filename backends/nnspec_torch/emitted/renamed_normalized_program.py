"""The same, where attributes of the module have other names as well."""

from torch import Tensor, nn

ATTRIBUTES: dict[str, str] = {}


def named(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights by the names that they and their layers have in the spec."""
    layers = {attribute: layer for layer, attribute in ATTRIBUTES.items()}
    found = {}
    for name, tensor in model.state_dict().items():
        name = name.replace("parametrizations.weight.original0", "weight_g")
        name = name.replace("parametrizations.weight.original1", "weight_v")
        found[".".join(layers.get(part, part) for part in name.split("."))] = tensor
    return found
