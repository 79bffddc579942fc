"""Specs that are Python objects: messages as good as YAML's, with the place by its path."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec import Block, Call, Input, Model, layers

SPEC: dict[str, Any] = {
    "nnspec": 1,
    "name": "Net",
    "inputs": {"features": {"shape": [4]}},
    "layers": [{"type": "dense", "units": 3}],
}


def problems_of(make: Callable[[], object]) -> list[tuple[str, str, str, str]]:
    with pytest.raises(nnspec.SpecError) as caught:
        make()
    return [(each.path, each.code, each.message, each.hint) for each in caught.value.problems]


@pytest.mark.parametrize(
    ("make", "path", "code", "message", "hint"),
    [
        (
            lambda: layers.Dense(3),
            "Dense",
            "wrong-type",
            "Dense takes its arguments by name, and got Dense(3)",
            "write Dense(units=3)",
        ),
        (
            lambda: layers.Conv2D(32, 3, padding="same"),
            "Conv2D",
            "wrong-type",
            "Conv2D takes its arguments by name, and got Conv2D(32, 3)",
            "write Conv2D(filters=32, kernel_size=3, padding='same')",
        ),
        (
            lambda: layers.Linear(10, 5),
            "Linear",
            "wrong-type",
            "Linear takes its arguments by name, and got Linear(10, 5)",
            "Linear is the layer `linear` here; what PyTorch and others call so is Dense",
        ),
        (
            lambda: layers.Dense(unit=3),
            "Dense.unit",
            "unknown-key",
            'Dense has no key "unit"; did you mean "units"?',
            "its keys: ",
        ),
        (
            lambda: layers.Dense(units=3, activation="lrelu"),
            "Dense.activation",
            "unknown-activation",
            'no activation "lrelu"; did you mean "leaky_relu"?',
            "negative_slope is 0.01 by default",
        ),
        (
            lambda: layers.Dense(units="3"),
            "Dense.units",
            "wrong-type",
            '`units` is "3", and a whole number is expected',
            "write the number without quotes",
        ),
        (
            lambda: layers.Dense(units=Decimal(3)),
            "Dense.units",
            "wrong-type",
            "`units` is 3, and a whole number is expected",
            "it is a decimal.Decimal: write float(...)",
        ),
        (
            lambda: Input(shap=[3]),
            "Input.shap",
            "unknown-key",
            'Input has no key "shap"; did you mean "shape"?',
            "its keys: dtype, shape",
        ),
        (
            lambda: Model(name="Net", inputs={"x": {"shap": [3]}}, layers=[layers.Relu()]),
            "Model.inputs.x.shap",
            "unknown-key",
            'inputs.x has no key "shap"; did you mean "shape"?',
            "its keys: dtype, shape",
        ),
    ],
)
def test_a_wrong_argument_gets_yaml_s_message(
    make: Callable[[], object], path: str, code: str, message: str, hint: str
) -> None:
    (found,) = problems_of(make)
    assert found[:3] == (path, code, message)
    assert found[3].startswith(hint)


def test_the_place_is_printed() -> None:
    with pytest.raises(
        nnspec.SpecError, match=r'^Dense\.unit: error\[unknown-key\]: Dense has no key "u'
    ):
        layers.Dense(unit=3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Conv2d", 'nnspec.layers has no "Conv2d"; did you mean "Conv2D"?'),
        ("BatchNorm2d", 'nnspec.layers has no "BatchNorm2d"; did you mean "BatchNormalization"?'),
        ("GEGLU", 'nnspec.layers has no "GEGLU"; nothing here is it: split in two'),
        ("Nonsense", 'nnspec.layers has no "Nonsense"'),
    ],
)
def test_a_class_that_there_is_not(name: str, message: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(layers, name)
    assert str(caught.value).startswith(message)
    assert not hasattr(layers, name)


def test_a_dict_is_a_spec() -> None:
    spec = nnspec.check(SPEC)
    assert spec.graph.outputs == ("dense_1",)
    assert nnspec.compile(SPEC, "torch").source == nnspec.compile(spec, "torch").source


def test_a_text_is_a_spec(tmp_path: Path) -> None:
    text = "nnspec: 1\nname: Net\ninputs: {x: {shape: [4]}}\nlayers: [{type: relu}]\n"
    assert nnspec.check(text).sha256 == nnspec.loads(text).sha256
    assert nnspec.check(text, folder=tmp_path).folder == tmp_path
    path = tmp_path / "net.yaml"
    path.write_text(text)
    assert nnspec.check(str(path)).path == path


def test_a_dict_s_mistakes_have_a_path_each() -> None:
    spec = {
        **SPEC,
        "blocks": {"twice": {"layers": [{"type": "dens", "units": 2}]}},
        "layers": [
            {"type": "twice", "name": "first"},
            {"type": "dense", "units": 3, "inputs": ["frist"]},
            {"type": "add", "inputs": ["features", "${width}"]},
        ],
        "outputs": ["first", "nothing"],
        "epochs": 3,
    }
    found = [(path, code) for path, code, _, _ in problems_of(lambda: nnspec.check(spec))]
    assert ("epochs", "unknown-key") in found
    assert ("blocks.twice.layers[0].type", "unknown-layer") in found
    assert ("layers[1].inputs[0]", "unknown-input") in found
    assert ("layers[2].inputs", "undefined-variable") in found
    assert ("outputs[1]", "unknown-output") in found


def test_a_model_s_mistakes_have_a_path_each() -> None:
    model = Model(
        name="Net",
        inputs={"image": Input(shape=[3, 8, 8])},
        blocks={"b": Block(layers=[layers.Relu(), layers.Dense(units=2, inputs=["nowhere"])])},
        layers=[
            layers.LSTM(units=3),
            {"type": "Linear", "out_features": 3},
            Call(type="b", width=2),
        ],
    )
    found = problems_of(lambda: nnspec.check(model))
    assert [(path, code) for path, code, _, _ in found] == [
        ("layers[0]", "shape-mismatch"),
        ("layers[1].type", "unknown-layer"),
        ("layers[1].out_features", "unknown-key"),
        ("layers[2].width", "unknown-key"),
    ]


def test_a_place_of_another_layer_is_a_path_too() -> None:
    model = Model(
        name="Net",
        inputs={"image": Input(shape=[3, 8, 8])},
        layers=[layers.Relu(), layers.LSTM(units=3)],
    )
    ((_, _, message, _),) = problems_of(lambda: nnspec.check(model))
    assert '"relu_1" (layers[0]) gives (3, 8, 8)' in message


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"layers": 3}, "layers", "wrong-type"),
        ({"inputs": {1: {"shape": [3]}}}, "inputs", "wrong-type"),
        ({"inputs": {"x": [4]}}, "inputs.x", "wrong-type"),
    ],
)
def test_a_dict_may_hold_anything(change: dict[str, Any], path: str, code: str) -> None:
    found = problems_of(lambda: nnspec.check({**SPEC, **change}))
    assert (path, code) in [each[:2] for each in found]


def test_a_dict_that_holds_itself_is_refused() -> None:
    layer: dict[str, Any] = {"type": "dense", "units": 3}
    layer["activation"] = layer
    with pytest.raises(nnspec.SpecError):
        nnspec.check({**SPEC, "layers": [layer]})


def test_numbers_of_numpy_are_numbers() -> None:
    given = {
        "nnspec": 1,
        "name": "Net",
        "variables": {"width": np.int32(3)},
        "inputs": {"x": {"shape": np.array([4, 6])}},
        "layers": [
            {"type": "conv1d", "filters": np.int64(5), "kernel_size": [np.uint8(2)][0]},
            {"type": "dropout", "rate": np.float32(0.5)},
            {"type": "dense", "units": "${width}", "use_bias": np.bool_(False)},
            {"type": "constant", "value": np.ones((5, 3)), "inputs": "x"},
        ],
        "outputs": ["dense_1", "constant_1"],
    }
    spec = nnspec.check(given)
    dense = layers.Dense(units=np.int64(3), use_bias=np.bool_(False))
    pool = layers.MaxPooling2D(pool_size=(np.int64(2), 2))
    assert (dense.units, dense.use_bias, pool.pool_size) == (3, False, (2, 2))
    assert spec.graph.nodes[2].layer.units == 3  # type: ignore[union-attr]
    assert type(spec.graph.nodes[0].layer.filters) is int  # type: ignore[union-attr]
    assert nnspec.loads(spec.to_yaml()).sha256 == spec.sha256
    with pytest.raises(nnspec.SpecError, match="whole number"):
        layers.Dense(units=np.float64(3.5))


@pytest.mark.parametrize("key", ["repeat", "time_distributed", "unroll", "when"])
def test_a_key_of_calls_leads_to_call(key: str) -> None:
    with pytest.raises(nnspec.SpecError) as caught:
        layers.Conv2D(filters=2, kernel_size=3, **{key: True})  # type: ignore[arg-type]
    (problem,) = caught.value.problems
    assert problem.message == f"Conv2D has no `{key}`: nnspec.Call has it"
    assert problem.hint == f'write nnspec.Call(type="conv2d", ..., {key}=...)'
