"""Each advice rule fires however its mistake is written, and not on what only looks like it."""

from __future__ import annotations

import json
from typing import Any

import pytest

import nnspec
from nnspec.layers import LAYERS
from nnspec.network.loader import check, loads_any
from nnspec.show.rules import rules
from tests.show.ways import Document, document_of, is_valid, ways

RULES = {code: rule for code, rule in rules().items() if rule.severities[0] == "advice"}
IN_SPECS = [code for code, rule in RULES.items() if rule.bad]

OTHER = {
    # A mask thins the bias out, so that it is no longer one number for each channel.
    ("redundant-bias", "dropout"),
    # Logits from -2 to 2 or of relu may be meant so, as scores that are cut are scaled again.
    ("squashed-logits", "rescaling"),
    # Twice of what selu gives has variance 4.
    ("selu-dropout", "rescaling"),
}
"""(rule, layer between) where what comes out is another network, and not the same mistake."""


def found_in(document: Document) -> set[str]:
    return {each.code for each in loads_any(json.dumps(document), is_json=True).advice}


@pytest.mark.parametrize("code", IN_SPECS)
def test_a_rule_fires_however_its_mistake_is_written(code: str) -> None:
    tried = 0
    for way, document in ways(document_of(RULES[code].bad)):
        if (code, way.split(" at ")[0]) in OTHER or not is_valid(document):
            continue
        assert code in found_in(document), way
        tried += 1
    assert tried > 3


@pytest.mark.parametrize("code", IN_SPECS)
def test_a_rule_is_silent_however_what_is_right_is_written(code: str) -> None:
    for way, document in ways(document_of(RULES[code].mended)):
        # Twice in a row, and with a dropout, what is right may be wrong.
        if way.endswith("x 2") or way.startswith("dropout") or not is_valid(document):
            continue
        # Ids that are scaled are others, and a layer that could draw is not seen through.
        if code == "unbounded-ids" and way.startswith(("no dropout", "rescaling")):
            continue
        assert code not in found_in(document), way


@pytest.mark.parametrize("code", IN_SPECS)
def test_a_rule_fires_on_objects(code: str) -> None:
    for text, is_wrong in ((RULES[code].bad, True), (RULES[code].mended, False)):
        document = document_of(text)
        assert (code in {each.code for each in check(document).advice}) == is_wrong
        if "blocks" in document:
            continue
        layers = [
            nnspec.Call(**layer)
            if "repeat" in layer
            else LAYERS[layer["type"]](**{key: layer[key] for key in layer if key != "type"})
            for layer in document["layers"]
        ]
        rest = {key: value for key, value in document.items() if key != "layers"}
        model = nnspec.Model(**{**rest, "layers": layers})
        assert (code in {each.code for each in check(model).advice}) == is_wrong


def network(*layers: Document, shape: tuple[int, ...] = (4,), **more: Any) -> Document:
    return {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"x": {"shape": [*shape]}},
        "layers": list(layers),
        **more,
    }


def dense(units: int = 4, **more: Any) -> Document:
    return {"type": "dense", "units": units, **more}


def two(
    made: list[Document], judged: list[Document], noise: tuple[int, ...] = (4,), **training: Any
) -> Document:
    return {
        "nnspec": 1,
        "name": "Gan",
        "models": {
            "generator": {"inputs": {"noise": {"shape": [*noise]}}, "layers": made},
            "discriminator": {"inputs": {"row": {"shape": [4]}}, "layers": judged},
        },
        "training": {"type": "adversarial", **training},
    }


MADE, JUDGED = [dense()], [dense(1)]
RELU = {"type": "relu"}
NORM = {"type": "batch_normalization"}
LONE = [dense(use_bias=False), NORM]
UNROLLED = [{"type": "simple_rnn", "units": 4}]
FEW_STEPS: Document = {"generator": {"clip": {"norm": 1.0}}}
REGRESSION: Document = {"training": {"task": "regression"}}
MULTICLASS: Document = {"training": {"task": "multiclass"}}
ROWS: Document = {
    "source": "rows.csv",
    "features": {"x": "x_*"},
    "target": "y",
    "standardize_target": True,
}


def rated(**optimizer: Any) -> Document:
    return network(dense(1), training={"task": "regression", "optimizer": optimizer})


