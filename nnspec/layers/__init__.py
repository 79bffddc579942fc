"""The layers of the spec language, and the table from `type` to class.

A family's file is imported when one of its layers is first used: a spec needs few of them. Type
checkers and editors read `__init__.pyi`, which `make docs` writes.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from nnspec.layers import registry
from nnspec.layers.registry import FAMILIES, Table

ACTIVATIONS: Table[Any] = Table(registry.ACTIVATIONS)
LAYERS: Table[Any] = Table(FAMILIES)

_HOMES = {
    **{name: family for family, layers in FAMILIES.items() for name in layers.values()},
    **dict.fromkeys(("Activation", "Layer", "Parameter"), "base"),
    "Weighted": "weighted",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES and name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name not in _HOMES:
        # By its name: it imports this file, and only a mistake needs it.
        missing: str = import_module("nnspec.language.objects").missing_layer(name)
        raise AttributeError(missing)
    return getattr(import_module(f"nnspec.layers.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
