"""Pooling in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered
from nnspec_torch.core import compact, pad


def _is_stock(pads: tuple[tuple[int, int], ...], window: tuple[int, ...]) -> bool:
    """Whether nn.MaxPool2d and nn.AvgPool2d take these pads: equal sides, half a window at most."""
    return all(
        begin == end and 2 * begin <= size for (begin, end), size in zip(pads, window, strict=True)
    )


def _keywords(
    layer: layers.MaxPooling2D | layers.AveragePooling2D, pads: tuple[tuple[int, int], ...]
) -> dict[str, object]:
    keywords: dict[str, object] = {}
    if layer.steps != layer.pool_size:
        keywords["stride"] = compact(layer.steps)
    if any(begin for begin, _ in pads) and _is_stock(pads, layer.pool_size):
        keywords["padding"] = compact(tuple(begin for begin, _ in pads))
    return keywords


def max_pooling2d(layer: layers.MaxPooling2D, context: Context) -> Lowered:
    """nn.MaxPool2d; pads that it does not take are added before it, of minus infinity."""
    pads = layer.pads(context.inputs[0].shape, context.data_format)
    size = ("kernel_size", compact(layer.pool_size))
    module = call("nn.MaxPool2d", size, **_keywords(layer, pads))
    if _is_stock(pads, layer.pool_size):
        return Lowered("{module}({0})", module)
    return Lowered(f"{{module}}({pad(pads, float('-inf'))})", module)


def average_pooling2d(layer: layers.AveragePooling2D, context: Context) -> Lowered:
    """nn.AvgPool2d, padding not counted; for other pads, the mean over the mean of ones."""
    pads = layer.pads(context.inputs[0].shape, context.data_format)
    keywords = _keywords(layer, pads)
    if "padding" in keywords:
        keywords["count_include_pad"] = False
    module = call("nn.AvgPool2d", ("kernel_size", compact(layer.pool_size)), **keywords)
    if _is_stock(pads, layer.pool_size):
        return Lowered("{module}({0})", module)
    ones = pad(pads).replace("{0}", "torch.ones_like({0})")
    return Lowered(f"{{module}}({pad(pads)}) / {{module}}({ones})", module)


def global_average_pooling2d(layer: layers.GlobalAveragePooling2D, context: Context) -> Lowered:
    """The mean over height and width."""
    return Lowered("{0}.mean((2, 3))")