def grouped(kind: str, **group: Any) -> Document:
    return rated(type=kind, groups=[{"match": "weights", **group}])


def first(law: Document, bend: str = "relu") -> Document:
    """Return three layers of 400 units whose kernels begin by a law."""
    hidden = dense(400, activation=bend, kernel_initializer=law)
    return network(hidden, hidden, hidden, dense(1), shape=(400,))


def seen(last: Document, *, strides: int = 1, layout: str = "channels_first") -> Document:
    """Return classes of a mean over positions, of which each sees 3 pixels, or 9 and more."""
    conv: Document = {"type": "conv2d", "filters": 4, "kernel_size": 3, "padding": "same"}
    shape = (1, 16, 16) if layout == "channels_first" else (16, 16, 1)
    layers: list[Document] = [
        {**conv, "strides": strides},
        RELU,
        conv,
        RELU,
        last,
        {"type": "flatten"},
    ]
    return network(
        *layers, dense(3), {"type": "softmax"}, shape=shape, data_format=layout, **MULTICLASS
    )


def chosen(*between: Document) -> Document:
    return network(
        {"name": "zero", "type": "constant", "value": 0.0, "inputs": []},
        {"name": "asked", "type": "greater", "inputs": ["x", "zero"]},
        {"name": "line", "type": "linear", "inputs": "x"},
        *between,
        {"name": "root", "type": "sqrt", "inputs": "same" if between else "line"},
        {"name": "same_root", "type": "linear", "inputs": "root"},
        {"type": "where", "inputs": ["asked", "same_root", "zero"]},
        **REGRESSION,
    )


