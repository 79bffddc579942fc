"""Convolutions."""

from __future__ import annotations

from nnspec.layers import Conv2D
from nnspec_onnx.context import Context, Values


def conv2d(layer: Conv2D, at: Context) -> Values:
    """Conv with explicit pads: with auto_pad, ONNX Runtime refuses dilation."""
    tensors = [at.parameter(name) for name in at.parameters]
    output = at.node(
        "Conv",
        *at.inputs,
        *tensors,
        kernel_shape=layer.kernel_size,
        strides=layer.strides,
        pads=flat_pads(layer.pads(at.shape, at.data_format)),
        dilations=layer.dilation_rate,
        group=layer.groups,
    )
    return (output,)


def flat_pads(pads: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """Return the begins of all axes, then the ends, as ONNX orders them."""
    return (*(begin for begin, _ in pads), *(end for _, end in pads))
