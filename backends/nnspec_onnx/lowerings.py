"""The table from layer to what it becomes in ONNX, and the layers that ONNX cannot express."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec import layers
from nnspec.backend.rows import FamilyRows
from nnspec.layers.base import Layer
from nnspec.layers.global_pooling import GlobalPooling
from nnspec.layers.padding import Cropping, SpatialPadding
from nnspec_onnx.rows import Lowering

LOWERINGS: FamilyRows[Lowering] = FamilyRows("nnspec_onnx")
"""The rows of each family of layers, and the file that has them."""

UNSUPPORTED: Mapping[type[Layer], str] = {}

ANY_LAYOUT: tuple[type[Layer], ...] = (Cropping, GlobalPooling, layers.Prelu, SpatialPadding)
"""Layers that are spatial elsewhere, and whose operators here take the channels on any axis."""
