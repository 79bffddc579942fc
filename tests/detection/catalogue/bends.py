"""Faults of activations and of arithmetic."""

from __future__ import annotations

import ast

from tests.detection.catalogue import onnx_edits as onnx
from tests.detection.catalogue.edits import Finder, as_call, either, of_module, operator, text
from tests.detection.catalogue.kinds import Kind


def _activation(old: str, new: str) -> Finder:
    """Of Keras, by name."""
    return either(
        text(rf'activation="{old}"', f'activation="{new}"'),
        text(rf'layers\.Activation\("{old}"', f'layers.Activation("{new}"'),
    )


def _without(name: str) -> Finder:
    return as_call(name, "{0}")


KINDS = (
    Kind(
        "relu-lost", "A relu is left out", ("https://arxiv.org/abs/2112.13314",),
        torch=_without(r"F\.relu"), keras=_activation("relu", "linear"), onnx=onnx.left_out("Relu"),
    ),
    Kind(
        "relu-leaks", "A relu leaks", ("SEMANTICS 2 leaky_relu",),
        torch=as_call(r"F\.relu", "F.leaky_relu({0})"), keras=_activation("relu", "leaky_relu"),
        onnx=onnx.renamed("Relu", "LeakyRelu"),
    ),
    Kind(
        "relu-as-gelu", "Another activation stands for relu", ("https://arxiv.org/abs/2112.13314",),
        torch=either(as_call(r"F\.relu", "F.gelu({0})"), as_call(r"F\.relu", "F.elu({0})")),
        keras=either(_activation("relu", "gelu"), _activation("relu", "elu")),
        onnx=onnx.either(onnx.renamed("Relu", "Gelu"), onnx.renamed("Relu", "Elu")),
    ),
    Kind(
        "relu6-cap", "The cap of relu6 is lost, or another", ("SEMANTICS 2 relu, relu6",),
        torch=either(as_call(r"F\.relu6", "F.relu({0})"), as_call(r"F\.relu6", "F.hardtanh({0}, 0.0, 5.9)")),
        keras=either(_activation("relu6", "relu")),
        onnx=onnx.constant("Clip", 2, lambda old: old + 1 if old == 6 else None),
    ),
    Kind(
        "leaky-slope", "A leaky relu has another framework's slope",
        ("SEMANTICS 2 leaky_relu",),
        torch=either(text(r"F\.leaky_relu\((.*), 0\.2\)", r"F.leaky_relu(\1)"),
                     text(r"F\.leaky_relu\((.*), 0\.2\)", r"F.leaky_relu(\1, 0.3)"),
                     text(r"negative_slope=0\.2", "negative_slope=0.01")),
        keras=text(r"negative_slope=0\.2", "negative_slope=0.3"),
        onnx=onnx.either(onnx.attribute("LeakyRelu", "alpha", None), onnx.attribute("LeakyRelu", "alpha", 0.3)),
    ),
    Kind(
        "elu-alpha", "An elu has another alpha", ("SEMANTICS 2 elu",),
        torch=either(as_call(r"F\.elu", "F.elu({0}, 0.9)"), as_call(r"F\.elu", "F.celu({0}, 0.5)")),
        keras=_activation("elu", "selu"),
        onnx=onnx.attribute("Elu", "alpha", 0.9),
    ),
    Kind(
        "selu-scale", "A selu lacks its scale", ("SEMANTICS 2 selu",),
        torch=as_call(r"F\.selu", "F.elu({0}, 1.6732632423543772)"),
        onnx=onnx.attribute("Selu", "gamma", 1.0),
    ),
    Kind(
        "gelu-form", "The tanh form of gelu stands for the exact one, or the other way",
        ("SEMANTICS 2 gelu",),
        torch=either(text(r'F\.gelu\((.*), approximate="tanh"\)', r"F.gelu(\1)"),
                     as_call(r"F\.gelu", 'F.gelu({0}, approximate="tanh")')),
        keras=text(r"return 0\.5 \* x \* \(1 \+ ops\.erf\(x / math\.sqrt\(2\)\)\)", "return ops.gelu(x)"),
        onnx=onnx.attribute("Gelu", "approximate", lambda old: b"none" if old == b"tanh" else b"tanh"),
    ),
    Kind(
        "gelu-quick", "x σ(1.702 x) stands for gelu", ("SEMANTICS 2 gelu",),
        torch=as_call(r"F\.gelu", "({0}) * torch.sigmoid(1.702 * ({0}))"),
        keras=text(r"return 0\.5 \* x \* \(1 \+ ops\.erf\(x / math\.sqrt\(2\)\)\)", "return x * ops.sigmoid(1.702 * x)"),
    ),
    Kind(
        "silu-hard", "The hard form of silu stands for silu", ("SEMANTICS 2 hard_swish",),
        torch=either(as_call(r"F\.silu", "F.hardswish({0})"), as_call(r"F\.hardswish", "F.silu({0})")),
        keras=either(_activation("silu", "hard_silu"), _activation("hard_silu", "silu")),
    ),
    Kind(
        "sigmoid-hard", "A hard sigmoid stands for a sigmoid, or has another slope",
        ("SEMANTICS 2 hard_sigmoid",),
        torch=either(as_call(r"torch\.sigmoid", "F.hardsigmoid({0})"),
                     as_call(r"F\.hardsigmoid", "(0.2 * ({0}) + 0.5).clamp(0, 1)")),
        keras=_activation("sigmoid", "hard_sigmoid"),
        onnx=onnx.either(onnx.renamed("Sigmoid", "HardSigmoid"), onnx.attribute("HardSigmoid", "alpha", None)),
    ),
    Kind(
        "sigmoid-twice", "A sigmoid or a softmax is applied twice", ("https://arxiv.org/abs/2112.13314",),
        torch=either(as_call(r"torch\.sigmoid", "torch.sigmoid({call})"),
                     as_call(r"torch\.softmax", "torch.softmax({call}, dim=-1)")),
    ),
    Kind(
        "sigmoid-lost", "The last sigmoid or softmax is left out", ("SEMANTICS 3 sigmoid→BCE in K",),
        torch=either(_without(r"torch\.sigmoid"), _without(r"torch\.softmax")),
        keras=_activation("sigmoid", "linear"),
        onnx=onnx.left_out("Sigmoid Softmax"),
    ),
    Kind(
        "tanh-as-sigmoid", "A tanh is a sigmoid, or a hard tanh", ("https://arxiv.org/abs/2112.13314",),
        torch=either(as_call(r"torch\.tanh", "torch.sigmoid({0})"), as_call(r"torch\.tanh", "F.hardtanh({0})")),
        keras=_activation("tanh", "sigmoid"),
        onnx=onnx.either(onnx.renamed("Tanh", "Sigmoid"), onnx.renamed("Tanh", "Softsign")),
    ),
    Kind(
        "softplus-linear", "A softplus is linear from another place on", ("SEMANTICS 2 softplus",),
        torch=text(r"threshold=40", "threshold=4"),
        onnx=onnx.renamed("Softplus", "Relu"),
        keras=_activation("softplus", "relu"),
    ),
    Kind(
        "mish-as-silu", "A silu stands for a mish, a tanh for a softsign", ("SEMANTICS 2 mish",),
        torch=either(as_call(r"F\.mish", "F.silu({0})"), as_call(r"F\.softsign", "torch.tanh({0})")),
        keras=either(_activation("mish", "silu"), _activation("softsign", "tanh")),
        onnx=onnx.either(onnx.renamed("Mish", "Softplus"), onnx.renamed("Softsign", "Tanh")),
    ),
    Kind(
        "prelu-one-slope", "A parametric relu has one slope, or none learned", ("SEMANTICS 2 prelu",),
        torch=either(of_module(r"nn\.PReLU", "F.prelu({0}, {function}.weight.mean().reshape(1))"),
                     of_module(r"nn\.PReLU", "F.leaky_relu({0}, 0.25)"),
                     as_call(r"F\.prelu", "F.leaky_relu({0}, 0.25)")),
        layers=("prelu",),
    ),
    Kind(
        "softmax-axis", "A softmax runs over another axis", ("SEMANTICS 2 softmax/log_softmax",),
        torch=either(text(r"(softmax\([^\n]*dim=)-1", r"\g<1>0"), text(r"(softmax\([^\n]*dim=)-1", r"\g<1>-2")),
        keras=text(r"layers\.Softmax\(", "layers.Softmax(axis=0, "),
        onnx=onnx.attribute("Softmax LogSoftmax", "axis", 0),
    ),
    Kind(
        "softmax-log", "A log of chances stands for chances, or the other way",
        ("SEMANTICS 3 CE probs",),
        torch=either(text(r"torch\.softmax\(", "torch.log_softmax("), text(r"(?:F|torch)\.log_softmax\(", "torch.softmax(")),
        onnx=onnx.either(onnx.renamed("Softmax", "LogSoftmax", keeps="axis"), onnx.renamed("LogSoftmax", "Softmax", keeps="axis")),
    ),
    Kind(
        "softmax-temperature", "What goes into a softmax is scaled", ("SEMANTICS 1.6 scale",),
        torch=as_call(r"torch\.softmax", "torch.softmax(({0}) * 0.5, {rest})"),
    ),
    Kind(
        "residual-lost", "A residual is not added", ("https://arxiv.org/abs/2112.13314",),
        torch=either(operator(ast.Add, "{right}"), operator(ast.Add, "{left}")),
        keras=text(r"layers\.Add\(name=([^)]*)\)\(\[(\w+), (\w+)\]\)", r"layers.Identity(name=\1)(\3)"),
        onnx=onnx.left_out("Add"),
    ),
    Kind(
        "residual-scaled", "A residual is weighed", ("SEMANTICS 1.7 Add/Sub/Mul/Average",),
        torch=operator(ast.Add, "({left} + 0.5 * {right})"),
        keras=text(r"layers\.Add\((name=[^)]*)\)\(\[(\w+), (\w+)\]\)", r"layers.Average(\1)([\2, \3])"),
    ),
    Kind(
        "sum-as-product", "A product stands for a sum, or the other way", ("SEMANTICS 1.7 Add/Sub/Mul/Average",),
        torch=either(operator(ast.Add, "({left} * {right})"), operator(ast.Mult, "({left} + {right})")),
        keras=either(text(r"layers\.Add\(", "layers.Multiply("), text(r"layers\.Multiply\(", "layers.Add(")),
        onnx=onnx.either(onnx.renamed("Add", "Mul"), onnx.renamed("Mul", "Add")),
    ),
    Kind(
        "difference-turned", "The operands of a difference or a quotient are swapped",
        ("SEMANTICS 1.7 Add/Sub/Mul/Average",),
        torch=either(operator(ast.Sub, "({right} - {left})"), operator(ast.Div, "({right} / {left})")),
        keras=text(r"(layers\.Subtract\([^)]*\))\(\[(\w+), (\w+)\]\)", r"\1([\3, \2])"),
        onnx=onnx.turned("Sub Div"),
    ),
    Kind(
        "gate-lost", "A gate is not applied", ("SEMANTICS 2 glu / swiglu",),
        torch=either(operator(ast.Mult, "{left}"), as_call(r"F\.glu", "({0}).chunk(2, -1)[0]")),
        onnx=onnx.left_out("Mul"),
    ),
    Kind(
        "glu-halves", "The halves of a gated unit are swapped", ("SEMANTICS 2 glu / swiglu",),
        torch=as_call(r"F\.glu", "F.glu(torch.cat(({0}).chunk(2, -1)[::-1], -1))"),
        onnx=None,
    ),
    Kind(
        "clip-bounds", "Numbers are clipped where they should not be", ("SEMANTICS 7 clip at bound",),
        torch=either(as_call(r"F\.relu", "F.relu({0}).clamp(max=20.0)"), as_call(r"F\.gelu", "{call}.clamp(max=3.0)"),
                     as_call(r"F\.silu", "{call}.clamp(-20.0, 20.0)")),
    ),
    Kind(
        "gradient-stops", "A gradient ends at a value that is detached", ("https://arxiv.org/abs/2112.13314",),
        torch=either(as_call(r"F\.relu", "{call}.detach()"), operator(ast.Add, "({left}.detach() + {right})"),
                     as_call(r"F\.gelu", "{call}.detach()")),
    ),
    Kind(
        "noise-at-inference", "Dropout runs at inference", ("https://arxiv.org/abs/2112.13314",),
        torch=of_module(r"nn\.Dropout", "F.dropout({0}, 0.5, True)"),
        layers=("dropout",),
    ),
)  # fmt: skip
