"""Activations that one source backend expresses wrongly."""

from __future__ import annotations

from tests.detection.framework import layer, network
from tests.detection.patches import fields, forward
from tests.detection.suspects import IMAGE, VECTOR, bent, fault, image, sequence

FAULTS = (
    fault(
        "gelu tanh for erf",
        "torch",
        "activation",
        bent("gelu"),
        fields("torch", "gelu", approximate=True),
    ),
    fault(
        "gelu quick",
        "torch",
        "activation",
        bent("gelu"),
        forward("torch", "gelu", "{0} * torch.sigmoid(1.702 * {0})"),
    ),
    fault(
        "gelu of keras",
        "keras",
        "activation",
        network(
            IMAGE,
            layer("conv2d", "before", filters=4, kernel_size=3),
            layer("gelu", "suspect"),
            layer("conv2d", "after", filters=3, kernel_size=3),
        ),
        forward("keras", "gelu", "keras.activations.gelu({0}, approximate=False)"),
    ),
    fault(
        "leaky slope of keras",
        "keras",
        "activation",
        bent("leaky_relu", negative_slope=0.01),
        fields("keras", "leaky_relu", negative_slope=0.3),
    ),
    fault(
        "leaky slope",
        "torch",
        "activation",
        bent("leaky_relu", negative_slope=0.2),
        fields("torch", "leaky_relu", negative_slope=0.01),
    ),
    fault(
        "elu alpha",
        "keras",
        "activation",
        bent("elu", alpha=0.5),
        fields("keras", "elu", alpha=1.0),
    ),
    fault(
        "selu scale",
        "torch",
        "activation",
        bent("selu"),
        forward("torch", "selu", "F.selu({0}) * 1.0001"),
    ),
    fault(
        "silu as hard_silu",
        "torch",
        "activation",
        bent("silu"),
        forward("torch", "silu", "F.hardswish({0})"),
    ),
    fault(
        "softplus linear from 8",
        "torch",
        "activation",
        bent("softplus"),
        forward("torch", "softplus", "F.softplus({0}, threshold=8)"),
    ),
    fault(
        "softplus of beta 2",
        "torch",
        "activation",
        bent("softplus"),
        forward("torch", "softplus", "F.softplus({0}, beta=2)"),
    ),
    fault(
        "hard_sigmoid slope 0.2",
        "keras",
        "activation",
        bent("hard_sigmoid"),
        forward("keras", "hard_sigmoid", "ops.clip(0.2 * {0} + 0.5, 0.0, 1.0)"),
    ),
    fault(
        "mish as silu",
        "keras",
        "activation",
        bent("mish"),
        forward("keras", "mish", "keras.activations.silu({0})"),
    ),
    fault(
        "softsign as tanh",
        "torch",
        "activation",
        bent("softsign"),
        forward("torch", "softsign", "torch.tanh({0})"),
    ),
    fault(
        "celu alpha",
        "torch",
        "activation",
        bent("celu", alpha=0.7),
        fields("torch", "celu", alpha=1.0),
    ),
    fault(
        "hard_tanh limits",
        "torch",
        "activation",
        bent("hard_tanh"),
        forward("torch", "hard_tanh", "torch.clamp({0}, -1.1, 1.1)"),
    ),
    fault(
        "soft_shrink threshold",
        "torch",
        "activation",
        bent("soft_shrink", threshold=0.3),
        fields("torch", "soft_shrink", threshold=0.5),
    ),
    fault(
        "squareplus b",
        "keras",
        "activation",
        bent("squareplus", b=2.0),
        fields("keras", "squareplus", b=4.0),
    ),
    fault(
        "sigmoid as hard_sigmoid",
        "torch",
        "activation",
        bent("sigmoid"),
        forward("torch", "sigmoid", "F.hardsigmoid({0})"),
    ),
    fault(
        "glu halves swapped",
        "torch",
        "activation",
        bent("glu"),
        forward("torch", "glu", "F.glu(torch.roll({0}, {0}.shape[-1] // 2, -1), -1)"),
    ),
    fault(
        "prelu without slope",
        "torch",
        "activation",
        image("prelu"),
        forward("torch", "prelu", "F.relu({0}) + 0 * {module}({0})"),
    ),
    fault(
        "log_softmax as softmax",
        "torch",
        "activation",
        bent("log_softmax"),
        forward("torch", "log_softmax", "torch.softmax({0}, dim=-1)"),
    ),
    fault(
        "softmax over another axis",
        "torch",
        "axis",
        sequence("softmax"),
        forward("torch", "softmax", "torch.softmax({0}, dim=1)"),
    ),
    fault(
        "relu leaks",
        "keras",
        "activation",
        bent("relu"),
        forward("keras", "relu", "keras.activations.leaky_relu({0}, 1e-6)"),
    ),
    fault(
        "tanh in lower precision",
        "torch",
        "rounding",
        bent("tanh"),
        forward("torch", "tanh", "torch.tanh({0}.float()).to({0}.dtype)"),
    ),
    fault(
        "threshold includes",
        "torch",
        "ties",
        network(
            VECTOR,
            layer("threshold", "suspect", threshold=1.0, default_value=-2.0),
            layer("dense", "after", units=3),
        ),
        forward("torch", "threshold", "torch.where({0} >= 1.0, {0}, -2.0)"),
    ),
    fault(
        "hard_shrink includes",
        "torch",
        "ties",
        network(
            VECTOR, layer("hard_shrink", "suspect", threshold=1.0), layer("dense", "after", units=3)
        ),
        forward("torch", "hard_shrink", "torch.where({0}.abs() >= 1.0, {0}, 0.0)"),
    ),
)
