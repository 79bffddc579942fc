"""The table of lowerings to Keras: the families' rows, and the layers that it cannot do."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec.backend.rows import FamilyRows
from nnspec.emit.lowering import Lowering
from nnspec.layers import Layer

LOWERINGS: FamilyRows[Lowering] = FamilyRows(
    "nnspec_keras",
    {
        "core": "core",
        "convolution": "convolution",
        "transposed": "transposed",
        "depthwise": "convolution",
        "pooling": "pooling",
        "average_pooling": "pooling",
        "global_pooling": "pooling",
        "padding": "padding",
        "resizing": "resizing",
        "batch_normalization": "normalization",
        "normalization": "normalization",
        "regularization": "regularization",
        "embedding": "embedding",
        "attention": "attention",
        "recurrent": "recurrent",
        "sharing": "embedding",
        "merge": "merge",
        "joining": "merge",
        "products": "merge",
        "arithmetic": "arithmetic",
        "logic": "logic",
        "indexing": "indexing",
        "positions": "grids",
        "reduction": "reduction",
        "arrangement": "arrangement",
        "gated": "gated",
        "activations": "activations",
        "rare_activations": "activations",
    },
)
"""The rows of each family of layers, and the file that has them."""

UNSUPPORTED: Mapping[type[Layer], str] = {}
