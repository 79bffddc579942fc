"""Faults of optimizers, losses, gradients, running statistics and metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.detection.framework import Inject, Injection, Patch, layer, network
from tests.detection.patches import fields, forward, keywords, program, text


def trained(optimizer: dict[str, Any], *, task: str = "regression", loss: str | None = None) -> str:
    head = {"regression": "linear", "binary": "sigmoid", "multiclass": "softmax"}[task]
    training: dict[str, Any] = {"task": task, "optimizer": optimizer}
    if loss is not None:
        training["loss"] = {"type": loss}
    return network(
        {"x": [6]},
        layer("dense", "hidden", units=9),
        layer("tanh", "bend"),
        layer("dense", "scores", units=3),
        layer(head, "head"),
        training=training,
    )


SGD: dict[str, Any] = {"type": "sgd", "learning_rate": 0.02}
MOMENTUM: dict[str, Any] = {"type": "sgd", "learning_rate": 0.02, "momentum": 0.9}
NESTEROV = {**MOMENTUM, "nesterov": True}
ADAM: dict[str, Any] = {"type": "adam", "learning_rate": 0.003}
DECAYED = {**ADAM, "decay": 0.05}
OF_WEIGHTS = {**ADAM, "decay": {"rate": 0.05, "of": "weights"}}

NORMED = network(
    {"image": [2, 6, 6]},
    layer("conv2d", "first", filters=4, kernel_size=3, padding="same", use_bias=False),
    layer("batch_normalization", "norm"),
    layer("tanh", "bend"),
    layer("conv2d", "second", filters=4, kernel_size=3, padding="same", use_bias=False),
    layer("batch_normalization", "renorm"),
    layer("relu", "rebend"),
    layer("flatten", "flat"),
    layer("dense", "scores", units=4),
    layer("softmax", "probabilities"),
    training={"task": "multiclass", "optimizer": {"type": "sgd", "learning_rate": 0.01}},
)


def fault(
    name: str, side: str, kind: str, spec: str, inject: Inject, *layers: str, **options: Any
) -> Injection:
    return Injection(name, kind, side, spec, inject, layers, options=options)


def optimizer(name: str, side: str, spec: dict[str, Any], old: str, new: str) -> Injection:
    return fault(name, side, "optimizer", trained(spec), text(side, old, new))


OPTIMIZERS = [
    optimizer("learning rate", "torch", SGD, r"lr=0\.02", "lr=0.021"),
    optimizer("learning rate", "keras", ADAM, r"learning_rate=0\.003", "learning_rate=0.001"),
    optimizer("learning rate off by 1e-6", "torch", ADAM, r"lr=0\.003", "lr=0.003000003"),
    optimizer("momentum", "torch", MOMENTUM, r"momentum=0\.9", "momentum=0.8"),
    optimizer("momentum left out", "keras", MOMENTUM, r"momentum=0\.9\)", "momentum=0.0)"),
    optimizer("dampening", "torch", MOMENTUM, r"momentum=0\.9", "momentum=0.9, dampening=0.1"),
    optimizer("nesterov left out", "torch", NESTEROV, ", nesterov=True", ""),
    optimizer(
        "nesterov added",
        "keras",
        MOMENTUM,
        r"(MomentumSGD\(.*momentum=0\.9)\)",
        r"\1, nesterov=True)",
    ),
    optimizer("beta_1", "torch", ADAM, r"betas=\(0\.9,", "betas=(0.89,"),
    optimizer("beta_2", "torch", ADAM, r"0\.999\)", "0.99)"),
    optimizer("beta_2", "keras", ADAM, r"beta_2=0\.999", "beta_2=0.99"),
    optimizer("epsilon", "torch", ADAM, "eps=1e-8", "eps=1e-7"),
    optimizer("epsilon", "keras", ADAM, "epsilon=1e-8", "epsilon=1e-7"),
    optimizer("amsgrad", "torch", ADAM, "eps=1e-8", "eps=1e-8, amsgrad=True"),
    optimizer("decay", "torch", ADAM, "eps=1e-8", "eps=1e-8, weight_decay=0.01"),
    optimizer("decoupled decay", "torch", ADAM, r"optim\.Adam\(", "optim.AdamW("),
    optimizer(
        "no bias correction",
        "keras",
        ADAM,
        r"1 - ops\.power\(self\.beta_1, step\)",
        "1.0",
    ),
    optimizer(
        "bias correction of the step after",
        "keras",
        ADAM,
        r"self\.iterations \+ 1",
        "self.iterations + 2",
    ),
    optimizer(
        "epsilon inside the root",
        "keras",
        ADAM,
        r"ops\.sqrt\(square\) / correction \+ self\.epsilon",
        "ops.sqrt(square / correction**2 + self.epsilon**2)",
    ),
    optimizer("coupled for decoupled decay", "torch", DECAYED, r"optim\.AdamW\(", "optim.Adam("),
    optimizer(
        "coupled for decoupled decay",
        "keras",
        {**MOMENTUM, "decay": 0.05},
        r"self\.assign_sub\(variable, rate \* self\.decay \* variable\)",
        "gradient = gradient + self.decay * variable",
    ),
    optimizer(
        "decoupled for coupled decay",
        "torch",
        {**ADAM, "l2": 0.05},
        r"optim\.Adam\(",
        "optim.AdamW(",
    ),
    optimizer(
        "decay on biases", "torch", OF_WEIGHTS, r'"weight_decay": 0\.0', '"weight_decay": 0.05'
    ),
    optimizer("decay on biases", "keras", OF_WEIGHTS, r'"decay": 0\.0', '"decay": 0.05'),
    optimizer("gradients of two steps", "torch", SGD, r"    optimizer\.zero_grad\(\)\n", ""),
    optimizer(
        "clips at a norm of 1",
        "torch",
        SGD,
        r"(    optimizer\.step\(\))",
        r"    nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n\1",
    ),
    optimizer(
        "clips each at 0.01",
        "torch",
        SGD,
        r"(    optimizer\.step\(\))",
        r"    nn.utils.clip_grad_value_(model.parameters(), 0.01)\n\1",
    ),
    optimizer("up the gradient", "torch", SGD, r"lr=0\.02", "lr=0.02, maximize=True"),
    optimizer(
        "some parameters left out",
        "torch",
        SGD,
        r"model\.parameters\(\)",
        "list(model.parameters())[1:]",
    ),
    optimizer(
        "clips at a norm of 100",
        "keras",
        SGD,
        r"SGD\(learning_rate=0\.02",
        "SGD(learning_rate=0.02, global_clipnorm=100.0",
    ),
    optimizer(
        "decay of 1e-5",
        "keras",
        ADAM,
        r"learning_rate=0\.003",
        "learning_rate=0.003, weight_decay=1e-5",
    ),
    optimizer(
        "average of the weights",
        "keras",
        SGD,
        r"SGD\(learning_rate=0\.02",
        "SGD(learning_rate=0.02, use_ema=True, ema_overwrite_frequency=2",
    ),
    optimizer(
        "steps of two",
        "keras",
        SGD,
        r"SGD\(learning_rate=0\.02",
        "SGD(learning_rate=0.02, gradient_accumulation_steps=2",
    ),
    optimizer(
        "rate falls each step",
        "torch",
        ADAM,
        r"(    optimizer\.step\(\))",
        r'\1\n    optimizer.param_groups[0]["lr"] *= 0.999',
    ),
]

LOSSES = [
    fault(
        "sum for the mean",
        "torch",
        "loss",
        trained(SGD),
        text(
            "torch", r"F\.mse_loss\(output, target\)", 'F.mse_loss(output, target, reduction="sum")'
        ),
    ),
    fault(
        "half of the square",
        "keras",
        "loss",
        trained(SGD),
        text("keras", r"ops\.square\(output - target\)", "ops.square(output - target) / 2"),
    ),
    fault(
        "smooth for absolute",
        "torch",
        "loss",
        trained(SGD, loss="mae"),
        text("torch", r"F\.l1_loss", "F.smooth_l1_loss"),
    ),
    fault(
        "square for absolute",
        "keras",
        "loss",
        trained(SGD, loss="mae"),
        text("keras", r"ops\.absolute\(output - target\)", "ops.square(output - target)"),
    ),
    fault(
        "labels smoothed",
        "torch",
        "loss",
        trained(SGD, task="multiclass"),
        text(
            "torch",
            r"F\.cross_entropy\(output, target\)",
            "F.cross_entropy(output, target, label_smoothing=0.01)",
        ),
    ),
    fault(
        "softmax twice",
        "torch",
        "loss",
        trained(SGD, task="multiclass"),
        text(
            "torch",
            r"F\.cross_entropy\(output, target\)",
            "F.cross_entropy(torch.softmax(output, -1), target)",
        ),
    ),
    fault(
        "positives weighted",
        "torch",
        "loss",
        trained(SGD, task="binary"),
        text(
            "torch",
            r"with_logits\(output, target\)",
            "with_logits(output, target, pos_weight=torch.tensor(1.1))",
        ),
    ),
    fault(
        "probabilities as logits",
        "keras",
        "loss",
        trained(SGD, task="binary"),
        text("keras", r"ops\.softplus\(output\)", "ops.softplus(ops.sigmoid(output))"),
    ),
    fault(
        "cross-entropy capped",
        "keras",
        "loss",
        trained(SGD, task="multiclass"),
        text("keras", r"ops\.log_softmax\(output\)", "ops.log(ops.softmax(output) + 1e-7)"),
    ),
]

GRADIENTS = [
    fault(
        "gradient stops",
        "torch",
        "gradient",
        trained(SGD),
        forward("torch", "tanh", "torch.tanh({0}).detach() + 0 * {0}"),
        "bend",
        "hidden",
    ),
    fault(
        "gradient doubled",
        "torch",
        "gradient",
        trained(SGD),
        forward("torch", "tanh", "2 * torch.tanh({0}) - torch.tanh({0}).detach()"),
        "bend",
        "hidden",
    ),
    fault(
        "gradient of an early normalisation",
        "torch",
        "gradient",
        NORMED,
        text(
            "torch",
            r"self\.norm\(([^()]*|[^()]*\([^()]*\)[^()]*)\)",
            r"(1.01 * self.norm(\1) - 0.01 * self.norm(\1).detach())",
        ),
        "norm",
    ),
    fault(
        "gradient through the statistics left out",
        "torch",
        "gradient",
        NORMED,
        forward(
            "torch",
            "batch_normalization",
            "F.batch_norm({0}, {0}.mean((0, 2, 3)).detach(), "
            "{0}.var((0, 2, 3), correction=0).detach(), {module}.weight, {module}.bias) "
            "if {module}.training else {module}({0})",
        ),
        "norm",
        "renorm",
    ),
    fault(
        "gradient of a frozen layer",
        "keras",
        "gradient",
        trained(SGD),
        forward("keras", "tanh", "keras.ops.stop_gradient(keras.ops.tanh({0}))"),
        "bend",
        "hidden",
    ),
]

STATISTICS = [
    fault(
        "momentum of the statistics",
        "keras",
        "statistics",
        NORMED,
        fields("keras", "batch_normalization", momentum=0.99),
        "norm",
        "renorm",
    ),
    fault(
        "momentum of the statistics",
        "torch",
        "statistics",
        NORMED,
        fields("torch", "batch_normalization", momentum=0.8),
        "norm",
        "renorm",
    ),
    fault(
        "statistics stand still",
        "torch",
        "statistics",
        NORMED,
        keywords("torch", "batch_normalization", momentum=0.0),
        "norm",
        "renorm",
    ),
]


def inference_moves_state() -> Inject:
    """Each forward pass of Keras moves a running mean."""

    def inject(patch: Patch) -> None:
        cls = program("keras")
        original = cls.forward

        def forward_(self: Any, inputs: Any) -> Any:
            outputs = original(self, inputs)
            for variable in self.model.non_trainable_variables:
                if "moving_mean" in variable.path:
                    patch.note()
                    variable.assign(np.asarray(variable) * (1 + 1e-12))
            return outputs

        patch.monkeypatch.setattr(cls, "forward", forward_)

    return inject


CALLS = [
    fault(
        "model(x) trains",
        "keras",
        "calls",
        NORMED,
        text(
            "keras",
            r"(norm = |x = )(layers\.BatchNormalization\([^)]*\))\(x\)",
            r"\1\2(x, training=True)",
        ),
        "norm",
        "renorm",
    ),
    fault("inference moves a running mean", "keras", "calls", NORMED, inference_moves_state()),
    fault(
        "metric of all the batch",
        "keras",
        "metrics",
        trained(SGD),
        text("keras", r"keras\.metrics\.MeanAbsoluteError", "keras.metrics.MeanSquaredError"),
    ),
    fault(
        "threshold of probabilities for logits",
        "keras",
        "metrics",
        trained(SGD, task="binary"),
        text("keras", r"threshold=0\.0", "threshold=0.5"),
    ),
]

FAULTS = (*OPTIMIZERS, *LOSSES, *GRADIENTS, *STATISTICS, *CALLS)
