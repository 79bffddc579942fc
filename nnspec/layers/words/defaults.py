"""Defaults of other frameworks, where a name with their modules says whose layer it is."""

from __future__ import annotations

import re
from collections.abc import Mapping

_MODULES = re.compile(r"(?:tf|tensorflow|keras)\.")
_TORCH = re.compile(r"(?:torch|nn|F|functional)\.")
_KERAS: dict[str, dict[str, object]] = {
    "batch_normalization": {"momentum": 0.99, "epsilon": 0.001},
    "layer_normalization": {"epsilon": 0.001},
    "group_normalization": {"epsilon": 0.001, "groups": 32},
    "leaky_relu": {"negative_slope": 0.3},
    "prelu": {"slopes": "element", "alpha_initializer": "zeros"},
    "resize": {"interpolation": "bilinear"},
    "concatenate": {"axis": -1},
}


_TORCH_OWN: dict[str, dict[str, object]] = {
    "rms_normalization": {"epsilon": 1.1920929e-07},
    "prelu": {"slopes": "one"},
}
NEEDS_AXIS = frozenset({
    "argmax", "concatenate", "l2_normalize", "repeat_elements", "roll", "split", "stack", "take",
    "unit_normalization",
})  # fmt: skip
"""Types whose axis is another one in PyTorch where none is given."""


def is_keras(name: object) -> bool:
    """Whether a name is said with the modules of TensorFlow or Keras."""
    return isinstance(name, str) and _MODULES.match(name.strip()) is not None


def is_keras_spelling(name: str) -> bool:
    """Whether a name is one of Keras, by its modules or by its capital D, as in `Conv2D`."""
    return is_keras(name) or re.search(r"[a-z][123]D(?![a-z])", name) is not None


def is_torch(name: object) -> bool:
    """Whether a name is said with the modules of PyTorch."""
    return isinstance(name, str) and _TORCH.match(name.strip()) is not None


def defaults(name: str, meant: str) -> Mapping[str, object]:
    """Return what our type must be told to have the defaults of a layer that has this name."""
    if is_torch(name):
        return _TORCH_OWN.get(meant, {})
    if not is_keras(name):
        return {}
    if any(module in name for module in (".nn.", ".activations.", ".ops.")):
        return {"negative_slope": 0.2} if meant == "leaky_relu" else {}
    return _KERAS.get(meant, {})
