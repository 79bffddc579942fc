"""Networks that give the parameters of a distribution: what is predicted of them, in its units."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest
import yaml
from script_cases import first_weights, run, script_of, trained

import nnspec
from nnspec.data.preprocessing import Preprocessing
from nnspec.deploy.predicting import predict
from nnspec.errors import DataError, SpecError
from nnspec.network.loader import Spec, loads
from nnspec.weights.stored import load_weights

pytestmark = [
    # Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]
LOSSES: dict[str, tuple[Any, bool, list[str]]] = {
    "log variances": ("gaussian_nll", True, ["sales"]),
    "log variances, raw": ("gaussian_nll", False, ["sales"]),
    "variances of two": (
        {"type": "gaussian_nll", "log_variance": False, "epsilon": 0.05},
        True,
        ["sales", "stock"],
    ),
    "log variances of two": ("gaussian_nll", True, ["sales", "stock"]),
    "log rates": ("poisson", False, ["sales"]),
    "log rates of two": ("poisson", False, ["sales", "stock"]),
    "rates": ({"type": "poisson", "log_input": False}, False, ["sales"]),
}


def shop(folder: Path, loss: Any, targets: list[str], *, is_shifted: bool) -> Spec:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 3)).round(3)
    means = np.exp(1.5 + x @ [[0.3, 0.5], [-0.2, 0.1], [0.4, -0.3]])
    counts = rng.poisson(means).astype(float)
    columns = {f"x{i}": x[:, i] for i in range(3)}
    columns |= {name: counts[:, i] for i, name in enumerate(("sales", "stock"))}
    pl.DataFrame(columns).write_csv(folder / "shop.csv")
    is_normal = "gaussian_nll" in str(loss)
    document = {
        "nnspec": 1,
        "name": "Shop",
        "inputs": {"x": {"shape": [3]}},
        "layers": [
            {"type": "dense", "units": 6, "activation": "tanh"},
            {"name": "end", "type": "dense", "units": len(targets) * (2 if is_normal else 1)},
        ],
        "data": {
            "source": "shop.csv",
            "features": {"x": ["x?"]},
            "target": targets if len(targets) > 1 else targets[0],
            "standardize": True,
            **({"standardize_target": True} if is_shifted else {}),
        },
        "training": {"task": "regression", "loss": loss, "epochs": 3, "batch_size": 16, "seed": 1},
    }
    if str(loss).find("False") > 0:  # a rate or a variance of its own
        document["layers"].append({"name": "last", "type": "softplus"})
    return loads(yaml.safe_dump(document, sort_keys=False), path=folder / "net.yaml")


@pytest.mark.parametrize("what", LOSSES)
def test_what_is_predicted_is_in_the_units_of_the_file(what: str, tmp_path: Path) -> None:
    loss, is_shifted, targets = LOSSES[what]
    spec = shop(tmp_path, loss, targets, is_shifted=is_shifted)
    best = nnspec.train(spec, "torch", tmp_path / "run").best
    rows = pl.read_csv(tmp_path / "shop.csv")
    record = Preprocessing.from_json(load_weights(best).metadata["preprocessing"])
    nnspec.export(spec, tmp_path / "net.onnx", weights=best)
    found = predict(tmp_path / "net.onnx", tmp_path / "shop.csv")
    plain = _outputs(tmp_path / "net.onnx", record, rows)
    given = record.target_mean, record.target_scale
    wanted = plain if "rates" in what else plain[:, : len(targets)]
    if what.startswith("log rates"):
        wanted = np.exp(plain)
    if is_shifted:
        wanted = wanted * given[1] + given[0]
    assert found.numbers is not None
    np.testing.assert_allclose(found.numbers, wanted, rtol=1e-5)
    table = found.table()
    for i, name in enumerate(targets):
        np.testing.assert_allclose(table[name], wanted[:, i], rtol=1e-5)
    if "variances" in what:
        (end,) = found.outputs.values()
        spreads = plain[:, len(targets) :]
        scale = np.array(given[1]) if is_shifted else np.ones(len(targets))
        spreads = spreads + 2 * np.log(scale) if "log" in what else spreads * scale**2
        np.testing.assert_allclose(end[:, len(targets) :], spreads, rtol=1e-5, atol=1e-6)

    nnspec.export(spec, tmp_path / "whole.onnx", weights=best, preprocessing=True)
    session = onnxruntime.InferenceSession(tmp_path / "whole.onnx")
    named = {each.name: i for i, each in enumerate(session.get_outputs())}
    columns = {f"x{i}": rows[f"x{i}"].to_numpy() for i in range(3)}
    results = session.run(None, columns)
    answer = "end" if what == "rates" else "sales" if len(targets) == 1 else "end_answer"
    answer = "last" if what == "rates" else answer.replace("end", session.get_outputs()[0].name)
    np.testing.assert_allclose(results[named[answer]], wanted, rtol=1e-5)
    whole = predict(tmp_path / "whole.onnx", tmp_path / "shop.csv")
    assert whole.table().columns == table.columns
    for name in table.columns:
        np.testing.assert_allclose(whole.table()[name], table[name], rtol=1e-5, atol=1e-6)


def _outputs(path: Path, record: Preprocessing, rows: pl.DataFrame) -> np.ndarray:
    """Return what the network gives, as it learnt it."""
    inputs = record.apply(rows)
    session = onnxruntime.InferenceSession(path)
    (found,) = session.run(None, inputs)
    return np.asarray(found, np.float64)


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("what", ["log variances of two", "variances of two", "log rates"])
def test_scripts_measure_save_and_predict_so(what: str, backend: str, tmp_path: Path) -> None:
    loss, is_shifted, targets = LOSSES[what]
    spec = shop(tmp_path, loss, targets, is_shifted=is_shifted)
    module = script_of(spec, backend)
    output = tmp_path / ("out.safetensors" if backend == "torch" else "out.keras")
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    values, answers = module.predict(output, tmp_path / "shop.csv")
    trained(spec, backend)
    nnspec.export(spec, tmp_path / "net.onnx", weights=tmp_path / "run" / "best.safetensors")
    found = predict(tmp_path / "net.onnx", tmp_path / "shop.csv")
    (wanted,) = found.outputs.values()
    assert found.numbers is not None
    np.testing.assert_allclose(values, wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(answers, found.numbers, rtol=1e-4, atol=1e-4)
    report = nnspec.verify(spec, backends=("torch", "keras"), steps=1)
    assert not report.failures(), report.to_json()


def test_numbers_of_at_least_0_are_not_standardised(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="the loss poisson takes no numbers below 0"):
        shop(tmp_path, "poisson", ["sales"], is_shifted=True)


@pytest.mark.parametrize("change", [{"output_mean": [1.0]}, {"gives": "guesses"}])
def test_a_record_that_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    record = {"inputs": {}, "task": "regression", "target": "y", **change}
    with pytest.raises(DataError, match="preprocessing record cannot be read"):
        Preprocessing.from_json(json.dumps(record))
