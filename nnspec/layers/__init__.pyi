"""The layers as type checkers and editors see them; `make docs` writes this file."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from nnspec.layers import activations as _activations
from nnspec.layers import arithmetic as _arithmetic
from nnspec.layers import arrangement as _arrangement
from nnspec.layers import attention as _attention
from nnspec.layers import average_pooling as _average_pooling
from nnspec.layers import batch_normalization as _batch_normalization
from nnspec.layers import convolution as _convolution
from nnspec.layers import core as _core
from nnspec.layers import depthwise as _depthwise
from nnspec.layers import elementwise as _elementwise
from nnspec.layers import embedding as _embedding
from nnspec.layers import gated as _gated
from nnspec.layers import global_pooling as _global_pooling
from nnspec.layers import indexing as _indexing
from nnspec.layers import joining as _joining
from nnspec.layers import linear_units as _linear_units
from nnspec.layers import logic as _logic
from nnspec.layers import merge as _merge
from nnspec.layers import normalization as _normalization
from nnspec.layers import padding as _padding
from nnspec.layers import pooling as _pooling
from nnspec.layers import positions as _positions
from nnspec.layers import products as _products
from nnspec.layers import rare_activations as _rare_activations
from nnspec.layers import recurrent as _recurrent
from nnspec.layers import reduction as _reduction
from nnspec.layers import regularization as _regularization
from nnspec.layers import resizing as _resizing
from nnspec.layers import sharing as _sharing
from nnspec.layers import transposed as _transposed
from nnspec.layers.base import Activation as Activation
from nnspec.layers.base import Layer as Layer
from nnspec.layers.base import Parameter as Parameter
from nnspec.layers.initializers import InitializerBase
from nnspec.layers.recurrent import Recurrent
from nnspec.layers.registry import FAMILIES as FAMILIES, Table
from nnspec.layers.weighted import Weighted as Weighted

ACTIVATIONS: Table[Activation]
LAYERS: Table[Layer]

class Dense(_core.Dense):
    r"""y = activation(x Wᵀ + b) on the last axis. (..., n) -> (..., units); weight (units, n).

    The last axis is that of the declared shape: of an image the channels in channels_last, and the
    width in channels_first."""

    def __init__(self, *, units: int, use_bias: bool = True, activation: Activation | str | Mapping[str, Any] | None = None, weight_normalization: bool = False, bias_initializer: InitializerBase | str | Mapping[str, Any] = 'zeros', kernel_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class Flatten(_core.Flatten):
    r"""All axes but the batch become one, the last moving fastest. (a, b, ...) -> (a·b·...,)."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Reshape(_core.Reshape):
    r"""The same elements, in the declared order, in another shape. One size may be -1.

    A size may be that of an axis of the input, by its name: (time, 16) with shape [time, 4, 4] ->
    (time, 4, 4). With dynamic axes the number of elements must be the same at any size;
    (time, 16) with shape [-1, 32] takes an even time alone."""

    def __init__(self, *, shape: Sequence[int | str], name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Conv1D(_convolution.Conv1D):
    r"""Cross-correlation of a sequence with `filters` kernels, plus a bias.

    y[o, i] = b[o] + Σ w[o, c, p] · x[c, i·s + p·d] over the channels c of the output's group and
    the window p. (channels, length) -> (filters, length') in channels_first, (length, channels)
    -> (length', filters) in channels_last; weight (filters, channels / groups, kernel_size).
    Padding "same" is that of conv2d; "causal" puts d · (kernel_size - 1) zeros at the begin, so
    that no output sees a later input (van den Oord et al. 2016, WaveNet)."""

    def __init__(self, *, filters: int, kernel_size: Sequence[int] | int, strides: Sequence[int] | int = 1, padding: str | Sequence[Sequence[int]] | int = 'valid', dilation_rate: Sequence[int] | int = 1, groups: int = 1, use_bias: bool = True, activation: Activation | str | Mapping[str, Any] | None = None, weight_normalization: bool = False, bias_initializer: InitializerBase | str | Mapping[str, Any] = 'zeros', kernel_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class Conv2D(_convolution.Conv2D):
    r"""Cross-correlation of an image with `filters` kernels, plus a bias.

    y[o, i, j] = b[o] + Σ w[o, c, p, q] · x[c, i·s + p·d, j·s + q·d] over the channels c of the
    output's group and the window p, q. (channels, h, w) -> (filters, h', w') in channels_first;
    weight (filters, channels / groups, *kernel_size). "same" pads as TensorFlow and ONNX's
    SAME_UPPER do: the output has ⌈n / stride⌉ positions, and the odd pad is at the end."""

    def __init__(self, *, filters: int, kernel_size: Sequence[int] | int, strides: Sequence[int] | int = 1, padding: str | Sequence[Sequence[int]] | int = 'valid', dilation_rate: Sequence[int] | int = 1, groups: int = 1, use_bias: bool = True, activation: Activation | str | Mapping[str, Any] | None = None, weight_normalization: bool = False, bias_initializer: InitializerBase | str | Mapping[str, Any] = 'zeros', kernel_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class Conv3D(_convolution.Conv3D):
    r"""Cross-correlation of a volume with `filters` kernels, plus a bias.

    y[o, i, j, k] = b[o] + Σ w[o, c, p, q, r] · x[c, i·s + p·d, j·s + q·d, k·s + r·d] over the
    channels c of the output's group and the window p, q, r. (channels, d, h, w) -> (filters, d',
    h', w') in channels_first; weight (filters, channels / groups, *kernel_size). "same" pads as
    conv2d does."""

    def __init__(self, *, filters: int, kernel_size: Sequence[int] | int, strides: Sequence[int] | int = 1, padding: str | Sequence[Sequence[int]] | int = 'valid', dilation_rate: Sequence[int] | int = 1, groups: int = 1, use_bias: bool = True, activation: Activation | str | Mapping[str, Any] | None = None, weight_normalization: bool = False, bias_initializer: InitializerBase | str | Mapping[str, Any] = 'zeros', kernel_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class Conv1DTranspose(_transposed.Conv1DTranspose):
    r"""The adjoint of conv1d: each input adds a kernel to the output; plus a bias.

    y[o, i·s + p·d - begin] = b[o] + Σ w[c, o, p] · x[c, i] over the channels c of the output's
    group and all i, p that meet there. (channels, length) -> (filters, (length - 1) · s +
    d · (kernel_size - 1) + 1 + output_padding - begin - end) in channels_first; weight (channels,
    filters / groups, kernel_size). "same" gives length · s: it crops max(d · (kernel_size - 1) + 1
    - s, 0), the odd one at the end, as TensorFlow does."""

    def __init__(self, *, filters: int, kernel_size: Sequence[int] | int, strides: Sequence[int] | int = 1, padding: str | Sequence[Sequence[int]] | int = 'valid', dilation_rate: Sequence[int] | int = 1, output_padding: Sequence[int] | int = 0, groups: int = 1, use_bias: bool = True, activation: Activation | str | Mapping[str, Any] | None = None, weight_normalization: bool = False, bias_initializer: InitializerBase | str | Mapping[str, Any] = 'zeros', kernel_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class Conv2DTranspose(_transposed.Conv2DTranspose):
    r"""The adjoint of conv2d: each input adds a kernel to the output; plus a bias.

    y[o, i·s + p·d - begin, ...] = b[o] + Σ w[c, o, p, q] · x[c, i, j] over the channels c of the
    output's group and all i, j, p, q that meet there. (channels, h, w) -> (filters, h', w') in
    channels_first, where h' = (h - 1) · s + d · (k - 1) + 1 + output_padding - begin - end; weight
    (channels, filters / groups, *kernel_size). "same" gives h · s, cropping as conv1d_transpose
    does. Zeiler et al. 2010; Dumoulin and Visin 2016."""

    def __init__(self, *, filters: int, kernel_size: Sequence[int] | int, strides: Sequence[int] | int = 1, padding: str | Sequence[Sequence[int]] | int = 'valid', dilation_rate: Sequence[int] | int = 1, output_padding: Sequence[int] | int = 0, groups: int = 1, use_bias: bool = True, activation: Activation | str | Mapping[str, Any] | None = None, weight_normalization: bool = False, bias_initializer: InitializerBase | str | Mapping[str, Any] = 'zeros', kernel_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class Conv3DTranspose(_transposed.Conv3DTranspose):
    r"""The adjoint of conv3d: each input adds a kernel to the output; plus a bias.

    conv2d_transpose in three dimensions: (channels, d, h, w) -> (filters, d', h', w') in
    channels_first; weight (channels, filters / groups, *kernel_size)."""

    def __init__(self, *, filters: int, kernel_size: Sequence[int] | int, strides: Sequence[int] | int = 1, padding: str | Sequence[Sequence[int]] | int = 'valid', dilation_rate: Sequence[int] | int = 1, output_padding: Sequence[int] | int = 0, groups: int = 1, use_bias: bool = True, activation: Activation | str | Mapping[str, Any] | None = None, weight_normalization: bool = False, bias_initializer: InitializerBase | str | Mapping[str, Any] = 'zeros', kernel_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class DepthwiseConv1D(_depthwise.DepthwiseConv1D):
    r"""Cross-correlation of each channel of a sequence with kernels of its own, plus a bias.

    y[c·m + a, i] = b[c·m + a] + Σ w[c·m + a, 0, p] · x[c, i·s + p·d] over the window p, for the
    m = depth_multiplier outputs a of each channel c: conv1d in as many groups as channels.
    (channels, length) -> (channels · m, length') in channels_first; weight (channels · m, 1,
    kernel_size). Padding may be "causal", as in conv1d."""

    def __init__(self, *, kernel_size: Sequence[int] | int, strides: Sequence[int] | int = 1, padding: str | Sequence[Sequence[int]] | int = 'valid', dilation_rate: Sequence[int] | int = 1, depth_multiplier: int = 1, use_bias: bool = True, activation: Activation | str | Mapping[str, Any] | None = None, weight_normalization: bool = False, bias_initializer: InitializerBase | str | Mapping[str, Any] = 'zeros', depthwise_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class DepthwiseConv2D(_depthwise.DepthwiseConv2D):
    r"""Cross-correlation of each channel of an image with kernels of its own, plus a bias.

    y[c·m + a, i, j] = b[c·m + a] + Σ w[c·m + a, 0, p, q] · x[c, i·s + p·d, j·s + q·d] over the
    window p, q, for the m = depth_multiplier outputs a of each channel c: conv2d in as many groups
    as channels. (channels, h, w) -> (channels · m, h', w') in channels_first; weight (channels ·
    m, 1, *kernel_size). Howard et al. 2017 (MobileNets)."""

    def __init__(self, *, kernel_size: Sequence[int] | int, strides: Sequence[int] | int = 1, padding: str | Sequence[Sequence[int]] | int = 'valid', dilation_rate: Sequence[int] | int = 1, depth_multiplier: int = 1, use_bias: bool = True, activation: Activation | str | Mapping[str, Any] | None = None, weight_normalization: bool = False, bias_initializer: InitializerBase | str | Mapping[str, Any] = 'zeros', depthwise_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class SeparableConv1D(_depthwise.SeparableConv1D):
    r"""depthwise_conv1d without a bias, then conv1d of size 1 with one.

    (channels, length) -> (filters, length') in channels_first; depthwise.weight (channels ·
    depth_multiplier, 1, kernel_size), pointwise.weight (filters, channels · depth_multiplier, 1).
    Strides, padding (which may be "causal") and dilation are those of the first, bias and
    activation those of the second."""

    def __init__(self, *, filters: int, kernel_size: Sequence[int] | int, strides: Sequence[int] | int = 1, padding: str | Sequence[Sequence[int]] | int = 'valid', dilation_rate: Sequence[int] | int = 1, depth_multiplier: int = 1, use_bias: bool = True, activation: Activation | str | Mapping[str, Any] | None = None, weight_normalization: bool = False, bias_initializer: InitializerBase | str | Mapping[str, Any] = 'zeros', depthwise_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', pointwise_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class SeparableConv2D(_depthwise.SeparableConv2D):
    r"""depthwise_conv2d without a bias, then conv2d of size 1 with one. Chollet 2017 (Xception).

    (channels, h, w) -> (filters, h', w') in channels_first; depthwise.weight (channels ·
    depth_multiplier, 1, *kernel_size), pointwise.weight (filters, channels · depth_multiplier, 1,
    1). Strides, padding and dilation are those of the first, bias and activation those of the
    second."""

    def __init__(self, *, filters: int, kernel_size: Sequence[int] | int, strides: Sequence[int] | int = 1, padding: str | Sequence[Sequence[int]] | int = 'valid', dilation_rate: Sequence[int] | int = 1, depth_multiplier: int = 1, use_bias: bool = True, activation: Activation | str | Mapping[str, Any] | None = None, weight_normalization: bool = False, bias_initializer: InitializerBase | str | Mapping[str, Any] = 'zeros', depthwise_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', pointwise_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class MaxPooling1D(_pooling.MaxPooling1D):
    r"""Largest element of each window; padding counts as -∞.

    (channels, length) -> (channels, length') in channels_first. Of equal elements the first gets
    the gradient."""

    def __init__(self, *, pool_size: Sequence[int] | int = (2,), strides: Sequence[int] | int | None = None, padding: str | Sequence[Sequence[int]] | int = 'valid', ceil_mode: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class MaxPooling2D(_pooling.MaxPooling2D):
    r"""Largest element of each window; padding counts as -∞.

    (channels, h, w) -> (channels, h', w') in channels_first. Of equal elements the first in
    row-major order gets the gradient."""

    def __init__(self, *, pool_size: Sequence[int] | int = (2, 2), strides: Sequence[int] | int | None = None, padding: str | Sequence[Sequence[int]] | int = 'valid', ceil_mode: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class MaxPooling3D(_pooling.MaxPooling3D):
    r"""Largest element of each window; padding counts as -∞.

    (channels, d, h, w) -> (channels, d', h', w') in channels_first. Of equal elements the first
    in row-major order gets the gradient."""

    def __init__(self, *, pool_size: Sequence[int] | int = (2, 2, 2), strides: Sequence[int] | int | None = None, padding: str | Sequence[Sequence[int]] | int = 'valid', ceil_mode: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class AveragePooling1D(_average_pooling.AveragePooling1D):
    r"""Mean of each window; padding is not counted, unless by count_include_pad.

    (channels, length) -> (channels, length') in channels_first."""

    def __init__(self, *, pool_size: Sequence[int] | int = (2,), strides: Sequence[int] | int | None = None, padding: str | Sequence[Sequence[int]] | int = 'valid', ceil_mode: bool = False, count_include_pad: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class AveragePooling2D(_average_pooling.AveragePooling2D):
    r"""Mean of each window; padding is not counted, unless by count_include_pad.

    (channels, h, w) -> (channels, h', w') in channels_first."""

    def __init__(self, *, pool_size: Sequence[int] | int = (2, 2), strides: Sequence[int] | int | None = None, padding: str | Sequence[Sequence[int]] | int = 'valid', ceil_mode: bool = False, count_include_pad: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class AveragePooling3D(_average_pooling.AveragePooling3D):
    r"""Mean of each window; padding is not counted, unless by count_include_pad.

    (channels, d, h, w) -> (channels, d', h', w') in channels_first."""

    def __init__(self, *, pool_size: Sequence[int] | int = (2, 2, 2), strides: Sequence[int] | int | None = None, padding: str | Sequence[Sequence[int]] | int = 'valid', ceil_mode: bool = False, count_include_pad: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class GlobalAveragePooling1D(_global_pooling.GlobalAveragePooling1D):
    r"""Mean over the length. (channels, length) -> (channels,) in channels_first."""

    def __init__(self, *, keepdims: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class GlobalAveragePooling2D(_global_pooling.GlobalAveragePooling2D):
    r"""Mean over height and width. (channels, h, w) -> (channels,) in channels_first."""

    def __init__(self, *, keepdims: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class GlobalAveragePooling3D(_global_pooling.GlobalAveragePooling3D):
    r"""Mean over depth, height and width. (channels, d, h, w) -> (channels,) in channels_first."""

    def __init__(self, *, keepdims: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class GlobalMaxPooling1D(_global_pooling.GlobalMaxPooling1D):
    r"""Largest element of each channel. (channels, length) -> (channels,) in channels_first.

    Equal elements share the gradient."""

    def __init__(self, *, keepdims: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class GlobalMaxPooling2D(_global_pooling.GlobalMaxPooling2D):
    r"""Largest element of each channel. (channels, h, w) -> (channels,) in channels_first.

    Equal elements share the gradient."""

    def __init__(self, *, keepdims: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class GlobalMaxPooling3D(_global_pooling.GlobalMaxPooling3D):
    r"""Largest element of each channel. (channels, d, h, w) -> (channels,) in channels_first.

    Equal elements share the gradient."""

    def __init__(self, *, keepdims: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class AdaptiveAveragePooling1D(_global_pooling.AdaptiveAveragePooling1D):
    r"""Mean of ⌊i·n / o⌋ to ⌈(i + 1)·n / o⌉ for each position i of o.

    (channels, length) -> (channels, output_size) in channels_first. The bins of PyTorch."""

    def __init__(self, *, output_size: Sequence[int] | int, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class AdaptiveAveragePooling2D(_global_pooling.AdaptiveAveragePooling2D):
    r"""Mean of ⌊i·n / o⌋ to ⌈(i + 1)·n / o⌉ for each position i of o, along both axes.

    (channels, h, w) -> (channels, *output_size) in channels_first. The bins of PyTorch."""

    def __init__(self, *, output_size: Sequence[int] | int, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class AdaptiveMaxPooling1D(_global_pooling.AdaptiveMaxPooling1D):
    r"""Largest of ⌊i·n / o⌋ to ⌈(i + 1)·n / o⌉ for each position i of o.

    (channels, length) -> (channels, output_size) in channels_first. The bins of PyTorch. Of equal
    elements the first gets the gradient."""

    def __init__(self, *, output_size: Sequence[int] | int, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class AdaptiveMaxPooling2D(_global_pooling.AdaptiveMaxPooling2D):
    r"""Largest of ⌊i·n / o⌋ to ⌈(i + 1)·n / o⌉ for each position i of o, along both axes.

    (channels, h, w) -> (channels, *output_size) in channels_first. The bins of PyTorch. Of equal
    elements the first in row-major order gets the gradient."""

    def __init__(self, *, output_size: Sequence[int] | int, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class ZeroPadding1D(_padding.ZeroPadding1D):
    r"""Zeros before and after the length. (channels, length) -> (channels, length + pads)."""

    def __init__(self, *, padding: Sequence[Sequence[int]] | int = ((1, 1),), name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class ZeroPadding2D(_padding.ZeroPadding2D):
    r"""Zeros around height and width. (channels, h, w) -> (channels, h + pads, w + pads)."""

    def __init__(self, *, padding: Sequence[Sequence[int]] | int = ((1, 1), (1, 1)), name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class ZeroPadding3D(_padding.ZeroPadding3D):
    r"""Zeros around depth, height and width. (channels, d, h, w) -> each axis plus its pads."""

    def __init__(self, *, padding: Sequence[Sequence[int]] | int = ((1, 1), (1, 1), (1, 1)), name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class ReflectionPadding1D(_padding.ReflectionPadding1D):
    r"""The input mirrored at its ends, which are not repeated: c b [a b c] b a.

    (channels, length) -> (channels, length + pads); each pad is smaller than the length."""

    def __init__(self, *, padding: Sequence[Sequence[int]] | int = ((1, 1),), name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class ReflectionPadding2D(_padding.ReflectionPadding2D):
    r"""The input mirrored at its edges, which are not repeated: c b [a b c] b a, on both axes.

    (channels, h, w) -> (channels, h + pads, w + pads); each pad is smaller than its axis."""

    def __init__(self, *, padding: Sequence[Sequence[int]] | int = ((1, 1), (1, 1)), name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class ReplicationPadding1D(_padding.ReplicationPadding1D):
    r"""The first and the last element repeated: a a [a b c] c c.

    (channels, length) -> (channels, length + pads)."""

    def __init__(self, *, padding: Sequence[Sequence[int]] | int = ((1, 1),), name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class ReplicationPadding2D(_padding.ReplicationPadding2D):
    r"""The outermost elements repeated: a a [a b c] c c, on both axes.

    (channels, h, w) -> (channels, h + pads, w + pads)."""

    def __init__(self, *, padding: Sequence[Sequence[int]] | int = ((1, 1), (1, 1)), name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Cropping1D(_padding.Cropping1D):
    r"""The input without its first and last elements. (channels, length) -> the length less them."""

    def __init__(self, *, cropping: Sequence[Sequence[int]] | int = ((1, 1),), name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Cropping2D(_padding.Cropping2D):
    r"""The input without its border. (channels, h, w) -> height and width less what is cut off."""

    def __init__(self, *, cropping: Sequence[Sequence[int]] | int = ((1, 1), (1, 1)), name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Cropping3D(_padding.Cropping3D):
    r"""The input without its border. (channels, d, h, w) -> each axis less what is cut off."""

    def __init__(self, *, cropping: Sequence[Sequence[int]] | int = ((1, 1), (1, 1), (1, 1)), name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class UpSampling1D(_resizing.UpSampling1D):
    r"""Each element `size` times. (channels, length) -> (channels, length · size)."""

    def __init__(self, *, size: Sequence[int] | int = (2,), name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class UpSampling2D(_resizing.UpSampling2D):
    r"""Each element repeated in height and width (nearest neighbour).

    (channels, h, w) -> (channels, h · size, w · size) in channels_first."""

    def __init__(self, *, size: Sequence[int] | int = (2, 2), name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Resize(_resizing.Resize):
    r"""An image of another size. (channels, h, w) -> (channels, *size) in channels_first.

    With a `scale` instead of the size it is ⌊h · scale⌋ by ⌊w · scale⌋.

    Position i of o lies at x = (i + 1/2)·n/o - 1/2 in an axis of n (half-pixel centres), or at
    i·(n - 1)/(o - 1) with align_corners. nearest takes the element next to it, found in float32 (of
    two equally near the later); bilinear goes straight between the two beside it; bicubic is the
    cubic of Keys 1981 through four, with a = -0.75 as in PyTorch and ONNX. Outside, the outermost
    elements go on. Nothing is smoothed before an image is made smaller.

    With antialias it is: along an axis that gets smaller, the function by which neighbours weigh
    is n/o times as wide. What lies outside has no part, bicubic has a = -0.5, and the weights of
    each position are divided by their sum, all as in PyTorch and Pillow."""

    def __init__(self, *, size: Sequence[int] | int | None = None, scale: float | None = None, interpolation: Literal['nearest', 'bilinear', 'bicubic'] = 'nearest', align_corners: bool = False, antialias: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class PixelShuffle(_resizing.PixelShuffle):
    r"""Channels moved into space: y[c, h·r + i, w·r + j] = x[c·r² + i·r + j, h, w].

    (channels, h, w) -> (channels / r², h · r, w · r). Shi et al. 2016."""

    def __init__(self, *, upscale_factor: int, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class PixelUnshuffle(_resizing.PixelUnshuffle):
    r"""Space moved into channels: y[c·r² + i·r + j, h, w] = x[c, h·r + i, w·r + j].

    (channels, h, w) -> (channels · r², h / r, w / r). Undoes pixel_shuffle. Of a dynamic axis it
    takes multiples of r alone."""

    def __init__(self, *, downscale_factor: int, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class BatchNormalization(_batch_normalization.BatchNormalization):
    r"""y = weight · (x - μ) / √(σ² + epsilon) + bias, per channel. Ioffe and Szegedy 2015.

    In training μ and σ² are the mean and the biased variance over the batch and every axis but
    the channels, and running values follow: running = momentum · running + (1 - momentum) · new.
    Otherwise, and in training too where it is not trainable, μ and σ² are the running values, which
    then stay as they are (as in Keras; PyTorch has no such setting). Keeps the shape; the channels
    are the last axis, or the first of a channels_first spec."""

    def __init__(self, *, momentum: float = 0.9, epsilon: float = 1e-05, affine: bool = True, name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class LayerNormalization(_normalization.LayerNormalization):
    r"""y = weight · (x - μ) / √(σ² + epsilon) + bias; μ and σ² (biased) over the axes.

    Keeps the shape; weight and bias have the sizes of those axes. Ba et al. 2016."""

    def __init__(self, *, axis: Sequence[int] | int = (-1,), epsilon: float = 1e-05, scale: bool = True, center: bool = True, name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class RmsNormalization(_normalization.RmsNormalization):
    r"""y = weight · x / √(mean(x²) + epsilon), the mean over the last axes.

    Keeps the shape; weight has the sizes of those axes. Zhang and Sennrich 2019."""

    def __init__(self, *, axis: Sequence[int] | int = (-1,), epsilon: float = 1e-06, name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class GroupNormalization(_normalization.GroupNormalization):
    r"""y = weight · (x - μ) / √(σ² + epsilon) + bias, per row and group of channels.

    μ and σ² (biased) are over the channels of a group, which are consecutive, and over all other
    axes. Keeps the shape; the channels are the last axis, or the first of a channels_first spec.
    Wu and He 2018."""

    def __init__(self, *, groups: int, epsilon: float = 1e-05, affine: bool = True, name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class InstanceNormalization(_normalization.InstanceNormalization):
    r"""y = weight · (x - μ) / √(σ² + epsilon) + bias, per row and channel.

    μ and σ² (biased) are over all axes but the channels, in training and otherwise. Keeps the
    shape; the channels are the last axis, or the first of a channels_first spec.
    Ulyanov et al. 2016."""

    def __init__(self, *, epsilon: float = 1e-05, affine: bool = True, name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class UnitNormalization(_normalization.UnitNormalization):
    r"""y = x / max(‖x‖, epsilon), ‖x‖ = √Σx² over `axis`. Any shape of at least one axis.

    A vector shorter than epsilon is divided by epsilon, and its length has no gradient."""

    def __init__(self, *, axis: int = -1, epsilon: float = 1e-12, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class LocalResponseNormalization(_normalization.LocalResponseNormalization):
    r"""y = x / (k + alpha / size · Σ x²)^beta, over `size` channels, of which x is in the middle.

    Beyond the first and the last channel there is nothing. Two to four axes; keeps the shape.
    TensorFlow's alpha is alpha / size here, and its depth_radius (size - 1) / 2.
    Krizhevsky et al. 2012 (AlexNet)."""

    def __init__(self, *, size: int = 5, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Dropout(_regularization.Dropout):
    r"""In training each element is 0 with probability `rate`, else x / (1 - rate); else y = x.

    Any shape. Srivastava et al. 2014 (inverted form)."""

    def __init__(self, *, rate: float, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class AlphaDropout(_regularization.AlphaDropout):
    r"""In training keeps mean and variance: y = a · (x, or -s·α with probability `rate`) + b.

    α = 1.6732632423543772 and s = 1.0507009873554805 are those of selu, p = `rate`,
    a = 1 / √((1 - p) (1 + p (s·α)²)) and b = a · p · s·α. Else y = x. Any shape.
    Klambauer et al. 2017."""

    def __init__(self, *, rate: float, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class GaussianDropout(_regularization.GaussianDropout):
    r"""In training y = x · n, n normal of mean 1 and variance rate / (1 - rate); else y = x.

    Any shape. Srivastava et al. 2014."""

    def __init__(self, *, rate: float, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class GaussianNoise(_regularization.GaussianNoise):
    r"""In training y = x + n, n normal of mean 0 and standard deviation `stddev`; else y = x.

    Any shape."""

    def __init__(self, *, stddev: float, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Sampling(_regularization.Sampling):
    r"""In training y = mean + stddev · e^(log_variance / 2) · n, n normal; else y = mean.

    Inputs [mean, log_variance] of one shape, any. The gradient goes to both: Kingma and Welling
    2014 (variational autoencoders). For a draw at inference give the noise as an input, and write
    the formula."""

    def __init__(self, *, stddev: float = 1.0, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class SpatialDropout1D(_regularization.SpatialDropout1D):
    r"""Dropout of whole channels. Two axes, channels first or last. Tompson et al. 2015."""

    def __init__(self, *, rate: float, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class SpatialDropout2D(_regularization.SpatialDropout2D):
    r"""Dropout of whole channels. Three axes, channels first or last. Tompson et al. 2015."""

    def __init__(self, *, rate: float, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class SpatialDropout3D(_regularization.SpatialDropout3D):
    r"""Dropout of whole channels. Four axes, channels first or last. Tompson et al. 2015."""

    def __init__(self, *, rate: float, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Embedding(_embedding.Embedding):
    r"""y = W[x], row x of the table. (...) whole numbers -> (..., output_dim).

    weight (input_dim, output_dim). The gradient of a row is the sum over all places that took it.
    With `padding_index`, that row starts at zero and gets no gradient from being looked up."""

    def __init__(self, *, input_dim: int, output_dim: int, padding_index: int | None = None, weight_normalization: bool = False, embeddings_initializer: InitializerBase | str | Mapping[str, Any] = 'normal', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class PositionEmbedding(_embedding.PositionEmbedding):
    r"""y[t] = x[t] + W[t], W learned. (time, features) -> the same; weight (max_length, features).

    Gehring et al. 2017; Radford et al. 2018 (GPT)."""

    def __init__(self, *, max_length: int, embeddings_initializer: InitializerBase | str | Mapping[str, Any] = 'normal', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class SinusoidalPosition(_embedding.SinusoidalPosition):
    r"""y[t] = x[t] + P[t], P[t, 2i] = sin(t / base^(2i/d)), P[t, 2i+1] = cos(t / base^(2i/d)).

    (time, features) -> the same; d is the number of features, t counts from 0. The table is
    computed in float64, whatever the network computes in. Vaswani et al. 2017, section 3.5."""

    def __init__(self, *, base: float = 10000.0, max_length: int | None = None, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class RotaryPosition(_embedding.RotaryPosition):
    r"""Turns each pair (x[t, i], x[t, i + d/2]) by the angle t / base^(2i/d).

    y = (x₁ cos - x₂ sin, x₂ cos + x₁ sin) for the halves x₁, x₂ of the features, d of them, an
    even number; t counts from 0. (..., time, features) -> the same. The angles are computed in
    float64, whatever the network computes in. Su et al. 2021 (RoFormer), in the split-half order
    of GPT-NeoX and Llama."""

    def __init__(self, *, base: float = 10000.0, max_length: int | None = None, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class LearnedTensor(_embedding.LearnedTensor):
    r"""y = W, a learned tensor such as a class token, the same for every row of the batch.

    Of the input nothing is taken but the size of the batch, so `inputs: []` will do. Any -> shape;
    weight of that shape."""

    def __init__(self, *, shape: Sequence[int], initializer: InitializerBase | str | Mapping[str, Any] = 'normal', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class ConstantTensor(_embedding.ConstantTensor):
    r"""y = value, fixed numbers, the same for every row of the batch.

    Of the input nothing is taken but the size of the batch, so `inputs: []` will do. Any -> the
    shape of the value: () for a number, (n,) for a list of n, and so on."""

    def __init__(self, *, value: float | Sequence[float] | Sequence[Sequence[float]] | Sequence[Sequence[Sequence[float]]], dtype: Literal['float32', 'int32', 'int64'] = 'float32', name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class MultiHeadAttention(_attention.MultiHeadAttention):
    r"""y = concat_h(softmax(s q_h k_hᵀ + b_h + m) v_h) W_outᵀ + b_out; q = x_q W_qᵀ + b_q, etc.

    Inputs [query], [query, value] or [query, value, key]: (..., time, features), the last two
    (..., length, features) -> (..., time, output_dim); along the axes before the time, such as
    windows, each sequence attends to itself alone. s is the scale, 1 / √d by default; b is the
    score_bias, if there is one; m is 0 where a mask is True and -∞ where it is False; where nothing
    may be attended to, the sum over v is 0. Weights as PyTorch's linear layers: q and k (num_heads
    · key_dim, features), v (num_heads · value_dim, features), out (output_dim, num_heads ·
    value_dim). Vaswani et al. 2017."""

    def __init__(self, *, num_heads: int, key_dim: int | None = None, output_dim: int | None = None, causal: bool = False, scale: float | None = None, mask: str | None = None, key_padding: str | None = None, score_bias: str | None = None, dropout: float = 0.0, value_dim: int | None = None, use_bias: bool = True, kernel_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', query_initializer: InitializerBase | str | Mapping[str, Any] | None = None, key_initializer: InitializerBase | str | Mapping[str, Any] | None = None, value_initializer: InitializerBase | str | Mapping[str, Any] | None = None, output_initializer: InitializerBase | str | Mapping[str, Any] | None = None, name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class GroupedQueryAttention(_attention.GroupedQueryAttention):
    r"""As multi_head_attention, with fewer heads of keys and values than of queries.

    Query heads g·i to g·(i+1) - 1 share head i of keys and values, g = num_heads / num_kv_heads.
    With `rotary`, queries and keys are turned by their positions (see rotary_position) before
    they meet. Ainslie et al. 2023; as in Llama and Mistral."""

    def __init__(self, *, num_heads: int, num_kv_heads: int, key_dim: int | None = None, output_dim: int | None = None, causal: bool = False, scale: float | None = None, mask: str | None = None, key_padding: str | None = None, score_bias: str | None = None, dropout: float = 0.0, rotary: bool = False, rotary_wavelength: float = 10000.0, max_length: int | None = None, use_bias: bool = False, kernel_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', query_initializer: InitializerBase | str | Mapping[str, Any] | None = None, key_initializer: InitializerBase | str | Mapping[str, Any] | None = None, value_initializer: InitializerBase | str | Mapping[str, Any] | None = None, output_initializer: InitializerBase | str | Mapping[str, Any] | None = None, name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class SimpleRNN(_recurrent.SimpleRNN):
    r"""h' = f(W_ih x + W_hh h + b), f = tanh or relu. Elman 1990.

    (time, features) -> (units,), or (time, units) with `return_sequences`; then, with
    `return_state`, h. Inputs: the sequence; then, if given, the first h (units,), else 0; then,
    if given, the lengths (shape [], int32 or int64, from 1 to time): steps from there on
    change nothing and give 0. Weights as torch.nn.RNN has them; bias_hh_l0 is 0 for ever."""

    def __init__(self, *, units: int, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False, recurrent_dropout: float = 0.0, use_bias: bool = True, activation: Literal['tanh', 'relu'] = 'tanh', kernel_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', recurrent_initializer: InitializerBase | str | Mapping[str, Any] = 'orthogonal', bias_initializer: InitializerBase | str | Mapping[str, Any] = 'zeros', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class LSTM(_recurrent.LSTM):
    r"""c' = σ(f) c + σ(i) tanh(g), h' = σ(o) tanh(c'), (i, f, g, o) = W_ih x + W_hh h + b.

    Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000. (time, features) ->
    (units,), or (time, units) with `return_sequences`; then, with `return_state`, h and c. Inputs:
    the sequence; then, if given, the first h and c (units,) each, else 0; then, if given, the
    lengths (shape [], int32 or int64, from 1 to time): steps from there on change nothing and
    give 0. Weights as torch.nn.LSTM has them; bias_hh_l0 is 0 for ever."""

    def __init__(self, *, units: int, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False, recurrent_dropout: float = 0.0, unit_forget_bias: bool = True, use_bias: bool = True, kernel_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', recurrent_initializer: InitializerBase | str | Mapping[str, Any] = 'orthogonal', bias_initializer: InitializerBase | str | Mapping[str, Any] = 'zeros', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class GRU(_recurrent.GRU):
    r"""h' = (1 - z) n + z h with gates r, z and candidate n. Cho et al. 2014.

    r = σ(W_ir x + b_ir + W_hr h + b_hr), z = σ(W_iz x + b_iz + W_hz h + b_hz),
    n = tanh(W_in x + b_in + r (W_hn h + b_hn)): the reset comes after the product, as in PyTorch,
    and in Keras by default. With `reset_after: false` it comes before, as in the paper:
    n = tanh(W_in x + b_in + W_hn (r h)); b_hr, b_hz and b_hn would add to b_ir, b_iz and b_in, so
    bias_hh_l0 is 0 for ever. (time, features) -> (units,), or (time, units) with
    `return_sequences`; then, with `return_state`, h. Inputs: the sequence; then, if given, the
    first h (units,), else 0; then, if given, the lengths (shape [], int32 or int64, from 1 to
    time): steps from there on change nothing and give 0. Weights as torch.nn.GRU has them."""

    def __init__(self, *, units: int, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False, recurrent_dropout: float = 0.0, reset_after: bool = True, use_bias: bool = True, kernel_initializer: InitializerBase | str | Mapping[str, Any] = 'glorot_uniform', recurrent_initializer: InitializerBase | str | Mapping[str, Any] = 'orthogonal', bias_initializer: InitializerBase | str | Mapping[str, Any] = 'zeros', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class Bidirectional(_recurrent.Bidirectional):
    r"""A recurrent layer over the sequence, and one of the same kind over it backwards, merged.

    Schuster and Paliwal 1997. Step t is merged with step t; without `return_sequences` the last
    output of each direction, which for the backward one is that of step 0. (time, features) ->
    (n,) or (time, n), n = units, or 2 · units where they are concatenated. With `return_state` the
    state of the forward layer follows, then the backward one's. The first state is given in the
    same order, then the lengths. The backward weights have PyTorch's suffix `_reverse`."""

    def __init__(self, *, layer: Recurrent | str | Mapping[str, Any], merge_mode: Literal['concat', 'sum', 'multiply', 'average'] = 'concat', name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class Shared(_sharing.Shared):
    r"""y = the layer, or the use of a block, of that name once more, with the same weights.

    It takes what that one takes, also at other sizes where the weights fit. A convolution may be
    called with other strides, padding or dilation. A gradient is the sum over all calls; running
    statistics are updated by each call, in the order of computation. Bromley et al. 1993, the
    siamese network; Li et al. 2019, TridentNet."""

    def __init__(self, *, layer: str, strides: int | Sequence[int] | None = None, padding: str | int | Sequence[Any] | None = None, dilation_rate: int | Sequence[int] | None = None, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class TiedDense(_sharing.TiedDense):
    r"""y = x Wᵀ + b on the last axis, W the table of an embedding. (..., n) -> (..., rows of W).

    bias (rows of W,), if there is one. Press and Wolf 2017; the output of GPT-2 and BERT."""

    def __init__(self, *, layer: str, use_bias: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class Add(_merge.Add):
    r"""y = x₁ + x₂ + ..., element by element.

    Shapes line up at their last axes, the batch apart; a size of 1 or a missing axis stretches to
    the other's: (3, 1, 1) and (3, 4, 5) -> (3, 4, 5), (5,) and (4, 5) -> (4, 5)."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Multiply(_merge.Multiply):
    r"""y = x₁ · x₂ · ..., element by element; shapes as for add."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Subtract(_elementwise.Subtract):
    r"""y = x₁ - x₂, element by element; shapes as for add."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Divide(_elementwise.Divide):
    r"""y = x₁ / x₂, element by element; shapes as for add. x₂ must not be 0."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Average(_elementwise.Average):
    r"""y = (x₁ + x₂ + ...) / n of n inputs, element by element; shapes as for add."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Maximum(_elementwise.Maximum):
    r"""y = the largest of x₁, x₂, ..., element by element; shapes as for add.

    Of equal elements the first input's gets the gradient (PyTorch's maximum gives each a half)."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Minimum(_elementwise.Minimum):
    r"""y = the smallest of x₁, x₂, ..., element by element; shapes as for add.

    Of equal elements the first input's gets the gradient (PyTorch's minimum gives each a half)."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Concatenate(_joining.Concatenate):
    r"""The inputs one after another along `axis`; the other axes must agree."""

    def __init__(self, *, axis: int | None = None, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Split(_joining.Split):
    r"""The input in parts along `axis`, one after another; each part is an output.

    Later layers name the parts after the first `NAME.1`, `NAME.2`, ..."""

    def __init__(self, *, sizes: Sequence[int], axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Matmul(_products.Matmul):
    r"""y = x₁ x₂, the product of the matrices in the last two axes.

    (..., m, k) and (..., k, n) -> (..., m, n); the axes before line up as for add."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Dot(_products.Dot):
    r"""y = Σ x₁ · x₂ over an axis of each, for every pair of their other indices.

    (a, k) and (b, k) -> (a, b); two vectors (k,) -> (1,), as Keras's Dot gives."""

    def __init__(self, *, axes: Sequence[int] = (-1, -1), name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Rescaling(_arithmetic.Rescaling):
    r"""y = scale · x + offset. Any shape."""

    def __init__(self, *, scale: float = 1.0, offset: float = 0.0, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Clip(_arithmetic.Clip):
    r"""y = min(max(x, min_value), max_value); gradient 1 between the bounds and at them, 0 beyond.

    Any shape; whole numbers too, with whole bounds."""

    def __init__(self, *, min_value: float | None = None, max_value: float | None = None, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Power(_arithmetic.Power):
    r"""y = x ^ exponent. Any shape. For an exponent that is not whole, x must not be negative."""

    def __init__(self, *, exponent: float, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Sqrt(_arithmetic.Sqrt):
    r"""y = √x; the gradient is infinite at 0. Any shape; x must not be negative."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Exp(_arithmetic.Exp):
    r"""y = e ^ x. Any shape."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Log(_arithmetic.Log):
    r"""y = ln x. Any shape; x must be positive."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Abs(_arithmetic.Abs):
    r"""y = |x|; gradient 0 at 0. Any shape; whole numbers too."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Negative(_arithmetic.Negative):
    r"""y = -x. Any shape; whole numbers too."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Reciprocal(_arithmetic.Reciprocal):
    r"""y = 1 / x. Any shape; x must not be 0."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Square(_arithmetic.Square):
    r"""y = x². Any shape; whole numbers too."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Sin(_arithmetic.Sin):
    r"""y = sin x, x in radians. Any shape."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Cos(_arithmetic.Cos):
    r"""y = cos x, x in radians. Any shape."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Erf(_arithmetic.Erf):
    r"""y = 2 / √π · ∫ e^(-t²) dt from 0 to x, the error function. Any shape."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Sign(_arithmetic.Sign):
    r"""y = 1 where x > 0, -1 where x < 0, and 0 at 0; gradient 0. Any shape; whole numbers too."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Floor(_arithmetic.Floor):
    r"""y = the largest whole number that is at most x, as a float; gradient 0. Any shape."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Ceil(_arithmetic.Ceil):
    r"""y = the smallest whole number that is at least x, as a float; gradient 0. Any shape."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Round(_arithmetic.Round):
    r"""y = the whole number nearest to x, as a float; gradient 0. Any shape.

    Of two that are equally near it is the even one: 0.5 becomes 0, 1.5 becomes 2."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class FloorDivide(_arithmetic.FloorDivide):
    r"""y = ⌊x / n⌋ of whole numbers, rounded down: -1 by 4 is -1. Any shape."""

    def __init__(self, *, divisor: int, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Modulo(_arithmetic.Modulo):
    r"""y = x - n · ⌊x / n⌋ of whole numbers, from 0 to n - 1: -1 modulo 4 is 3. Any shape."""

    def __init__(self, *, divisor: int, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Cast(_arithmetic.Cast):
    r"""The same elements as another dtype. Any shape.

    A fraction loses what follows its point; a bool is 0 or 1, and true stands for any number but
    0. float32 means the precision in which the network computes. Nothing whole has a gradient."""

    def __init__(self, *, dtype: Literal['float32', 'int32', 'int64', 'bool'], name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class StopGradient(_arithmetic.StopGradient):
    r"""y = x, with gradient 0: what x is made of learns nothing from what follows. Any shape."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Equal(_logic.Equal):
    r"""y = whether x₁ = x₂, element by element, or whether x = `value`; bool. Shapes as for add."""

    def __init__(self, *, value: float | None = None, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class NotEqual(_logic.NotEqual):
    r"""y = whether x₁ ≠ x₂, element by element, or whether x ≠ `value`; bool. Shapes as for add."""

    def __init__(self, *, value: float | None = None, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Greater(_logic.Greater):
    r"""y = whether x₁ > x₂, element by element, or whether x > `value`; bool. Shapes as for add."""

    def __init__(self, *, value: float | None = None, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class GreaterEqual(_logic.GreaterEqual):
    r"""y = whether x₁ ≥ x₂, element by element, or whether x ≥ `value`; bool. Shapes as for add."""

    def __init__(self, *, value: float | None = None, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Less(_logic.Less):
    r"""y = whether x₁ < x₂, element by element, or whether x < `value`; bool. Shapes as for add."""

    def __init__(self, *, value: float | None = None, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class LessEqual(_logic.LessEqual):
    r"""y = whether x₁ ≤ x₂, element by element, or whether x ≤ `value`; bool. Shapes as for add."""

    def __init__(self, *, value: float | None = None, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class LogicalAnd(_logic.LogicalAnd):
    r"""y = whether all of x₁, x₂, ... are true, element by element. Shapes as for add."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class LogicalOr(_logic.LogicalOr):
    r"""y = whether any of x₁, x₂, ... is true, element by element. Shapes as for add."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class LogicalXor(_logic.LogicalXor):
    r"""y = whether one of x₁ and x₂ alone is true, element by element. Shapes as for add."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class LogicalNot(_logic.LogicalNot):
    r"""y = whether x is false. Any shape."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Where(_logic.Where):
    r"""y = a where the condition is true, else b, element by element; inputs [condition, a, b].

    The condition is bool, and a and b are of one dtype, any. Shapes as for add. The gradient goes
    to what was chosen, and what was not gets 0."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class ReduceSum(_reduction.ReduceSum):
    r"""y = Σ x over `axes`. (..., n, ...) -> (..., ...), or (..., 1, ...) with keepdims."""

    def __init__(self, *, axes: Sequence[int | str] | int | str, keepdims: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class ReduceMean(_reduction.ReduceMean):
    r"""y = Σ x / n over `axes`, n elements. (..., n, ...) -> (..., ...)."""

    def __init__(self, *, axes: Sequence[int | str] | int | str, keepdims: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class ReduceMax(_reduction.ReduceMax):
    r"""y = the largest x over `axes`; k equal ones get 1/k of the gradient each."""

    def __init__(self, *, axes: Sequence[int | str] | int | str, keepdims: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class ReduceMin(_reduction.ReduceMin):
    r"""y = the smallest x over `axes`; k equal ones get 1/k of the gradient each."""

    def __init__(self, *, axes: Sequence[int | str] | int | str, keepdims: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class ReduceVariance(_reduction.ReduceVariance):
    r"""y = Σ (x - mean)² / n over `axes`, n elements: the variance of the elements themselves.

    PyTorch divides by n - 1 by default, Keras by n."""

    def __init__(self, *, axes: Sequence[int | str] | int | str, keepdims: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class ReduceNorm(_reduction.ReduceNorm):
    r"""y = √(Σ x² + epsilon) over `axes`; with epsilon the gradient at 0 is 0."""

    def __init__(self, *, axes: Sequence[int | str] | int | str, keepdims: bool = False, epsilon: float = 1e-12, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class L2Normalize(_reduction.L2Normalize):
    r"""y = x / √max(Σ x², epsilon), summed over `axis`: vectors of length 1. Any shape."""

    def __init__(self, *, axis: int = -1, epsilon: float = 1e-12, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Argmax(_reduction.Argmax):
    r"""The index of the largest element along `axis`, of equal ones the first; int64.

    (..., n, ...) -> (..., ...). It has no gradient."""

    def __init__(self, *, axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Permute(_arrangement.Permute):
    r"""The axes in another order: axis i of the output is axis axes[i] of the input.

    (a, b, c) with axes [2, 0, 1] -> (c, a, b). Keras's Permute counts the batch, from 1."""

    def __init__(self, *, axes: Sequence[int], name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class RepeatVector(_arrangement.RepeatVector):
    r"""The vector n times, one under the other. (size,) -> (n, size)."""

    def __init__(self, *, n: int, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class ExpandDims(_arrangement.ExpandDims):
    r"""A new axis of size 1. (a, b) with axis 1 -> (a, 1, b)."""

    def __init__(self, *, axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Squeeze(_arrangement.Squeeze):
    r"""Without an axis of size 1. (a, 1, b) with axis 1 -> (a, b)."""

    def __init__(self, *, axis: int, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Stack(_arrangement.Stack):
    r"""The inputs, all of one shape, along a new axis. n of (a, b) with axis 0 -> (n, a, b)."""

    def __init__(self, *, axis: int = 0, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Slice(_arrangement.Slice):
    r"""Every `step`th element along `axis`, from `start` until before `stop`.

    (..., n, ...) -> (..., ceil((stop - start) / step), ...). Negative ends count from the axis's
    own end, as in Python; unlike there, both must lie within the axis, however long it is."""

    def __init__(self, *, axis: int = -1, start: int = 0, stop: int | None = None, step: int = 1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Gather(_arrangement.Gather):
    r"""The elements at `indices` along `axis`, in that order; one may come more than once.

    (..., n, ...) -> (..., number of indices, ...)."""

    def __init__(self, *, indices: Sequence[int], axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Flip(_arrangement.Flip):
    r"""The elements along `axis` in reverse. Keeps the shape."""

    def __init__(self, *, axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Roll(_arrangement.Roll):
    r"""The elements along `axis` moved on by `shift`; those that leave the end enter at the start.

    Keeps the shape."""

    def __init__(self, *, shift: int, axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class RepeatElements(_arrangement.RepeatElements):
    r"""Each element along `axis` `repeats` times in a row: a b -> a a b b."""

    def __init__(self, *, repeats: int, axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Tile(_arrangement.Tile):
    r"""The whole along `axis` `repeats` times, one after another: a b -> a b a b."""

    def __init__(self, *, repeats: int, axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class OneHot(_indexing.OneHot):
    r"""y[..., i] = 1 where x is i, else 0. (...) whole numbers -> (..., num_classes), floats."""

    def __init__(self, *, num_classes: int, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Cumsum(_indexing.Cumsum):
    r"""y[i] = x[0] + ... + x[i] along `axis`. Any shape; whole numbers too."""

    def __init__(self, *, axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Sort(_indexing.Sort):
    r"""The elements along `axis` in order, the smallest first. Any shape; whole numbers too.

    The gradient goes to where an element came from; equal elements keep their order."""

    def __init__(self, *, axis: int = -1, descending: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Argsort(_indexing.Argsort):
    r"""The indices along `axis` that bring its elements in order; int64. Any shape.

    Equal elements keep their order, the first first."""

    def __init__(self, *, axis: int = -1, descending: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class TopK(_indexing.TopK):
    r"""The k largest elements along `axis`, the largest first, and as `name.1` their indices, int64.

    (..., n, ...) -> twice (..., k, ...). Of equal elements the first comes first. The gradient
    goes to the elements that were chosen."""

    def __init__(self, *, k: int, axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Take(_indexing.Take):
    r"""The elements of x along `axis` at the indices of each row; inputs [x, indices].

    (..., n, ...) and indices (k, ...) of 0 to n - 1 -> (..., k, ..., ...): the axes of the indices
    stand in the place of the axis, which goes where there is one index, (). Each row of the batch
    has indices of its own; `gather` has fixed ones."""

    def __init__(self, *, axis: int = 0, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class TakeAlongAxis(_indexing.TakeAlongAxis):
    r"""y[.., j, ..] = x[.., indices[.., j, ..], ..] along `axis`; inputs [x, indices].

    (..., n, ...) and indices (..., k, ...) of 0 to n - 1, the other axes alike -> (..., k, ...)."""

    def __init__(self, *, axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Arange(_positions.Arange):
    r"""y = 0, 1, ..., n - 1 for the n places along `axis`, the same for every row; int64.

    (..., n, ...) -> (n,); of the input nothing is taken but its sizes."""

    def __init__(self, *, axis: int = 0, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class CoordinateGrid(_positions.CoordinateGrid):
    r"""The coordinates of every place of an image, a sequence or a volume, one channel an axis.

    y = minimum + (maximum - minimum) · i / (n - 1) at place i of the n along an axis, or minimum
    where n is 1; the channels are in the order of the axes: row, then column. (channels, height,
    width) -> (2, height, width) in channels_first; of the input nothing is taken but its sizes.
    Liu et al. 2018 (CoordConv)."""

    def __init__(self, *, minimum: float = -1.0, maximum: float = 1.0, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class SequenceMask(_positions.SequenceMask):
    r"""y[..., t] = whether t < length, for lengths that are whole numbers; bool.

    (...) -> (..., n): n is max_length, or with the inputs [lengths, x] the size of x's first axis,
    the time. What attention takes as key_padding, and `where` as a condition."""

    def __init__(self, *, max_length: int | None = None, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Prelu(_gated.Prelu):
    r"""y = x for x > 0, weight · x otherwise, with learned slopes.

    slopes says how many: one for each channel, (channels,), the last axis, or the first of a
    channels_first spec; `one` for all, (1,); or one for each `element`, in the shape of the input.
    The gradient at 0 is the slope. Keeps the shape. He et al. 2015."""

    def __init__(self, *, slopes: Literal['channel', 'one', 'element'] = 'channel', alpha_initializer: InitializerBase | str | Mapping[str, Any] = {'type': 'constant', 'value': 0.25}, name: str | None = None, inputs: Sequence[str] | str | None = None, trainable: bool = True) -> None: ...

class Glu(_gated.Glu):
    r"""y = a · sigmoid(b), a and b the halves of `axis`, which it halves. Dauphin et al. 2017."""

    def __init__(self, *, axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Swiglu(_gated.Swiglu):
    r"""y = silu(a) · b, a and b the halves of `axis`, which it halves. Shazeer 2020."""

    def __init__(self, *, axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Linear(_activations.Linear):
    r"""y = x. Any shape."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Relu(_activations.Relu):
    r"""y = max(x, 0); gradient 0 at 0. Any shape. Nair and Hinton 2010."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Sigmoid(_activations.Sigmoid):
    r"""y = 1 / (1 + exp(-x)). Any shape."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Tanh(_activations.Tanh):
    r"""y = tanh(x). Any shape."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Softmax(_activations.Softmax):
    r"""y = exp(x) / Σ exp(x), summed over `axis`. Any shape of at least one axis."""

    def __init__(self, *, axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class LeakyRelu(_linear_units.LeakyRelu):
    r"""y = x for x > 0, negative_slope · x otherwise. Any shape. Maas et al. 2013."""

    def __init__(self, *, negative_slope: float = 0.01, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Elu(_linear_units.Elu):
    r"""y = x for x > 0, alpha · (exp(x) - 1) otherwise. Any shape. Clevert et al. 2016."""

    def __init__(self, *, alpha: float = 1.0, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Gelu(_linear_units.Gelu):
    r"""y = x · Φ(x), Φ the normal distribution function (erf). Any shape. Hendrycks, Gimpel 2016.

    approximate: y = 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))."""

    def __init__(self, *, approximate: bool = False, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Silu(_linear_units.Silu):
    r"""y = x · sigmoid(x), also called swish. Any shape. Elfwing et al. 2018."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class LogSoftmax(_rare_activations.LogSoftmax):
    r"""y = x - log Σ exp(x), summed over `axis`. Any shape of at least one axis."""

    def __init__(self, *, axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Softmin(_rare_activations.Softmin):
    r"""y = exp(-x) / Σ exp(-x), summed over `axis`. Any shape of at least one axis."""

    def __init__(self, *, axis: int = -1, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Relu6(_rare_activations.Relu6):
    r"""y = min(max(x, 0), 6); gradient 0 at 0 and 6. Any shape. Krizhevsky 2010."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Selu(_rare_activations.Selu):
    r"""y = s · x for x > 0, s · a · (exp(x) - 1) otherwise; gradient s · a at 0. Any shape.

    s = 1.0507009873554805, a = 1.6732632423543772. Klambauer et al. 2017."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Celu(_rare_activations.Celu):
    r"""y = x for x > 0, alpha · (exp(x / alpha) - 1) otherwise. Any shape. Barron 2017."""

    def __init__(self, *, alpha: float = 1.0, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Mish(_rare_activations.Mish):
    r"""y = x · tanh(log(1 + exp(x))). Any shape. Misra 2019."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Softplus(_rare_activations.Softplus):
    r"""y = log(1 + exp(x)). Any shape. Glorot et al. 2011."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Softsign(_rare_activations.Softsign):
    r"""y = x / (1 + |x|). Any shape. Glorot and Bengio 2010."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Squareplus(_rare_activations.Squareplus):
    r"""y = (x + √(x² + b)) / 2. Any shape. Barron 2021."""

    def __init__(self, *, b: float = 4.0, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Exponential(_rare_activations.Exponential):
    r"""y = exp(x). Any shape."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class LogSigmoid(_rare_activations.LogSigmoid):
    r"""y = -log(1 + exp(-x)). Any shape."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class HardSigmoid(_rare_activations.HardSigmoid):
    r"""y = min(max(x + 3, 0), 6) / 6; gradient 0 at -3 and 3. Any shape.

    PyTorch's and Keras 3's slope of 1/6 (ONNX's default and Keras 2: 0.2). Howard et al. 2019."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class HardSilu(_rare_activations.HardSilu):
    r"""y = x · min(max(x + 3, 0), 6) / 6, also called hard swish. Any shape.

    The gradient is 0 at -3 and 1 at 3, as if the second factor were flat there. Howard et al. 2019."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class HardTanh(_rare_activations.HardTanh):
    r"""y = min(max(x, -1), 1); gradient 1 at -1 and 1. Any shape. Collobert 2004."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class Threshold(_rare_activations.Threshold):
    r"""y = x for x > threshold, default_value otherwise; gradient 0 at the threshold. Any shape."""

    def __init__(self, *, threshold: float, default_value: float, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class SoftShrink(_rare_activations.SoftShrink):
    r"""y = x - threshold for x > threshold, x + threshold for x < -threshold, else 0. Any shape.

    The gradient is 0 at both ends. Donoho 1995."""

    def __init__(self, *, threshold: float = 0.5, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class HardShrink(_rare_activations.HardShrink):
    r"""y = x for |x| > threshold, else 0; gradient 0 at both ends. Any shape. Donoho 1994."""

    def __init__(self, *, threshold: float = 0.5, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...

class TanhShrink(_rare_activations.TanhShrink):
    r"""y = x - tanh(x). Any shape."""

    def __init__(self, *, name: str | None = None, inputs: Sequence[str] | str | None = None) -> None: ...
