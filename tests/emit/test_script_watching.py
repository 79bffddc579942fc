"""Scripts and runs that watch what is not defined for their rows are refused at their start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from script_cases import run, script_of

import nnspec
from nnspec.errors import UsageError
from nnspec.network.loader import Spec, loads

ROWS = 12


def spec_of(folder: Path, units: int, target: Any, training: dict[str, Any], **more: Any) -> Spec:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(ROWS, 2))
    np.savez(
        folder / "rows.npz", x=x, one=np.ones(ROWS), none=np.zeros(ROWS), two=np.arange(ROWS) % 2,
        zeros=1 - np.arange(ROWS) % 2,
    )  # fmt: skip
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"x": {"shape": [2]}},
        "layers": [{"name": "out", "type": "dense", "units": units},
                   {"name": "y", "type": "sigmoid" if units == 1 else "softmax"}],
        "data": {"source": "rows.npz", "features": {"x": "x"}, "target": target, **more},
        "training": {"epochs": 1, **training},
    }  # fmt: skip
    return loads(json.dumps(document), path=folder / "net.json", is_json=True)


BINARY: dict[str, Any] = {"task": "binary"}
CLASSES: dict[str, Any] = {"task": "multiclass"}
NAMED: dict[str, Any] = {"task": {"y": "multiclass"}}
PER_CLASS = {"type": "average_precision", "average": "per_class"}
WEIGHED = {"sample_weight": "zeros"}
"""Rows of class 1 count for nothing."""
IGNORED = {"type": "categorical_cross_entropy", "ignore_index": 1}
CASES: dict[str, tuple[Any, ...]] = {
    "auc": (1, "one", {**BINARY, "metrics": ["auc"], "keep": {"metric": "val_auc"}}),
    "precision": (
        1, "none",
        {**BINARY, "metrics": ["average_precision"], "stop": {"metric": "val_average_precision"}},
    ),
    "classes": (3, "one", {**CLASSES, "metrics": ["auc"], "keep": {"metric": "val_auc"}}),
    "class": (
        3, "two",
        {**CLASSES, "metrics": [PER_CLASS], "stop": {"metric": "val_average_precision_class_2"}},
    ),
    "named": (
        3, {"y": "one"}, {**NAMED, "metrics": ["auc"], "keep": {"metric": "val_y_auc"}},
    ),
    "weights": (1, "two", {**BINARY, "metrics": ["auc"], "keep": {"metric": "val_auc"}}, WEIGHED),
    "weights of names": (
        3, {"y": "two"}, {**NAMED, "metrics": ["auc"], "keep": {"metric": "val_y_auc"}}, WEIGHED,
    ),
    "ignored": (
        3, "two",
        {**CLASSES, "loss": IGNORED, "metrics": ["auc"], "keep": {"metric": "val_auc"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_rows_of_one_class_are_refused_where_a_curve_is_watched(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    units, target, training, *more = CASES[case]
    spec = spec_of(tmp_path, units, target, training, **(more[0] if more else {}))
    with pytest.raises(UsageError, match="not defined for the rows"):
        nnspec.train(spec, "torch", tmp_path / "run")
    for backend, suffix in {"torch": "safetensors", "keras": "keras"}.items():
        output = tmp_path / f"out.{suffix}"
        with pytest.raises(SystemExit) as ended:
            run(script_of(spec, backend), "--output", output)
        assert ended.value.code == 2
        assert "is not defined" in capsys.readouterr().err
        assert not output.exists()
