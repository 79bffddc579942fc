"""What a Keras script prints of its validation rows: the metrics as nnspec defines them."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from script_cases import run, script_of

import nnspec

ROWS = 80
DRAW = np.random.default_rng(4)
X = DRAW.normal(size=(ROWS, 6, 6, 1)).astype("float32")
SCORE = X[:, :3].mean((1, 2, 3)) * 4
DAYS = 738_000 + 100 * SCORE[:, None]
SOFT = np.where(SCORE > 0, 0.9, 0.1)
KIND = np.digitize(SCORE, [-0.3, 0.3])
MIXED = {"augment": {"x": {"mixup": 0.4, "cutmix": 0.4}}}


def logit(output: Any) -> Any:
    return np.log(output / (1 - output))


def r2(target: Any, output: Any) -> float:
    """Return 1 - residual / total, the mean over the elements."""
    target, output = np.asarray(target, float), np.asarray(output, float)
    share = ((target - output) ** 2).sum(0) / ((target - target.mean(0)) ** 2).sum(0)
    return float(1 - share.mean())


def likely(target: Any, output: Any) -> float:
    return float(((target > 0.5) == (output > 0.5)).mean())


def classes(target: Any, output: Any) -> float:
    return float((output.argmax(-1) == target).mean())


CASES: dict[str, tuple[Any, dict[str, Any], list[Any], dict[str, Any], str, Any]] = {
    "shares": (SOFT, {"task": "binary"}, [{"type": "sigmoid"}], {}, "accuracy", likely),
    "classes of mixtures": (
        KIND, {"task": "multiclass"}, [{"type": "softmax"}], MIXED, "accuracy", classes,
    ),
    "mixtures of two": (
        (SCORE > 0).astype(int), {"task": "binary"}, [{"type": "sigmoid"}], MIXED, "accuracy",
        likely,
    ),
    "far from 0": (DAYS, {"task": "regression"}, [], {}, "r2", r2),
    "of two axes": (
        X[:, :2, :3, 0] + SCORE[:, None, None], {"task": "regression"},
        [{"type": "reshape", "shape": [2, 3]}], {}, "r2", r2,
    ),
}  # fmt: skip


# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", CASES)
def test_the_measures_of_validation_are_those_that_are_defined(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, training, last, more, metric, expected = CASES[name]
    units = {"shares": 1, "classes of mixtures": 3, "of two axes": 6}.get(name, 1)
    dense: dict[str, Any] = {"name": "score", "type": "dense", "units": units}
    if name == "far from 0":
        dense["bias_initializer"] = {"type": "constant", "value": 738_000.0}
    document = {
        "nnspec": 1,
        "name": "Net",
        "data_format": "channels_last",
        "inputs": {"x": {"shape": [6, 6, 1]}},
        "layers": [{"name": "flat", "type": "flatten"}, dense, *last],
        "data": {"source": "rows.npz", "features": {"x": "x"}, "target": "y", "validation": 0.4,
                 **more},
        "training": {
            **training, "epochs": 3, "batch_size": 16, "metrics": [metric],
            "optimizer": {"type": "adam", "learning_rate": 0.05},
        },
    }  # fmt: skip
    (tmp_path / "net.json").write_text(json.dumps(document))
    np.savez(tmp_path / "rows.npz", x=X, y=target)
    spec = nnspec.load(tmp_path / "net.json")
    module = script_of(spec, "keras")
    run(module, "--output", tmp_path / "net.keras")
    lines = capsys.readouterr().out.splitlines()
    (told,) = (line for line in lines if line.startswith("validation "))
    printed = ast.literal_eval(told.removeprefix("validation "))[metric]
    output, _ = module.predict(tmp_path / "net.keras", tmp_path / "rows.npz")
    # Which rows are for validation, by what they hold.
    rows, wanted = module.load_data(tmp_path / "rows.npz")[0]["validation"]
    kept = [int(np.argmax((row == X).all((1, 2, 3)))) for row in rows]
    assert printed == pytest.approx(
        expected(
            wanted,
            output[kept].reshape(
                wanted.shape
                + ((-1,) if metric == "accuracy" and wanted.ndim == 1 and units > 1 else ())
            ),
        ),
        abs=1e-5,
    )
    if metric == "accuracy":
        assert printed > 0.5
