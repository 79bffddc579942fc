"""Faults of first weights and of layers that draw random numbers."""

from __future__ import annotations

from typing import Any

from tests.detection.framework import Injection, layer, network
from tests.detection.patches import fields, forward, keywords, text
from tests.detection.training_faults import fault

FIRST = network(
    {"x": [20]},
    layer("dense", "suspect", units=60),
    layer("tanh", "bend"),
    layer("dense", "scores", units=2),
)
RECURRENT = network(
    {"x": [5, 12]}, layer("lstm", "suspect", units=16), layer("dense", "after", units=3)
)
EMBEDDED = network(
    {"tokens": ([7], "int64")},
    layer("embedding", "suspect", input_dim=60, output_dim=16),
    layer("dense", "after", units=3),
)


def law(side: str, spec: str, kind: str, name: str, **settings: Any) -> Injection:
    return fault(
        name,
        side,
        "first weights",
        spec,
        keywords(side, kind, **settings),
        "suspect",
        *(("scores", "after") if kind == "dense" else ()),
    )


WEIGHTS = [
    law("keras", FIRST, "dense", "normal for uniform", kernel_initializer="glorot_normal"),
    law("keras", FIRST, "dense", "wider", kernel_initializer="he_uniform"),
    law("keras", FIRST, "dense", "bias of ones", bias_initializer="ones"),
    law("keras", RECURRENT, "lstm", "no forget bias", unit_forget_bias=False),
    law("keras", RECURRENT, "lstm", "not orthogonal", recurrent_initializer="glorot_uniform"),
    law("keras", EMBEDDED, "embedding", "uniform table", embeddings_initializer="uniform"),
]


def random(kind: str, **settings: Any) -> str:
    return network(
        {"x": [4, 6]},
        layer("dense", "before", units=6),
        layer(kind, "suspect", **settings),
        layer("dense", "after", units=3),
    )


def unless_off(value: float) -> Any:
    """Return what makes a rate another one, but for those that verify itself sets to 0."""
    return lambda given: value if given else 0.0


DROPOUT = [
    fault(
        "rate off by 0.01",
        "torch",
        "dropout",
        random("dropout", rate=0.3),
        fields("torch", "dropout", rate=unless_off(0.31)),
        "suspect",
    ),
    fault(
        "not scaled",
        "torch",
        "dropout",
        random("dropout", rate=0.3),
        forward(
            "torch", "dropout", "({module}({0}) * (1 - {module}.p if {module}.training else 1.0))"
        ),
        "suspect",
    ),
    fault(
        "keeps what it should drop",
        "keras",
        "dropout",
        random("dropout", rate=0.2),
        fields("keras", "dropout", rate=unless_off(0.8)),
        "suspect",
    ),
    fault(
        "channels for elements",
        "torch",
        "dropout",
        random("dropout", rate=0.5),
        forward("torch", "dropout", "F.dropout1d({0}, {module}.p, {module}.training)"),
        "suspect",
    ),
    fault(
        "elements for channels",
        "torch",
        "dropout",
        network(
            {"x": [4, 6]},
            layer("dense", "before", units=6),
            layer("spatial_dropout1d", "suspect", rate=0.5),
            layer("dense", "after", units=3),
        ),
        forward("torch", "spatial_dropout1d", "F.dropout({0}, {module}.p, {module}.training)"),
        "suspect",
    ),
    fault(
        "noise of another deviation",
        "torch",
        "dropout",
        random("gaussian_noise", stddev=0.5),
        fields("torch", "gaussian_noise", stddev=unless_off(0.45)),
        "suspect",
    ),
    fault(
        "noise left out",
        "keras",
        "dropout",
        random("gaussian_dropout", rate=0.4),
        fields("keras", "gaussian_dropout", rate=0.0),
        "suspect",
    ),
    fault(
        "alpha dropout as dropout",
        "torch",
        "dropout",
        random("alpha_dropout", rate=0.3),
        forward("torch", "alpha_dropout", "F.dropout({0}, {module}.p, {module}.training)"),
        "suspect",
    ),
    fault(
        "attention dropout left out",
        "torch",
        "dropout",
        network(
            {"x": [6, 8]},
            layer("multi_head_attention", "suspect", num_heads=2, dropout=0.4),
            layer("dense", "after", units=3),
        ),
        fields("torch", "multi_head_attention", dropout=0.0),
        "suspect",
    ),
    fault(
        "dropout at inference",
        "torch",
        "dropout",
        random("dropout", rate=0.3),
        forward("torch", "dropout", "F.dropout({0}, 0.3, training=True)"),
        "suspect",
    ),
]

DROPPED = network(
    {"x": [5, 6]},
    layer("lstm", "suspect", units=4, recurrent_dropout=0.3),
    layer("dense", "after", units=3),
)
SAMPLED = network(
    {"x": [6]},
    layer("dense", "mean", units=4, inputs="x"),
    layer("dense", "log_variance", units=4, inputs="x"),
    layer("sampling", "suspect", inputs=["mean", "log_variance"]),
    layer("dense", "after", units=3),
)
NORMALIZED = network(
    {"x": [20]},
    layer("dense", "suspect", units=60, weight_normalization=True),
    layer("tanh", "bend"),
    layer("dense", "scores", units=2),
)
LATER = [
    fault(
        "recurrent dropout anew at each step",
        "torch",
        "dropout",
        DROPPED,
        text(
            "torch",
            r"state\[0\]\[:, None\] \* mask",
            "state[0][:, None] * F.dropout(torch.ones_like(mask), recurrent_dropout)",
        ),
        "suspect",
    ),
    fault(
        "recurrent dropout off by 0.01",
        "torch",
        "dropout",
        DROPPED,
        fields("torch", "lstm", recurrent_dropout=lambda given: 0.31 if given == 0.3 else given),
        "suspect",
    ),
    fault(
        "recurrent dropout left out",
        "keras",
        "dropout",
        DROPPED,
        fields("keras", "lstm", recurrent_dropout=0.0),
        "suspect",
    ),
    fault(
        "no gradient through what recurrent dropout leaves",
        "torch",
        "dropout",
        DROPPED,
        text("torch", r"state\[0\]\[:, None\] \* mask", "state[0].detach()[:, None] * mask"),
        "suspect",
    ),
    fault(
        "no gradient to the variance of what is sampled",
        "keras",
        "dropout",
        SAMPLED,
        text(
            "keras", r"ops\.exp\(log_variance / 2\)", "ops.exp(ops.stop_gradient(log_variance) / 2)"
        ),
        "suspect",
        "log_variance",
    ),
    fault(
        "gradient past what is dropped",
        "torch",
        "dropout",
        random("dropout", rate=0.3),
        forward("torch", "dropout", "({0} + ({module}({0}) - {0}).detach())"),
        "suspect",
        "before",
    ),
    fault(
        "a normalised weight drawn where nothing keeps it",
        "torch",
        "first weights",
        NORMALIZED,
        text(
            "torch",
            r"self\.suspect\.weight = nn\.init\.xavier_uniform_\(\s*torch\.empty_like\(.*\)\s*\)",
            "nn.init.xavier_uniform_(self.suspect.weight)",
        ),
        "suspect",
    ),
    fault(
        "a weight that is not normalised",
        "keras",
        "first weights",
        NORMALIZED,
        text("keras", r"v \* \(g / lengths_of\(v, g\.shape\)\)", "v"),
        "suspect",
    ),
]

FAULTS = (*WEIGHTS, *DROPOUT, *LATER)