CASES: dict[str, tuple[str, Document, bool]] = {
    # Networks that learn against each other are trained too.
    "one row to two networks": ("lone-batch", two(LONE, JUDGED, batch_size=1), True),
    "two rows to two networks": ("lone-batch", two(LONE, JUDGED, batch_size=2), False),
    "an rnn that makes rows": ("unclipped-rnn", two(UNROLLED, JUDGED, noise=(60, 4)), True),
    "one whose gradient is clipped": (
        "unclipped-rnn", two(UNROLLED, JUDGED, noise=(60, 4), **FEW_STEPS), False,
    ),
    "rate of one of two": (
        "unusual-rate",
        two(MADE, JUDGED, generator={"optimizer": {"type": "adam", "learning_rate": 0.5}}), True,
    ),
    "l2 of one of two": (
        "scaled-l2",
        two(MADE, JUDGED, discriminator={"optimizer": {"type": "adam", "l2": 0.1}}), True,
    ),
    "dropout on what is made": (
        "dropout-on-output", two([*MADE, {"type": "dropout", "rate": 0.1}], JUDGED), True,
    ),
    "scores of relu": ("squashed-logits", two(MADE, [dense(1), RELU]), True),
    "scores of tanh under hinge": (
        "squashed-logits", two(MADE, [dense(1, activation="tanh")], loss="hinge"), True,
    ),
    "scores of sigmoid are logits": (
        "squashed-logits", two(MADE, [dense(1), {"type": "sigmoid"}]), False,
    ),
    "least squares of what is bounded": (
        "squashed-logits", two(MADE, [dense(1, activation="tanh")], loss="least_squares"), False,
    ),
    # Means over positions.
    **{
        f"small field, {kind} {layout}": (
            "small-field", seen({"type": kind, **more}, layout=layout), True,
        )
        for kind, more in (
            ("global_max_pooling2d", {}), ("average_pooling2d", {"pool_size": 16}),
            ("adaptive_average_pooling2d", {"output_size": 1}),
        )
        for layout in ("channels_first", "channels_last")
    },
    "small field of a mean over axes": (
        "small-field", seen({"type": "reduce_mean", "axes": [1, 2]}), True,
    ),
    "small field of a mean over the last axes": (
        "small-field", seen({"type": "reduce_mean", "axes": [0, 1]}, layout="channels_last"), True,
    ),
    "means of parts": ("small-field", seen({"type": "average_pooling2d", "pool_size": 2}), False),
    "a field that is large": (
        "small-field", seen({"type": "average_pooling2d", "pool_size": 4}, strides=4), False,
    ),
    # Settings of groups, and of parts.
    "rate of a group": ("unusual-rate", grouped("adam", learning_rate=0.5), True),
    "scaled rate of a group": ("unusual-rate", grouped("adam", learning_rate={"scale": 900}), True),
    "usual rate of a group": ("unusual-rate", grouped("adam", learning_rate={"scale": 0.1}), False),
    "rate of a schedule": (
        "unusual-rate",
        rated(type="adam", learning_rate={"schedule": "cosine", "peak": 0.5, "steps": 9}), True,
    ),
    "l2 of a group": ("scaled-l2", grouped("adam", l2=0.1), True),
    "l2 of weights": ("scaled-l2", rated(type="adamw", l2={"rate": 0.1, "of": "weights"}), True),
    "no l2": ("scaled-l2", rated(type="adam", l2={"rate": 0.0, "of": "weights"}), False),
    "l2 in the loss": (
        "scaled-l2",
        network(dense(1), training={"task": "regression",
                                    "regularization": [{"type": "l2", "factor": 0.01}]}), True,
    ),
    "l1 in the loss": (
        "scaled-l2",
        network(dense(1), training={"task": "regression",
                                    "regularization": [{"type": "l1", "factor": 0.01}]}), False,
    ),
    "l2 of sgd": ("scaled-l2", rated(type="sgd", l2=0.1), False),
    # Shared layers.
    "a shared bias": (
        "redundant-bias",
        network({"name": "a", **dense()}, {"name": "n", **NORM}, RELU,
                {"type": "shared", "layer": "a"}, {"type": "shared", "layer": "n"}, RELU), True,
    ),
    "a shared bias that counts once": (
        "redundant-bias",
        network({"name": "a", **dense()}, {"name": "n", **NORM}, RELU,
                {"type": "shared", "layer": "a"}, RELU), False,
    ),
    "a shared dense": (
        "linear-stack",
        network({"name": "a", **dense()}, {"type": "relu"}, {"type": "shared", "layer": "a"},
                dense(1)), False,
    ),
    "a shared sigmoid layer": (
        "saturating-stack",
        network({"name": "a", **dense(activation="sigmoid")},
                *[{"type": "shared", "layer": "a"}] * 3, dense(1)), True,
    ),
    "a shared softmax on one": (
        "softmax-on-one",
        network(dense(1), {"name": "s", "type": "softmax"}, {"type": "shared", "layer": "s"}), True,
    ),
    "a shared dropout on the output": (
        "dropout-on-output",
        network({"name": "d", "type": "dropout", "rate": 0.2}, dense(),
                {"type": "shared", "layer": "d"}, **REGRESSION), True,
    ),
    # What only moves numbers, or does not.
    "bias before flatten": (
        "redundant-bias",
        network({"type": "conv2d", "filters": 2, "kernel_size": 3}, {"type": "flatten"}, NORM,
                shape=(1, 8, 8)), True,
    ),
    "bias that is spread by permute": (
        "redundant-bias",
        network({"type": "conv2d", "filters": 6, "kernel_size": 3},
                {"type": "permute", "axes": [1, 0, 2]}, NORM, shape=(1, 8, 8)), False,
    ),
    "dense layers of other axes": (
        "linear-stack",
        network(dense(8), {"type": "permute", "axes": [1, 0]}, dense(8), shape=(6, 4)), False,
    ),
    "dense layers on rows that are joined": (
        "linear-stack", network(dense(8), {"type": "flatten"}, dense(8), shape=(6, 4)), False,
    ),
    "a standardised target of sigmoid": (
        "bounded-output", network(dense(1), {"type": "sigmoid"}, data=ROWS, **REGRESSION), True,
    ),
    "one that is scaled again": (
        "bounded-output",
        network(dense(1), {"type": "tanh"}, {"type": "rescaling", "scale": 9.0}, data=ROWS,
                **REGRESSION), False,
    ),
    "a regression of sigmoid and reshape": (
        "output-activation",
        network(dense(4), {"type": "sigmoid"}, {"type": "reshape", "shape": [2, 2]}, **REGRESSION),
        True,
    ),
    "a regression of sigmoid that is scaled": (
        "output-activation",
        network(dense(4), {"type": "sigmoid"}, {"type": "rescaling", "scale": 9.0}, **REGRESSION),
        False,
    ),
    "dropout of logits": (
        "dropout-on-output",
        network(dense(3), {"type": "dropout", "rate": 0.2}, {"type": "softmax"}, **MULTICLASS),
        True,
    ),
    "dropout of nothing": (
        "dropout-on-output",
        network(dense(1), {"type": "dropout", "rate": 0.0}, **REGRESSION), False,
    ),
    "a root behind others": (
        "unchosen-gradient", chosen({"name": "same", "type": "linear", "inputs": "line"}), True,
    ),
    "a root of what stays off 0": (
        "unchosen-gradient",
        chosen({"name": "same", "type": "clip", "min_value": 1e-6, "max_value": 9.0,
                "inputs": "line"}), False,
    ),
    # First weights, by other laws.
    **{
        f"first weights, {name}": ("unfit-initializer", first(law, **more), is_wrong)
        for name, law, more, is_wrong in (
            ("truncated", {"type": "truncated_normal", "stddev": 1.0}, {}, True),
            ("usual truncated", {"type": "truncated_normal", "stddev": 0.02}, {}, False),
            ("range", {"type": "uniform", "low": -1.0, "high": 1.0}, {}, True),
            ("range that is no mean of 0", {"type": "uniform", "low": 0.9, "high": 1.0}, {}, True),
            ("usual range", {"type": "uniform"}, {}, False),
            ("variance", {"type": "variance_scaling", "scale": 200.0}, {}, True),
            ("usual variance", {"type": "variance_scaling", "scale": 2.0}, {}, False),
            ("ones", {"type": "constant", "value": 1.0}, {}, True),
            ("he by numbers", {"type": "variance_scaling", "scale": 2.0}, {"bend": "tanh"}, True),
            ("lecun by numbers", {"type": "variance_scaling"}, {"bend": "tanh"}, False),
        )
    },
    "first weights of all layers": (
        "unfit-initializer",
        network(dense(8), RELU, dense(1), shape=(400,),
                initializer={"type": "normal", "stddev": 1.0}), True,
    ),
    "zeros before relu behind a layer": (
        "dead-start",
        network(dense(kernel_initializer="zeros"), {"type": "linear"}, RELU, dense(1)), True,
    ),
    "zeros before sigmoid": (
        "dead-start",
        network(dense(kernel_initializer="zeros"), {"type": "sigmoid"}, dense(1)), False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_rule_tells_a_mistake_from_what_is_like_it(case: str) -> None:
    code, document, is_wrong = CASES[case]
    assert (code in found_in(document)) == is_wrong


@pytest.mark.parametrize(
    ("task", "loss", "units", "expected"),
    [
        # Two numbers for one column: the mean and the variance of it.
        ("regression", "gaussian_nll", 2, set()),
        ("regression", "mse", 2, {"not-trainable"}),
        ("regression", "poisson", 2, {"not-trainable"}),
        # Scores, and no probabilities, which a sigmoid at the end would spoil.
        ("binary", "hinge", 1, set()),
        ("binary", "binary_focal", 1, {"output-activation"}),
    ],
)
def test_what_a_loss_takes_is_no_mistake(
    task: str, loss: str, units: int, expected: set[str]
) -> None:
    spec = nnspec.loads(
        "nnspec: 1\nname: Net\ninputs: {x: {shape: [3]}}\n"
        f"layers: [{{type: dense, units: {units}}}]\n"
        "data: {source: a.csv, features: {x: 'x_*'}, target: y}\n"
        f"training: {{task: {task}, loss: {loss}}}\n"
    )
    codes = {each.code for each in spec.advice}
    assert codes & {"not-trainable", "output-activation"} == expected


def test_a_convolution_of_other_axes_than_an_image_is_no_error() -> None:
    spec = nnspec.loads(
        "nnspec: 1\nname: Net\ninputs: {x: {shape: [1, 32, 32]}}\nlayers:\n"
        "  - {type: conv2d, filters: 2, kernel_size: 3}\n"
        "  - {type: reshape, shape: [2, 900]}\n"
        "  - {type: conv1d, filters: 2, kernel_size: 3}\n"
        "  - {type: reshape, shape: [2, 2, 449]}\n"
        "  - {type: global_average_pooling2d}\n"
    )
    assert spec.graph.types[spec.graph.outputs[0]].shape == (2,)
