"""Layers whose weight PyTorch makes of its length and its direction."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.lowering import Context, Lowered
from nnspec.emit.tree import MODULE, Expression, apply
from nnspec.layers.weighted import Normalizable

FUNCTION = "nn.utils.parametrizations.weight_norm"


def normalized(lowering: Callable[..., Lowered]) -> Callable[..., Lowered]:
    """Return a lowering after whose construction weights are normalised, if the layer says so."""

    def lowered(layer: Normalizable, context: Context) -> Lowered:
        made = lowering(layer, context)
        if not layer.weight_normalization or made.module is None:
            return made
        is_separable = isinstance(layer, layers.SeparableConv1D | layers.SeparableConv2D)
        parts = ("depthwise", "pointwise") if is_separable else ()
        targets: list[Expression] = [MODULE.attribute(part) for part in parts]
        axis = {"dim": layer.outputs_axis} if layer.outputs_axis else {}
        calls = tuple(apply(FUNCTION, target, **axis) for target in targets or [MODULE])
        return made._replace(setup=(*made.setup, *calls))

    return lowered
