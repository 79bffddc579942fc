"""The first values of weights whose layers say none, where the spec gives a law for all of them."""

from __future__ import annotations

from typing import Any, TypeVar

from nnspec.layers.base import Layer
from nnspec.layers.initializers import InitializerBase

L = TypeVar("L", bound=Layer)

WEIGHTS = (
    "kernel_initializer",
    "embeddings_initializer",
    "depthwise_initializer",
    "pointwise_initializer",
)
"""Fields of layers that the law is for: not those of biases, scales and recurrent weights."""


def with_initializer(layer: L, initializer: InitializerBase) -> L:
    """Return a layer whose weights begin by this law, where it gives none for them."""
    update: dict[str, Any] = {
        field: initializer
        for field in WEIGHTS
        if field in type(layer).model_fields and field not in layer.model_fields_set
    }
    inner = getattr(layer, "layer", None)
    if isinstance(inner, Layer):
        update["layer"] = with_initializer(inner, initializer)
    return layer.model_copy(update=update) if update else layer
