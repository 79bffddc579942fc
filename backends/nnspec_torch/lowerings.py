"""The table of lowerings to PyTorch: the families' rows, and the layers that it cannot do."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec.backend.rows import FamilyRows
from nnspec.emit.lowering import Lowering
from nnspec.layers import Layer

LOWERINGS: FamilyRows[Lowering] = FamilyRows("nnspec_torch")
"""The rows of each family of layers, and the file that has them."""

UNSUPPORTED: Mapping[type[Layer], str] = {}
