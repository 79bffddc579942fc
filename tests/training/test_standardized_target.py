"""A regression that learns a standardised target answers in the units of its rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from script_cases import Case, first_weights, run, script_of, spec_of, trained, weights_of

import nnspec
from nnspec.data.preprocessing import Preprocessing
from nnspec.data.rows import load_data, read_rows
from nnspec.deploy.predicting import predict
from nnspec.errors import DataError, SpecError
from nnspec.network.loader import Spec, loads

PRICE, DEVIATION = 250_000.0, 90_000.0


def prices(folder: Path, *, standardize_target: bool, **training: Any) -> Spec:
    """Return the spec of a regression on prices, beside its rows."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, 3)).astype("float32")
    price = PRICE + DEVIATION * (x @ [0.8, -0.5, 0.3])
    np.savez(folder / "rows.npz", x=x, price=price)
    document = {
        "nnspec": 1,
        "name": "Prices",
        "inputs": {"x": {"shape": [3]}},
        "layers": [
            {"type": "dense", "units": 8, "activation": "tanh"},
            {"name": "price", "type": "dense", "units": 1},
        ],
        "data": {
            "source": "rows.npz",
            "features": {"x": "x"},
            "target": "price",
            "standardize_target": standardize_target,
        },
        "training": {
            "task": "regression",
            "optimizer": {"type": "adam", "learning_rate": 0.05},
            "epochs": 8,
            **training,
        },
    }
    return loads(json.dumps(document), path=folder / "net.json", is_json=True)


def test_a_standardised_target_is_learnt_where_a_raw_one_is_not(tmp_path: Path) -> None:
    for is_standardised in (False, True):
        spec = prices(tmp_path, standardize_target=is_standardised)
        folder = tmp_path / f"run_{is_standardised}"
        run_ = nnspec.train(spec, "torch", folder)
        last = run_.history[-1].values
        assert (last["val_r2"] > 0.9) == is_standardised
        model = tmp_path / "net.onnx"
        nnspec.export(spec, model, weights=run_.best)
        found = predict(model, tmp_path / "rows.npz")
        assert found.numbers is found.outputs["price"]
        # The metric of the run is that of what is served, in the same units.
        data = load_data(spec)
        with np.load(tmp_path / "rows.npz") as rows:
            price, x = rows["price"].reshape(-1, 1), rows["x"]
        best = run_.history[run_.best_epoch - 1].values
        assert data.validation is not None
        kept = np.array([(x == row).all(axis=1).argmax() for row in data.validation.inputs["x"]])
        error = float(np.abs(found.numbers[kept] - price[kept]).mean())
        assert error == pytest.approx(best["val_mae"], rel=1e-4)


def test_mean_and_deviation_are_those_of_the_training_rows(tmp_path: Path) -> None:
    data = load_data(prices(tmp_path, standardize_target=True))
    target = data.train.target.astype(float)
    assert data.train.target.dtype == np.float32
    assert abs(target.mean()) < 1e-6
    assert target.std() == pytest.approx(1, abs=1e-6)
    record = data.preprocessing
    assert record.target_mean is not None
    assert record.target_mean[0] == pytest.approx(PRICE, rel=0.1)
    assert Preprocessing.from_json(record.to_json()) == record
    raw = load_data(prices(tmp_path, standardize_target=False))
    assert np.allclose(record.restored(data.train.target), raw.train.target, rtol=1e-6)
    _, seen = read_rows(prices(tmp_path, standardize_target=True), tmp_path / "rows.npz")
    assert seen is not None
    assert abs(float(seen.mean())) < 1e-6


def test_a_target_that_never_changes_is_only_shifted(tmp_path: Path) -> None:
    spec = prices(tmp_path, standardize_target=True)
    with np.load(tmp_path / "rows.npz") as rows:
        x = rows["x"]
    np.savez(tmp_path / "rows.npz", x=x, price=np.full(len(x), 7.5))
    data = load_data(spec)
    assert (data.train.target == 0).all()
    assert data.preprocessing.target_scale == (1.0,)


