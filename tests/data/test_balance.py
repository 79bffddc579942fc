"""Rows that weigh by how rare their class is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from script_cases import script_of
from sklearn.utils.class_weight import compute_sample_weight

import nnspec
from nnspec.data.folding import Fold
from nnspec.data.rows import load_data, read_rows
from nnspec.data.weighting import parted
from nnspec.errors import DataError, SpecError
from nnspec.network.loader import Spec, load, loads

COUNT = 60
SPEC = """\
nnspec: 1
name: Rare
inputs: {{x: {{shape: [2]}}}}
layers:
  - {{name: scores, type: dense, units: 3}}
  - {{name: shares, type: softmax}}
training: {{task: multiclass, optimizer: sgd, epochs: 2, batch_size: 16}}
data: {{source: {source}, features: {{x: {features}}}, target: kind, {more}}}
"""


def spec_of(
    folder: Path, suffix: str, more: str = "balance: kind, split: {stratify: kind}"
) -> Spec:
    draw = np.random.default_rng(2)
    kinds = np.repeat([0, 1, 2], [44, 11, 5])[draw.permutation(COUNT)]
    values = draw.normal(size=(COUNT, 2))
    if suffix == "npz":
        np.savez(folder / "rows.npz", x=values, kind=kinds)
    else:
        words = ["often", "seldom", "rare"]
        table = pl.DataFrame({"a": values[:, 0], "b": values[:, 1]})
        table = table.with_columns(kind=pl.Series([words[kind] for kind in kinds]))
        (table.write_csv if suffix == "csv" else table.write_parquet)(folder / f"rows.{suffix}")
    features = "x" if suffix == "npz" else "[a, b]"
    path = folder / "rare.yaml"
    path.write_text(SPEC.format(source=f"rows.{suffix}", features=features, more=more))
    return load(path)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npz"])
def test_rows_weigh_as_scikit_learn_balances_them(suffix: str, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, suffix)
    data = load_data(spec)
    weight = data.train.weight
    assert weight is not None
    np.testing.assert_allclose(weight, compute_sample_weight("balanced", data.train.target), 1e-6)
    by_class = [weight[data.train.target == kind].sum() for kind in range(3)]
    np.testing.assert_allclose(by_class, by_class[0], rtol=1e-5)
    assert data.validation is not None
    assert data.validation.weight is not None
    seen = dict(zip(data.train.target.tolist(), weight.tolist(), strict=True))
    assert data.validation.weight.tolist() == [
        seen[kind] for kind in data.validation.target.tolist()
    ]
    taken, _ = script_of(spec, "torch").load_data(tmp_path / f"rows.{suffix}")
    np.testing.assert_array_equal(taken["train"][-1], weight)
    np.testing.assert_array_equal(taken["validation"][-1], data.validation.weight)


def test_both_frameworks_train_by_these_weights(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "csv")
    found = {
        backend: nnspec.train(spec, backend, tmp_path / backend, dtype="float64").history[-1].values
        for backend in ("torch", "keras")
    }
    assert found["torch"] == pytest.approx(found["keras"], rel=1e-6)
    plain = nnspec.train(spec_of(tmp_path, "csv", "split: {stratify: kind}"), "torch",
                         tmp_path / "plain", dtype="float64")  # fmt: skip
    assert plain.history[-1].values["loss"] != pytest.approx(found["torch"]["loss"], rel=1e-3)


def test_rows_of_another_file_are_balanced_among_themselves(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "csv")
    _, target = read_rows(spec, tmp_path / "rows.csv")
    values, weight = parted(target)
    assert weight is not None
    np.testing.assert_allclose(weight, compute_sample_weight("balanced", values), 1e-6)


def test_a_class_that_no_training_row_has_is_told(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "csv", "balance: kind, split: {time: a}, validation: 0.5")
    table = pl.read_csv(tmp_path / "rows.csv").sort("a")
    kinds = ["often", "seldom"] * 21 + ["rare"] * (COUNT - 42)
    table.with_columns(kind=pl.Series(kinds)).write_csv(tmp_path / "rows.csv")
    with pytest.raises(DataError, match='column "kind", row 43: the value is in no training row'):
        load_data(spec)
    with pytest.raises(ValueError, match="a value of kind is in no training row"):
        script_of(spec, "torch").load_data(tmp_path / "rows.csv")


def test_weights_and_balance_are_not_both(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="`sample_weight` or by `balance`, not both"):
        spec_of(tmp_path, "csv", "balance: kind, sample_weight: a")
    with pytest.raises(DataError, match='there is no column "kinds"'):
        load_data(spec_of(tmp_path, "csv", "balance: kinds"))


def test_rows_that_are_in_no_part_of_a_fold_need_no_weight(tmp_path: Path) -> None:
    """In time, rows after the fold that is validated on are in none."""
    rows = [{"day": i, "x": i / 9, "kind": ["a", "b"][i % 2] if i < 40 else "c"} for i in range(60)]
    pl.DataFrame(rows).write_csv(tmp_path / "rows.csv")
    text = (
        "nnspec: 1\nname: N\ninputs: {x: {shape: [1]}}\n"
        "layers: [{type: dense, units: 3}, {type: softmax}]\n"
        "training: {task: multiclass}\n"
        "data: {source: rows.csv, features: {x: x}, target: kind, balance: kind, "
        "split: {time: day}}\n"
    )
    spec = loads(text, path=tmp_path / "net.yaml")
    found = load_data(spec, Fold(0, 5))
    assert found.train.weight is not None
    assert found.train.weight.mean() == pytest.approx(1)
    with pytest.raises(DataError, match=r'column "kind", row 41: the value is in no training row'):
        load_data(spec, Fold(3, 5))
