"""Convolutions in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.alike import compact
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, NativeParameter, Rows
from nnspec.emit.tree import CALLED, Expression, Field, Owner, X, apply, replaced
from nnspec.layers import Parameter
from nnspec.layers.base import spatial_axes
from nnspec.layers.convolution import Convolution
from nnspec.layers.shapes import same_padding
from nnspec_keras.core import KERNELS, LAST, kernel_and_bias, weighted
from nnspec_keras.initial import depthwise as depthwise_initializer
from nnspec_keras.initial import keras_initializer
from nnspec_keras.normalized import normalized
from nnspec_keras.padding import compact_pads

Pads = tuple[tuple[int, int], ...]


def is_same(
    pads: Pads, context: Context, window: tuple[int, ...], strides: tuple[int, ...]
) -> bool:
    """Whether the pads are those of TensorFlow's "same", for every size that the input may have."""
    shape = context.inputs[0].shape
    sizes = [shape[axis] for axis in spatial_axes(len(shape), context.data_format)]
    for size, span, stride, pad in zip(sizes, window, strides, pads, strict=True):
        if isinstance(size, str) and stride > 1:
            return False
        whole = size if isinstance(size, int) else span
        if same_padding(whole, span, stride, 1) != pad:
            return False
    return True


def zero_padding(pads: Pads) -> Lowered:
    """Return layers.ZeroPadding of the first input."""
    values = (("pads", "padding", compact_pads(pads)),)
    padding = apply(f"layers.ZeroPadding{len(pads)}D", Field("pads"), **LAST)
    return Lowered(apply(padding, X), values=values)


def same_by_size(window: tuple[int, ...], strides: tuple[int, ...]) -> Lowered:
    """Return the helper that pads with zeros as "same" does, by the size that its input has."""
    return Lowered(apply(apply("SamePadding", window, strides), X))


def convolution(layer: layers.Conv1D | layers.Conv2D | layers.Conv3D, context: Context) -> Lowered:
    """layers.Conv1D to 3D; pads that "same" does not give are added before it.

    Keras refuses strides together with dilation: then every position is computed, and those
    between the strides are dropped.
    """
    is_sliced = max(layer.strides) > 1 and max(layer.dilation_rate) > 1
    forward, before, keywords = _window(layer, context, is_sliced=is_sliced)
    if context.is_varied:
        return _varied(forward, before, keywords)
    if layer.groups != 1:
        keywords["groups"] = layer.groups
    parameters = context.parameters(layer)
    fans = "in out" if layer.groups == 1 else "in"
    initializers = {"kernel_initializer": keras_initializer(parameters[0], fans=fans)}
    module = call(
        f"{_varying(context)}Conv{len(layer.kernel_size)}D",
        ("filters", layer.filters),
        ("kernel_size", compact(layer.kernel_size)),
        **keywords,
        **LAST,
        **weighted(layer, parameters, initializers),
    )
    natives = kernel_and_bias(parameters)
    return Lowered(forward, module, parameters=natives, before=before)


def depthwise(layer: layers.DepthwiseConv1D | layers.DepthwiseConv2D, context: Context) -> Lowered:
    """layers.DepthwiseConv1D or 2D; strides that TensorFlow refuses are taken afterwards."""
    forward, before, keywords = _window(layer, context, is_sliced=_is_sliced(layer))
    if context.is_varied:
        return _varied(forward, before, keywords)
    if layer.depth_multiplier != 1:
        keywords["depth_multiplier"] = layer.depth_multiplier
    weight, *bias = context.parameters(layer)
    initializers = {"depthwise_initializer": depthwise_initializer(weight)}
    module = call(
        f"{_varying(context)}DepthwiseConv{len(layer.kernel_size)}D",
        ("kernel_size", compact(layer.kernel_size)),
        **keywords,
        **LAST,
        **weighted(layer, bias, initializers),
    )
    natives = (
        _depthwise_kernel(weight, "kernel", layer.depth_multiplier),
        *(NativeParameter(parameter.name, "bias") for parameter in bias),
    )
    return Lowered(forward, module, parameters=natives, before=before)


def separable(layer: layers.SeparableConv1D | layers.SeparableConv2D, context: Context) -> Lowered:
    """layers.SeparableConv1D or 2D; strides that TensorFlow refuses are taken afterwards."""
    forward, before, keywords = _window(layer, context, is_sliced=_is_sliced(layer))
    if layer.depth_multiplier != 1:
        keywords["depth_multiplier"] = layer.depth_multiplier
    weight, pointwise, *bias = context.parameters(layer)
    initializers = {
        "depthwise_initializer": depthwise_initializer(weight),
        "pointwise_initializer": keras_initializer(pointwise),
    }
    module = call(
        f"layers.SeparableConv{len(layer.kernel_size)}D",
        ("filters", layer.filters),
        ("kernel_size", compact(layer.kernel_size)),
        **keywords,
        **LAST,
        **weighted(layer, bias, initializers),
    )
    natives = (
        _depthwise_kernel(weight, "depthwise_kernel", layer.depth_multiplier),
        NativeParameter(pointwise.name, "pointwise_kernel", KERNELS[len(pointwise.shape)]),
        *(NativeParameter(parameter.name, "bias") for parameter in bias),
    )
    return Lowered(forward, module, parameters=natives, before=before)