def test_only_a_quantity_can_be_standardised(tmp_path: Path) -> None:
    text = (
        "nnspec: 1\nname: Net\ninputs: {x: {shape: [2]}}\n"
        "layers: [{type: dense, units: 1}, {type: sigmoid}]\n"
        "data: {source: a.csv, features: {x: '*'}, target: y, standardize_target: true}\n"
        "training: {task: binary}\n"
    )
    with pytest.raises(SpecError) as refused:
        nnspec.loads(text)
    (problem,) = refused.value.problems
    assert (problem.code, problem.mark and problem.mark.line) == ("not-trainable", 4)
    assert "binary" in problem.message
    nnspec.loads(text.replace("binary", "regression"))


@pytest.mark.parametrize(
    "change", [{"target_mean": [1.0]}, {"target_scale": [1.0]}, {"target_mean": [1.0, 2.0],
    "target_scale": [1.0]}, {"target_mean": [0.0], "target_scale": [0.0]}],
)  # fmt: skip
def test_a_record_whose_mean_and_scale_do_not_fit_is_refused(change: dict[str, Any]) -> None:
    record = {"inputs": {}, "task": "regression", "target": "y", **change}
    with pytest.raises(DataError, match="preprocessing record cannot be read"):
        Preprocessing.from_json(json.dumps(record))


def test_a_record_of_another_size_than_the_output_is_refused() -> None:
    record = Preprocessing(
        inputs={}, task="regression", target="y", target_mean=(1.0, 2.0), target_scale=(1.0, 1.0)
    )
    with pytest.raises(DataError, match="means of 2 elements"):
        record.restored(np.zeros((3, 1)))


# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning")
@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize(
    "case", [Case("csv", 2, "regression"), Case("npz", 3, "regression", 40)], ids=str
)
def test_scripts_learn_and_serve_what_train_does(case: Case, backend: str, tmp_path: Path) -> None:
    spec = spec_of(case, tmp_path, data={"standardize_target": True})
    module = script_of(spec, backend)
    output = tmp_path / ("out.safetensors" if backend == "torch" else "out.keras")
    if backend == "keras":
        import tensorflow as tf

        tf.config.run_functions_eagerly(True)
    try:
        run(module, "--weights", first_weights(spec, backend), "--output", output)
    finally:
        if backend == "keras":
            tf.config.run_functions_eagerly(False)
    ours = trained(spec, backend)
    theirs = weights_of(spec, backend, output)
    for name, array in ours.items():
        assert np.abs(array - theirs[name]).max() <= 1e-5 * max(1, np.abs(array).max()), name
    source = tmp_path / spec.model.data.source
    values, answers = module.predict(output, source)
    assert values is answers
    nnspec.export(spec, tmp_path / "net.onnx", weights=tmp_path / "run" / "best.safetensors")
    (wanted,) = predict(tmp_path / "net.onnx", source).outputs.values()
    assert np.abs(values - wanted).max() <= 1e-4
    if backend == "keras":
        import keras

        # The saved network gives the target's units by itself.
        saved = keras.saving.load_model(output)
        raw = module.read_inputs(
            module.read_rows(source), json.loads(Path(f"{output}.json").read_text())["inputs"],
            source,
        )  # fmt: skip
        given = saved.predict([*raw.values()], verbose=0)
        assert np.abs(given - wanted).max() <= 1e-3


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_the_metric_of_a_script_is_in_the_target_s_units(backend: str, tmp_path: Path) -> None:
    spec = prices(tmp_path, standardize_target=True, epochs=1)
    module = script_of(spec, backend)
    data, record = module.load_data(tmp_path / "rows.npz")
    x, target = data["validation"]
    program = nnspec.compile(spec, backend, training=True).build()
    output = program.forward({"x": x})["price"]
    wanted = float(np.abs(output - target).mean()) * record["target_scale"][0]
    if backend == "torch":
        import torch

        rows = (torch.from_numpy(x), torch.from_numpy(target))
        scale = torch.tensor(record["target_scale"])
        measured = module.evaluate(program.model, rows, scale)["mae"]
    else:
        network = module.compiled(program.model, np.reshape(record["target_scale"], [1]))
        network.run_eagerly = True
        measured = network.evaluate(x, target, verbose=0, return_dict=True)["mae"]
    assert measured == pytest.approx(wanted, rel=1e-4)
