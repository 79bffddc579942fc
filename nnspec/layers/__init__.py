"""The layers of the spec language, and the table from `type` to class.

A family's file is imported when one of its layers is first used: a spec needs few of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nnspec.layers import registry
from nnspec.layers.registry import FAMILIES, Table

if TYPE_CHECKING:
    from nnspec.layers.activations import *
    from nnspec.layers.arithmetic import *
    from nnspec.layers.arrangement import *
    from nnspec.layers.attention import *
    from nnspec.layers.average_pooling import *
    from nnspec.layers.base import Activation as Activation
    from nnspec.layers.base import Layer as Layer
    from nnspec.layers.base import Parameter as Parameter
    from nnspec.layers.base import Weighted as Weighted
    from nnspec.layers.batch_normalization import *
    from nnspec.layers.convolution import *
    from nnspec.layers.core import *
    from nnspec.layers.depthwise import *
    from nnspec.layers.embedding import *
    from nnspec.layers.gated import *
    from nnspec.layers.global_pooling import *
    from nnspec.layers.indexing import *
    from nnspec.layers.joining import *
    from nnspec.layers.logic import *
    from nnspec.layers.merge import *
    from nnspec.layers.normalization import *
    from nnspec.layers.padding import *
    from nnspec.layers.pooling import *
    from nnspec.layers.positions import *
    from nnspec.layers.products import *
    from nnspec.layers.rare_activations import *
    from nnspec.layers.recurrent import *
    from nnspec.layers.reduction import *
    from nnspec.layers.regularization import *
    from nnspec.layers.resizing import *
    from nnspec.layers.sharing import *
    from nnspec.layers.transposed import *

ACTIVATIONS: Table[Activation] = Table(registry.ACTIVATIONS)
LAYERS: Table[Layer] = Table(FAMILIES)

_HOMES = {
    **{name: family for family, layers in FAMILIES.items() for name in layers.values()},
    **dict.fromkeys(("Activation", "Layer", "Parameter", "Weighted"), "base"),
}


if not TYPE_CHECKING:  # else a name that no family has would pass for one

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
