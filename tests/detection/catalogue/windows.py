"""Faults of convolutions, pooling and resizing."""

from __future__ import annotations

from tests.detection.catalogue import onnx_edits as onnx
from tests.detection.catalogue.edits import either, keyword, of_module, text
from tests.detection.catalogue.kinds import Kind

CONVS = ("conv1d", "conv2d", "depthwise_conv2d", "separable_conv2d", "conv2d_transpose")
AVERAGES = ("average_pooling1d", "average_pooling2d")


def _flipped_pads(pads: list[int]) -> list[int]:
    half = len(pads) // 2
    return [*pads[half:], *pads[:half]] if pads[:half] != pads[half:] else _shifted(pads)


def _shifted(pads: list[int]) -> list[int]:
    half = len(pads) // 2
    if not any(pads):
        return pads
    return [*(each - (each > 0) for each in pads[:half]),
            *(last + (first > 0) for first, last in zip(pads[:half], pads[half:], strict=True))]  # fmt: skip


KINDS = (
    Kind(
        "conv-padding-side", "The odd pixel of 'same' padding is put on the other side",
        ("SEMANTICS 1.1 'same'",),
        torch=either(text(r"F\.pad\((\w+), \(0, 1, 0, 1\)", r"F.pad(\1, (1, 0, 1, 0)"),
                     text(r"F\.pad\((\w+), \((\d), 0\)", r"F.pad(\1, (0, \2)")),
        onnx=onnx.attribute("Conv MaxPool AveragePool", "pads", _flipped_pads),
        layers=(*CONVS, *AVERAGES, "max_pooling2d"),
    ),
    Kind(
        "conv-padding-lost", "The padding of a convolution is lost, or made up for after it",
        ("SEMANTICS 1.1 Conv defaults",),
        torch=text(r'nn\.Conv2d\(([^()]*)padding="?(\w+)"?',
                   r"nn.Conv2d(\1padding_mode='replicate', padding='\2'"),
        keras=text(r'padding="causal"', 'padding="same"'),
    ),
    Kind(
        "conv-circular-padding", "Padding wraps round, or reflects, in place of zeros",
        ("SEMANTICS 1.1 non-zero padding modes",),
        torch=either(keyword(r"nn\.Conv[12]d", padding_mode='"circular"'),
                     keyword(r"nn\.Conv2d", padding_mode='"reflect"')),
    ),
    Kind(
        "conv-bias-lost", "The bias of a convolution is left out",
        ("SEMANTICS 1.1 Conv1/2/3D weights",),
        torch=of_module(r"nn\.Conv[12]d", "{function}._conv_forward({0}, {function}.weight, None)"),
        onnx=onnx.without_input("Conv ConvTranspose", 2),
        layers=CONVS,
    ),
    Kind(
        "conv-transposed-flip", "The kernel is flipped along its places, as a true convolution is",
        ("SEMANTICS 1.1 ConvTranspose weights",),
        torch=of_module(r"nn\.Conv2d", "{function}._conv_forward({0}, {function}.weight.flip(-1, -2), {function}.bias)"),
        layers=CONVS,
    ),
    Kind(
        "conv-stride-as-pooling", "A strided convolution runs densely, and every other place is taken "
        "from the second on", ("SEMANTICS 1.1 'same'",),
        torch=of_module(r"nn\.Conv[12]d", "{call}.roll(1, -1)"),
        layers=CONVS,
    ),
    Kind(
        "conv-groups-shuffled", "The channels of a grouped convolution come in another order",
        ("SEMANTICS 1.1 groups", "SEMANTICS 1.1 DepthwiseConv"),
        torch=of_module(r"nn\.Conv2d",
                      "{call}.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)"),
        layers=CONVS,
    ),
    Kind(
        "conv-transpose-crop", "A transposed convolution crops on the other side",
        ("SEMANTICS 1.1 ConvTranspose 'same'",),
        torch=of_module(r"nn\.ConvTranspose2d", "{call}.roll((1, 1), (-1, -2))"),
        onnx=onnx.attribute("ConvTranspose", "pads", _shifted),
        layers=("conv2d_transpose", "conv2d"),
    ),
    Kind(
        "conv-dilation-lost", "The dilation of a convolution is lost",
        ("SEMANTICS 1.1 stride>1 and dilation>1",),
        torch=text(r"dilation=(\w+)", r"dilation=\1 + 1, padding=1"),
        onnx=onnx.attribute(
            "Conv", "dilations", lambda given: [1 for _ in given] if given else given),
        keras=text(r"dilation_rate=dilation", "dilation_rate=1"),
        layers=CONVS,
    ),
    Kind(
        "pool-average-for-maximum", "Average pooling stands for maximum pooling, or the other way",
        ("SEMANTICS 1.2 MaxPool",),
        torch=either(text(r"nn\.MaxPool2d\(", "nn.AvgPool2d("), text(r"nn\.AvgPool2d\((\d)\)", r"nn.MaxPool2d(\1)")),
        keras=either(text(r"layers\.MaxPooling2D\(", "layers.AveragePooling2D("),
                     text(r"layers\.AveragePooling2D\(", "layers.MaxPooling2D(")),
        onnx=onnx.either(
            onnx.renamed("MaxPool", "AveragePool", keeps="kernel_shape pads strides"),
            onnx.renamed("AveragePool", "MaxPool", keeps="kernel_shape pads strides")),
    ),
    Kind(
        "pool-counts-padding", "The average counts the padding", ("SEMANTICS 1.2 AvgPool",),
        torch=text(r"count_include_pad=False", "count_include_pad=True"),
        onnx=onnx.attribute("AveragePool", "count_include_pad", 1),
        layers=AVERAGES,
    ),
    Kind(
        "pool-zeros-for-minus-infinity", "Maximum pooling pads with zeros", ("SEMANTICS 1.2 MaxPool",),
        torch=of_module(r"nn\.MaxPool2d", "{call}.clamp(min=0.1)"),
        layers=("max_pooling2d",),
    ),
    Kind(
        "pool-global-other", "The global mean is a maximum, or a sum, or over one axis",
        ("SEMANTICS 1.2 Global avg/max",),
        torch=either(text(r"\.mean\(\(2, 3\)", ".amax((2, 3)"), text(r"\.mean\(\(2, 3\)", ".sum((2, 3)"),
                     text(r"\.mean\(1\)", ".amax(1)")),
        keras=either(text(r"layers\.GlobalAveragePooling2D\(", "layers.GlobalMaxPooling2D("),
                     text(r"layers\.GlobalAveragePooling1D\(", "layers.GlobalMaxPooling1D(")),
        onnx=onnx.either(onnx.renamed("ReduceMean", "ReduceMax", keeps="keepdims"),
                         onnx.renamed("ReduceMean", "ReduceSum", keeps="keepdims")),
    ),
    Kind(
        "resize-method", "Nearest neighbours stand for a bilinear interpolation, or the other way",
        ("SEMANTICS 1.4 Resize bilinear",),
        torch=either(text(r'mode="bilinear"', 'mode="bicubic"'), text(r'mode="bilinear"', 'mode="nearest"')),
        keras=text(r'interpolation="bilinear"', 'interpolation="nearest"'),
        onnx=onnx.either(onnx.attribute("Resize", "mode", lambda old: b"nearest" if old == b"linear" else b"linear")),
    ),
    Kind(
        "resize-align-corners", "Corners are aligned, or not half pixels but edges are",
        ("SEMANTICS 1.4 Resize bilinear",),
        torch=text(r'mode="bilinear"', 'mode="bilinear", align_corners=True'),
        onnx=onnx.attribute("Resize", "coordinate_transformation_mode",
                            lambda old: b"align_corners" if old != b"align_corners" else b"half_pixel"),
        layers=("resize", "upsampling2d"),
    ),
    Kind(
        "resize-nearest-rounding", "Nearest neighbours round another way", ("SEMANTICS 1.4 Resize nearest",),
        onnx=onnx.attribute("Resize", "nearest_mode", lambda old: b"ceil" if old else old),
    ),
    Kind(
        "shuffle-order", "Depth to space takes blocks by depth first", ("SEMANTICS 1.4 PixelShuffle",),
        torch=of_module(r"nn\.PixelShuffle",
                        "{function}(({0}).unflatten(1, (-1, 4)).transpose(1, 2).flatten(1, 2))"),
        onnx=onnx.attribute("DepthToSpace", "mode", b"DCR"),
        layers=("pixel_shuffle",),
    ),
    Kind(
        "border-value", "A border is padded with another number, or by reflection",
        ("SEMANTICS 1.4 Pad",),
        torch=either(text(r"F\.pad\((\w+), \((1, 1, 1, 1)\)\)", r"F.pad(\1, (\2), value=1.0)"),
                     text(r"F\.pad\((\w+), \((1, 1, 1, 1)\)\)", r'F.pad(\1, (\2), mode="reflect")')),
        onnx=onnx.attribute("Pad", "mode", b"edge"),
        layers=("zero_padding2d", "zero_padding1d"),
    ),
)  # fmt: skip
