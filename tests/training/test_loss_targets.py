"""The targets that a loss takes: read, learnt and scripted, or refused with the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from script_cases import first_weights, require_weights_of_train, run, script_of

from nnspec.data.rows import load_data
from nnspec.data.target_domain import require_target
from nnspec.errors import DataError
from nnspec.language.losses import LOSSES
from nnspec.language.losses.targets import wanted
from nnspec.network.loader import Spec, loads
from tests.formatting import assert_clean

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]
ROWS = 20
DRAW = np.random.default_rng(3)
X = DRAW.normal(size=(ROWS, 4)).round(3)
SEQUENCE = DRAW.normal(size=(ROWS, 6, 2)).round(3)
IMAGE = DRAW.normal(size=(ROWS, 2, 4, 4)).round(3)
WORDS = DRAW.integers(0, 3, (ROWS, 6))
PADDED = np.where(np.arange(6) < DRAW.integers(1, 7, (ROWS, 1)), WORDS, -100)
PADDED[3] = -100
MASK = DRAW.integers(0, 2, (ROWS, 1, 4, 4))
VOID = np.where(DRAW.random(MASK.shape) < 0.2, 255, MASK)
PIXELS = DRAW.integers(0, 3, (ROWS, 4, 4))
SHARES = DRAW.dirichlet(np.ones(3), ROWS)
LABELS = np.array([[1, 2, -1], [2, -1, -1], [1, 1, 2], [-1, -1, -1]] * 5)


def _dense(units: int) -> list[dict[str, Any]]:
    return [{"type": "dense", "units": units}]


def _conv(filters: int) -> list[dict[str, Any]]:
    return [{"type": "conv2d", "filters": filters, "kernel_size": 1}]


def _two(units: int) -> list[dict[str, Any]]:
    return [
        {"name": "one", "type": "dense", "units": units, "inputs": "x"},
        {"name": "two", "type": "shared", "layer": "one", "inputs": "z"},
        {"type": "stack", "axis": 0, "inputs": ["one", "two"]},
    ]


VECTOR, TWO = {"x": X}, {"x": X, "z": X[::-1].copy()}
CASES: dict[str, tuple[dict[str, Any], list[dict[str, Any]], str, dict[str, Any], Any]] = {
    "classes of positions, padded": (
        {"x": SEQUENCE}, _dense(3), "multiclass",
        {"type": "categorical_cross_entropy", "ignore_index": -100, "label_smoothing": 0.1,
         "class_weights": [1.0, 2.0, 0.5]}, PADDED,
    ),
    "classes of pixels": (
        {"x": IMAGE}, _conv(3), "multiclass",
        {"type": "categorical_cross_entropy", "axis": 0}, PIXELS,
    ),
    "a probability per class of pixels": (
        {"x": IMAGE}, _conv(3), "multiclass",
        {"type": "categorical_cross_entropy", "axis": 0, "class_weights": [1.0, 2.0, 0.5]},
        np.moveaxis(DRAW.dirichlet(np.ones(3), (ROWS, 4, 4)), -1, 1).astype(np.float32),
    ),
    "a mask with a void": (
        {"x": IMAGE}, _conv(1), "binary",
        {"type": "binary_cross_entropy", "ignore_index": 255, "positive_weight": 3.0}, VOID,
    ),
    "a mask": ({"x": IMAGE}, _conv(1), "binary", {"type": "dice"}, MASK),
    "signs": (VECTOR, _dense(1), "binary", {"type": "hinge"}, 2 * MASK[:, 0, 0, 0] - 1),
    "signs by word": (
        VECTOR, _dense(1), "binary", {"type": "squared_hinge"},
        np.array(["no", "yes"])[MASK[:, 0, 0, 0]],
    ),
    "classes by word": (
        VECTOR, _dense(3), "multiclass", {"type": "categorical_hinge"},
        np.array(["a", "b", "c"])[np.arange(ROWS) % 3],
    ),
    "shares": (VECTOR, _dense(3), "multiclass", {"type": "kl_divergence"}, SHARES),
    "counts": (VECTOR, _dense(1), "regression", {"type": "poisson"}, WORDS[:, 0]),
    "halves": (VECTOR, _dense(4), "regression", {"type": "gaussian_nll"}, X[:, :2]),
    "alike or not": (
        TWO, _two(3), "regression", {"type": "contrastive"}, MASK[:, 0, 0, 0],
    ),
    "labels": ({"x": SEQUENCE}, _dense(3), "multiclass", {"type": "ctc"}, LABELS),
}  # fmt: skip
OF_TABLES = ("signs", "signs by word", "classes by word", "counts", "halves", "alike or not")
SEVERAL = ("halves",)
SUFFIX = {"torch": "safetensors", "keras": "keras"}


def spec_of(name: str, folder: Path, kind: str = "npz", target: Any = None) -> Spec:
    """Return the spec of a case, beside its rows."""
    arrays, layers, task, loss, wanted = CASES[name]
    wanted = wanted if target is None else target
    features: dict[str, Any] = {key: key for key in arrays}
    column: Any = "wanted"
    if kind == "npz":
        np.savez(folder / "rows.npz", **arrays, wanted=wanted)
    else:
        columns = {f"{key}_{i}": values[:, i] for key, values in arrays.items() for i in range(4)}
        features = {key: f"{key}_*" for key in arrays}
        if wanted.ndim > 1:
            columns |= {f"wanted_{i}": wanted[:, i] for i in range(wanted.shape[1])}
            column = ["wanted_*"]
        else:
            columns["wanted"] = wanted
        pl.DataFrame(columns).write_csv(folder / "rows.csv")
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {key: {"shape": values.shape[1:]} for key, values in arrays.items()},
        "layers": layers,
        "data": {
            "source": f"rows.{kind}",
            "features": features,
            "target": column,
            "validation": 0.25,
        },
        "training": {
            "task": task, "loss": loss, "batch_size": 4, "epochs": 2, "seed": 1,
            "optimizer": {"type": "sgd", "learning_rate": 0.05, "momentum": 0.9},
        },
    }  # fmt: skip
    return loads(json.dumps(document), path=folder / "net.json", is_json=True)


ALL = [(name, "npz") for name in CASES] + [(name, "csv") for name in OF_TABLES]
QUICK = {
    ("classes of positions, padded", "npz"),
    ("a probability per class of pixels", "npz"),
    ("a mask with a void", "npz"),
}


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize(
    ("name", "kind"),
    [pytest.param(*each, marks=() if each in QUICK else pytest.mark.slow) for each in ALL],
)
def test_a_script_with_the_loss_ends_with_the_weights_of_train(
    name: str, kind: str, backend: str, tmp_path: Path
) -> None:
    spec = spec_of(name, tmp_path, kind)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{SUFFIX[backend]}"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)
    module.predict(output, tmp_path / f"rows.{kind}")


def test_the_scripts_are_clean(tmp_path: Path) -> None:
    for name, kind in ALL:
        folder = tmp_path / f"{name} {kind}".replace(" ", "_").replace(",", "")
        folder.mkdir()
        spec = spec_of(name, folder, kind)
        for backend in SUFFIX:
            from nnspec.backend import Options, get_backend

            compiled = get_backend(backend).compile(spec, Options(training=True))
            compiled.write(folder / f"{backend}.py")
    assert_clean(tmp_path)


WRONG: dict[str, tuple[str, str, Any, str]] = {
    "a class that is none": (
        "classes of pixels", "npz", np.where(PIXELS == 2, 3, PIXELS),
        "is no target of the loss; a whole number from 0 to 2 is expected",
    ),
    "a class beside the ignored one": (
        "classes of positions, padded", "npz", np.where(PADDED == -100, -1, PADDED),
        "a whole number from 0 to 2, or -100 is expected",
    ),
    "half a class": (
        "classes of pixels", "npz", PIXELS + 0.5, "a whole number from 0 to 2 is expected",
    ),
    "two for a sign": ("signs", "csv", 2 + MASK[:, 0, 0, 0], "-1, 0 or 1 is expected"),
    "a share of a mask": ("a mask", "npz", MASK * 2, "a number from 0 to 1 is expected"),
    "less than no count": (
        "counts", "csv", WORDS[:, 0] - 1, "a number of at least 0 is expected",
    ),
    "no sum of 1": ("shares", "npz", SHARES / 2, "the sum of its probabilities, not 1"),
    "the blank among labels": (
        "labels", "npz", np.where(LABELS == 2, 0, LABELS),
        "a whole number from 0 to 2 but 0, or -1 to fill up is expected",
    ),
    "no sequence of labels": ("labels", "npz", WORDS[:, 0], "is expected"),
    "too few pixels": ("classes of pixels", "npz", PIXELS[:, :2], "is expected"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_another_target_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    case, kind, target, message = WRONG[name]
    spec = spec_of(case, tmp_path, kind, target=target)
    with pytest.raises(DataError) as caught:
        load_data(spec)
    assert message in str(caught.value)
    assert "rows." in str(caught.value)
    module = script_of(spec, "torch")
    with pytest.raises(ValueError, match=r"rows\."):
        module.load_data(tmp_path / f"rows.{kind}")


def test_a_program_refuses_what_its_loss_does_not_take(tmp_path: Path) -> None:
    for name, wrong in (
        ("classes of positions, padded", np.full((2, 6), -1)),
        ("signs", np.full((2, 1), 0.5)),
        ("counts", np.full((2, 1), -1.0)),
        ("labels", np.zeros((2, 3), dtype=int)),
        ("halves", np.full((2, 2), np.nan)),
    ):
        spec = spec_of(name, tmp_path)
        with pytest.raises(DataError, match="target, row 1"):
            require_target(spec, wrong)


def test_a_loss_that_takes_no_target_may_be_of_one_number() -> None:
    for loss in LOSSES.values():
        if loss.takes == "nothing":
            assert wanted(loss.model_validate({}), ())[0].shape == ()