def sliced(expression: Expression, slices: list[slice]) -> Expression:
    """Return slices of all axes but the batch and the channels; of the whole, the expression."""
    whole = slice(None)
    return expression if all(part == whole for part in slices) else expression[(whole, *slices)]


def _varying(context: Context) -> str:
    """Return what the name of a class begins with: where calls differ, one that lets them."""
    return "Varying" if context.is_tied else "layers."


def _varied(forward: Expression, before: Lowered | None, keywords: dict[str, object]) -> Lowered:
    """The other layer, called with a window that moves otherwise."""
    usual = {"strides": 1, "padding": "valid", "dilation_rate": 1}
    moved = apply(Owner(), X, **usual | keywords)
    forward = replaced(forward, lambda part: moved if part == CALLED else None)
    return Lowered(forward, before=before)


def _is_sliced(layer: Convolution) -> bool:
    """Whether TensorFlow refuses these strides for a depthwise convolution."""
    return len(set(layer.strides)) > 1 or (max(layer.strides) > 1 and max(layer.dilation_rate) > 1)


def _window(
    layer: Convolution, context: Context, *, is_sliced: bool
) -> tuple[Expression, Lowered | None, dict[str, object]]:
    """Return the expression, what pads its input, and how the window moves.

    is_sliced: whether the strides are taken from the output of a window that moves by 1.
    """
    shape, data_format = context.inputs[0].shape, context.data_format
    is_by_size = layer.pads_by_size(shape, data_format)
    pads = () if is_by_size else layer.pads(shape, data_format)
    keywords: dict[str, object] = {}
    forward: Expression = CALLED
    before = None
    if is_by_size:
        is_volume = len(layer.strides) == 3
        along = zip(layer.spans(), layer.strides, strict=True)
        if is_sliced or (is_volume and any(span < step - 1 for span, step in along)):
            before = same_by_size(layer.spans(), layer.strides)
        else:
            keywords["padding"] = "same"
    if is_sliced:
        steps = [step if step > 1 else None for step in layer.strides]
        forward = sliced(CALLED, [slice(None, None, step) for step in steps])
    elif max(layer.strides) > 1:
        keywords["strides"] = compact(layer.strides)
    if any(map(any, pads)):
        if context.pads_apart:
            before = zero_padding(pads)
        elif (
            layer.padding == "causal" and isinstance(layer, layers.Conv1D) and not context.is_varied
        ):
            keywords["padding"] = "causal"
        elif (
            not is_sliced
            and is_same(pads, context, layer.spans(), layer.strides)
            and not _is_shifted(layer, context)
        ):
            keywords["padding"] = "same"
        else:
            before = zero_padding(pads)
    if max(layer.dilation_rate) > 1:
        keywords["dilation_rate"] = compact(layer.dilation_rate)
    return forward, before, keywords


def _is_shifted(layer: Convolution, context: Context) -> bool:
    """Whether "same" takes the windows of a volume from the wrong place.

    Where strides leave some of an axis out, TensorFlow's Conv3D on a CPU takes half of what is
    left out from the begin, and every other convolution all of it from the end.
    """
    if len(layer.strides) < 3:
        return False
    shape = context.inputs[0].shape
    sizes = [shape[axis] for axis in spatial_axes(len(shape), context.data_format)]
    return any(
        isinstance(size, int) and (-(-size // stride) - 1) * stride + span < size - 1
        for size, span, stride in zip(sizes, layer.spans(), layer.strides, strict=True)
    )


def _depthwise_kernel(parameter: Parameter, name: str, multiplier: int) -> NativeParameter:
    """Return where Keras keeps a depthwise weight: in (*kernel, channels, multiplier)."""
    outputs, _, *window = parameter.shape
    shape = (outputs // multiplier, multiplier, *window)
    return NativeParameter(parameter.name, name, (*range(2, len(shape)), 0, 1), shape=shape)


ROWS: Rows = {
    layers.Conv1D: normalized(convolution),
    layers.Conv2D: normalized(convolution),
    layers.Conv3D: normalized(convolution),
    layers.DepthwiseConv1D: normalized(depthwise),
    layers.DepthwiseConv2D: normalized(depthwise),
    layers.SeparableConv1D: normalized(separable),
    layers.SeparableConv2D: normalized(separable),
}
