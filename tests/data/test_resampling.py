"""Rows that an epoch draws so that classes are met equally often, and rows whose part is named."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from script_cases import script_of

import nnspec
from nnspec.data.folding import Fold
from nnspec.data.resampling import drawn
from nnspec.data.rows import load_data
from nnspec.errors import DataError, SpecError, UsageError
from nnspec.network.loader import Spec, load

COUNT = 120
SPEC = """\
nnspec: 1
name: Rare
inputs: {{x: {{shape: [2]}}}}
layers:
  - {{name: scores, type: dense, units: 3}}
  - {{name: shares, type: softmax}}
training: {{task: multiclass, optimizer: sgd, epochs: 2, batch_size: 16{training}}}
data: {{source: {source}, features: {{x: {features}}}, target: kind, {more}}}
"""
PARTS = "split: {part: fold, validation: val, test: held}"


def spec_of(folder: Path, suffix: str, more: str = "resample: kind", *, training: str = "") -> Spec:
    path = folder / "rare.yaml"
    features = "x" if suffix == "npz" else "[a, b]"
    source = f"rows.{suffix}"
    path.write_text(SPEC.format(source=source, features=features, more=more, training=training))
    return load(path)


def write(folder: Path, suffix: str, table: pl.DataFrame | None = None) -> None:
    table = rows() if table is None else table
    path = folder / f"rows.{suffix}"
    if suffix == "npz":
        words = {name: table[name].to_numpy().astype(str) for name in ("fold", "kind")}
        numbers = np.unique(words["kind"], return_inverse=True)[1]
        np.savez(path, x=table.select("a", "b").to_numpy(), fold=words["fold"], kind=numbers)
    elif suffix == "jsonl":
        table.write_ndjson(path)
    else:
        (table.write_csv if suffix == "csv" else table.write_parquet)(path)


def rows() -> pl.DataFrame:
    draw = np.random.default_rng(2)
    kinds = np.repeat(["often", "seldom", "rare"], [90, 24, 6])[draw.permutation(COUNT)]
    folds = np.repeat(["train", "val", "held"], [80, 25, 15])[draw.permutation(COUNT)]
    values = draw.normal(size=(COUNT, 2))
    return pl.DataFrame({"a": values[:, 0], "b": values[:, 1], "kind": kinds, "fold": folds})


def test_each_value_and_each_row_of_it_has_its_share() -> None:
    kinds = np.repeat([0, 1, 2], [700, 60, 7])
    for epoch in (1, 2):
        found = drawn(kinds, 3, epoch)
        assert len(found) == len(kinds)
        of_kind = np.bincount(kinds[found])
        assert of_kind.max() - of_kind.min() <= 1
        for kind in range(3):
            times = Counter(dict.fromkeys(np.flatnonzero(kinds == kind).tolist(), 0))
            times.update(found[kinds[found] == kind].tolist())
            assert max(times.values()) - min(times.values()) <= 1
    first, second = drawn(kinds, 3, 1), drawn(kinds, 3, 2)
    assert not np.array_equal(first, second)
    assert set(first[kinds[first] == 0].tolist()) != set(second[kinds[second] == 0].tolist())
    # A batch has all kinds in their shares, as rows are drawn: none comes at the end.
    halves = kinds[first][: len(kinds) // 2]
    assert np.bincount(halves, minlength=3).min() > len(halves) / 4


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl", "npz"])
def test_a_script_draws_the_rows_that_nnspec_draws(suffix: str, tmp_path: Path) -> None:
    write(tmp_path, suffix)
    spec = spec_of(tmp_path, suffix, f"resample: kind, {PARTS}")
    data = load_data(spec)
    assert data.kinds is not None
    module = script_of(spec, "torch")
    taken, _, kinds = module.load_data(tmp_path / f"rows.{suffix}")
    for name, part in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        assert part is not None
        np.testing.assert_array_equal(taken[name][0], part.inputs["x"])
        np.testing.assert_array_equal(taken[name][-1], part.target)
    for epoch in (1, 2):
        theirs = np.concatenate([*module.batches(kinds, epoch)])
        np.testing.assert_array_equal(theirs, drawn(data.kinds, 0, epoch))
    seen = Counter(data.train.target[theirs].tolist())
    assert max(seen.values()) - min(seen.values()) <= 1


def test_both_frameworks_train_on_them_and_go_on_where_they_were(tmp_path: Path) -> None:
    write(tmp_path, "csv")
    spec = spec_of(tmp_path, "csv", "resample: kind")
    found = {
        backend: nnspec.train(spec, backend, tmp_path / backend, dtype="float64")
        for backend in ("torch", "keras")
    }
    values = {backend: run.history[-1].values for backend, run in found.items()}
    assert values["torch"] == pytest.approx(values["keras"], rel=1e-6)
    nnspec.train(spec, "torch", tmp_path / "broken", dtype="float64", epochs=1)
    again = nnspec.train(spec, "torch", tmp_path / "broken", resume=True)
    assert again.history[-1].values == values["torch"]
    plain = nnspec.train(spec_of(tmp_path, "csv", ""), "torch", tmp_path / "plain")
    assert plain.history[-1].values["loss"] != pytest.approx(values["torch"]["loss"], rel=1e-3)
    with pytest.raises(UsageError, match=r"data\.resample was"):
        nnspec.train(spec_of(tmp_path, "csv", ""), "torch", tmp_path / "broken", resume=True)


@pytest.mark.parametrize(
    ("more", "training", "told"),
    [
        ("resample: kind, balance: kind", "", "by weights .* or by draws"),
        ("resample: kind", ", shuffle: false", "takes them as they are"),
        ("split: {part: fold}", "", "which value of it"),
        ("split: {part: fold, validation: a, test: a}", "", "which value of it"),
        ("split: {group: fold, test: a}", "", "are values of the column of `part`"),
        (f"{PARTS}, test: 0.2", "", "write `test` within `split`"),
    ],
)
def test_what_does_not_go_together_is_told(
    more: str, training: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match=told):
        spec_of(tmp_path, "csv", more, training=training)


WRONG = {
    "no such value": ({"val": "train"}, 'no row has the value "val" in "fold"'),
    "two values": ({"held": "extra"}, 'no row has the value "held"'),
    "a misspelt one": ({2: "trian"}, 'rows with "train", "trian" are left to train on'),
    "a missing one": ({2: None}, 'line 4: column "fold", row 3: the value is missing'),
    "none to train on": ({"train": "val"}, "no row is left to train on"),
}
LIKE = {
    **dict.fromkeys(["no such value", "two values"], "no row has the value"),
    **dict.fromkeys(["a misspelt one", "none to train on"], "rows of one value of fold train"),
    "a missing one": "the value is missing",
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_part_is_told(case: str, tmp_path: Path) -> None:
    changes, told = WRONG[case]
    table = rows()
    for at, value in changes.items():
        if isinstance(at, int):
            table[at, "fold"] = value
        else:
            table = table.with_columns(pl.col("fold").replace({at: value}))
    write(tmp_path, "csv", table)
    spec = spec_of(tmp_path, "csv", PARTS)
    with pytest.raises(DataError, match=told):
        load_data(spec)
    with pytest.raises(ValueError, match=LIKE[case]):
        script_of(spec, "torch").load_data(tmp_path / "rows.csv")


def test_rows_that_train_and_are_measured_are_told(tmp_path: Path) -> None:
    write(tmp_path, "csv")
    assert load_data(spec_of(tmp_path, "csv", PARTS)).notes == ()
    table = rows()
    known = table.filter(pl.col("fold") == "train").head(2).with_columns(fold=pl.lit("held"))
    write(tmp_path, "csv", pl.concat([table, known]))
    (note,) = load_data(spec_of(tmp_path, "csv", PARTS)).notes
    assert "2 of 17 test rows are also for training" in note


def test_a_pattern_takes_no_part_and_folds_are_refused(tmp_path: Path) -> None:
    numbered = pl.col("fold").replace(["train", "val", "held"], ["0", "1", "2"])
    write(tmp_path, "csv", rows().with_columns(numbered))
    split = "split: {part: fold, validation: '1'}"
    with pytest.raises(DataError, match='rows with "0", "2" are left to train on'):
        load_data(spec_of(tmp_path, "csv", split))
    spec = spec_of(tmp_path, "csv", "split: {part: fold, validation: '1', test: '2'}")
    assert load_data(spec).train.inputs["x"].shape == (80, 2)
    with pytest.raises(UsageError, match="folds draw them"):
        load_data(spec, Fold(0, 3))
