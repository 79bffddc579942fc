"""Windows over the rows of series: which rows each has, in which part, in a script and in ONNX."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from script_cases import script_of

import nnspec
from nnspec.data import windowed
from nnspec.data.folding import Fold
from nnspec.data.rows import load_data
from nnspec.errors import DataError, SpecError
from nnspec.network.loader import Spec, load

SPEC = """\
nnspec: 1
name: Buoys
inputs: {{past: {{shape: [{steps}, {width}]}}}}
layers:
  - {{name: memory, type: gru, units: 3}}
{layers}
training: {{task: {task}, epochs: 1, batch_size: 16}}
data:
  source: {source}
  features: {{past: {features}}}
  {target}
  validation: 0.25
  test: 0.2
  windows: {windows}
"""
PARTS = ("train", "validation", "test")
SIZES = {"north": 40, "south": 31}
STEPS = 5


def rows() -> pl.DataFrame:
    """Return two series, their rows drawn among one another; `x` numbers the rows in time."""
    draw = np.random.default_rng(11)
    made = [
        {
            "place": place,
            "minute": f"2024-02-{1 + i // 20:02} 10:{3 * (i % 20):02}",
            "at": i / 4,
            "x": i + 100 * number,
            "z": i + 100 * number,
            "y": round(float(draw.normal()), 3),
            "sky": ["clear", "fog", "rain"][int(draw.integers(3))],
        }
        for number, (place, size) in enumerate(SIZES.items())
        for i in range(size)
    ]
    return pl.DataFrame([made[i] for i in draw.permutation(len(made))])


def written(folder: Path, suffix: str, table: pl.DataFrame | None = None) -> str:
    table = rows() if table is None else table
    path = folder / f"rows.{suffix}"
    dated = table.with_columns(pl.col("minute").str.to_datetime("%Y-%m-%d %H:%M"))
    if suffix == "csv":
        table.write_csv(path)
    elif suffix == "jsonl":
        table.write_ndjson(path)
    elif suffix == "parquet":
        dated.write_parquet(path)
    else:
        columns = {name: table[name].to_numpy() for name in ("at", "x", "y", "z")}
        np.savez(
            path,
            past=table.select("x", "y").to_numpy(),
            place=table["place"].to_numpy().astype(str),
            minute=dated["minute"].to_numpy(),
            sky=table["sky"].to_numpy().astype(str),
            **columns,
        )
    return path.name


DENSE = "  - {{name: ahead, type: dense, units: {units}{more}}}"


def spec_of(
    folder: Path,
    windows: str,
    *,
    source: str = "rows.csv",
    features: str = "[x, y]",
    target: str = "target: y",
    task: str = "regression",
    layers: str = DENSE.format(units=1, more=""),
    width: int = 2,
    more: str = "",
) -> Spec:
    path = folder / "buoys.nnspec.yaml"
    text = SPEC.format(
        steps=STEPS, width=width, layers=layers, task=task, source=source, features=features,
        target=target, windows=windows,
    )  # fmt: skip
    path.write_text(text + more)
    return load(path)


THREE = DENSE.format(units=3, more="")
CLASSES = DENSE.format(units=3, more=", activation: softmax")
WAYS: dict[str, dict[str, Any]] = {
    "as they are": {"windows": "{}"},
    "series": {"windows": "{series: place, stride: 2}"},
    "numbers": {"windows": "{series: place, order: at, gap: 2}"},
    "dates": {"windows": "{series: place, order: minute}"},
    "text": {"windows": "{series: place, order: minute, format: '%Y-%m-%d %H:%M'}"},
    "horizon": {"windows": "{series: place, order: at, horizon: 3}", "layers": THREE},
    "standardised": {
        "windows": "{series: place, order: at, horizon: 3, gap: 1}",
        "layers": THREE,
        "more": "  standardize: true\n  standardize_target: true\n",
    },
    "classes": {
        "windows": "{series: place, order: at, horizon: 0, stride: 3}",
        "target": "target: sky",
        "task": "multiclass",
        "layers": CLASSES,
    },
    "classes ahead": {
        "windows": "{series: place, order: at, horizon: 2}",
        "target": "target: sky",
        "task": "multiclass",
        "layers": "  - {name: wide, type: dense, units: 6}\n"
        "  - {name: folded, type: reshape, shape: [2, 3]}\n"
        "  - {name: kind, type: softmax}",
    },
    "several targets": {
        "windows": "{series: place, order: at, horizon: 2}",
        "target": "target: [x, y]",
        "layers": "  - {name: wide, type: dense, units: 4}\n"
        "  - {name: folded, type: reshape, shape: [2, 2]}",
    },
    "groups": {
        "windows": "{order: minute, format: '%Y-%m-%d %H:%M', series: place}",
        "more": "  split: {group: place}\n",
    },
    "another time": {
        "windows": "{series: place}",
        "more": "  split: {time: at}\n",
    },
    "autoencoder": {
        "windows": "{series: place, order: at, stride: 2}",
        "target": "standardize: true",
        "task": "autoencoder",
        "layers": "  - {name: wide, type: dense, units: 10}\n"
        "  - {name: again, type: reshape, shape: [5, 2]}",
    },
    "patterns": {
        "windows": "{series: place, order: at}",
        "features": "[y, 'x*']",
    },
    "prepared": {
        "windows": "{series: place, order: minute, format: '%Y-%m-%d %H:%M', horizon: 3}",
        "features": "[sky, y, minute]",
        "layers": THREE,
        "width": 6,
        "more": "  standardize: true\n  prepare:\n    sky: {categories: one_hot}\n"
        "    minute: {date: [minute], cyclic: true, format: '%Y-%m-%d %H:%M'}\n",
    },
}
TABLES = ("csv", "jsonl", "parquet")


def cases() -> list[tuple[str, str]]:
    found = []
    for suffix, way in itertools.product((*TABLES, "npz"), WAYS):
        has_text = "format" in str(WAYS[way])
        if way in ("several targets", "patterns", "prepared", "groups") and suffix == "npz":
            continue
        if has_text and suffix in ("parquet", "npz"):
            continue
        if way == "dates" and suffix in ("csv", "jsonl"):
            continue
        found.append((suffix, way))
    return found


def given_of(way: str, suffix: str) -> dict[str, Any]:
    given = dict(WAYS[way])
    if suffix == "npz":
        given["features"] = "past"
    return {"source": f"rows.{suffix}", **given}


@pytest.mark.parametrize(("suffix", "way"), cases())
def test_a_script_makes_the_windows_that_nnspec_does(suffix: str, way: str, tmp_path: Path) -> None:
    table = rows()
    if way == "groups":  # a series more, so that each part has one
        north = table.filter(pl.col("place") == "north")
        table = pl.concat([table, north.with_columns(place=pl.lit("west"))])
    written(tmp_path, suffix, table)
    spec = spec_of(tmp_path, **given_of(way, suffix))
    data = load_data(spec)
    taken, record = script_of(spec, "torch").load_data(tmp_path / f"rows.{suffix}")
    assert set(taken) == {"train", "validation", "test"}
    for name in PARTS:
        part = getattr(data, name)
        inputs, target = taken[name]
        assert np.array_equal(part.inputs["past"], inputs)
        assert part.inputs["past"].dtype == inputs.dtype
        assert np.array_equal(part.target, target)
        assert part.target.dtype == target.dtype
    ours = data.preprocessing.model_dump(exclude_none=True)
    assert ours["windows"] == record["windows"]
    assert ours["inputs"]["past"]["steps"] == STEPS


def by_hand(table: pl.DataFrame, horizon: int, gap: int, stride: int) -> set[tuple[int, ...]]:
    """Return the windows and what follows them, as the numbers `x` of their rows."""
    found = set()
    for place in SIZES:
        numbers = table.filter(pl.col("place") == place).sort("at")["x"].to_list()
        reach = gap + horizon if horizon else 0
        for start in range(0, len(numbers) - STEPS - reach + 1, stride):
            window = numbers[start : start + STEPS]
            ahead = numbers[start + STEPS + gap : start + STEPS + gap + horizon]
            found.add((*window, *(ahead or window[-1:])))
    return found


@pytest.mark.parametrize(("horizon", "gap", "stride"), [(1, 0, 1), (3, 2, 1), (0, 0, 4), (2, 0, 3)])
def test_windows_are_consecutive_rows_of_one_series(
    horizon: int, gap: int, stride: int, tmp_path: Path
) -> None:
    written(tmp_path, "csv")
    windows = f"{{series: place, order: at, horizon: {horizon}, gap: {gap}, stride: {stride}}}"
    layers = DENSE.format(units=max(horizon, 1), more="")
    data = load_data(spec_of(tmp_path, windows, layers=layers, target="target: z"))
    expected, found = by_hand(rows(), horizon, gap, stride), []
    for name in PARTS:
        part = getattr(data, name)
        seen = part.inputs["past"][:, :, 0].astype(int)
        aims = part.target.reshape(len(part), -1).astype(int)
        found += [tuple(map(int, each)) for each in np.concatenate([seen, aims], axis=1)]
    assert len(set(found)) == len(found)
    assert set(found) <= expected
    left = len(expected) - len(found)
    told = [note for note in data.notes if "in no part" in note]
    assert told == [] if not left else f"{left} of {len(expected)} windows" in told[0]


@pytest.mark.parametrize("horizon", [0, 1, 3])
def test_nothing_that_is_measured_on_was_learnt_from(horizon: int, tmp_path: Path) -> None:
    written(tmp_path, "csv")
    windows = f"{{series: place, order: at, horizon: {horizon}}}"
    layers = DENSE.format(units=max(horizon, 1), more="")
    data = load_data(spec_of(tmp_path, windows, layers=layers, target="target: z"))
    seen, aims = {}, {}
    for name in PARTS:
        part = getattr(data, name)
        seen[name] = {int(each) for each in part.inputs["past"][:, :, 0].reshape(-1)}
        aims[name] = {int(each) for each in np.asarray(part.target).reshape(-1)}
    for earlier, later in itertools.combinations(PARTS, 2):
        assert not (seen[earlier] | aims[earlier]) & aims[later]
        if not horizon:
            assert not seen[earlier] & seen[later]
        # In time, of both series at once.
        assert max(each % 100 for each in aims[earlier]) < min(each % 100 for each in aims[later])


def test_what_is_learnt_of_columns_is_of_windows_of_training(tmp_path: Path) -> None:
    table = rows().with_columns(
        y=pl.when(pl.col("at") > 7).then(pl.lit(1e6)).otherwise(pl.col("y"))
    )
    written(tmp_path, "csv", table)
    spec = spec_of(
        tmp_path, "{series: place, order: at}", target="target: z", more="  standardize: true\n"
    )
    data = load_data(spec)
    mean = data.preprocessing.inputs["past"].mean
    seen = np.unique(data.train.inputs["past"][:, :, 1])
    assert mean is not None
    assert abs(mean[1]) < 1
    assert np.abs(seen).max() < 10


def test_a_step_that_is_left_out_is_told(tmp_path: Path) -> None:
    table = rows().filter((pl.col("place") != "north") | (pl.col("at") != 2.5))
    windows = "{series: place, order: minute, format: '%Y-%m-%d %H:%M'}"
    written(tmp_path, "csv", table)
    (note,) = [note for note in load_data(spec_of(tmp_path, windows)).notes if "usual" in note]
    # The twentieth minute of a day is the last: the next day begins much later.
    assert '3 of 68 steps of "minute" are not the usual one of 0:03:00' in note
    written(tmp_path, "csv")
    even = load_data(spec_of(tmp_path, "{series: place, order: at}"))
    assert not any("usual" in note for note in even.notes)


def test_many_windows_are_cut_for_each_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "csv")
    spec = spec_of(tmp_path, **given_of("prepared", "csv"))
    held = nnspec.train(spec, "torch", tmp_path / "held", dtype="float64")
    whole = tmp_path / "whole.onnx"
    nnspec.export(spec, whole, weights=held.best, preprocessing=True)
    expected = nnspec.predict(whole, tmp_path / "rows.csv").table()
    monkeypatch.setattr(windowed, "HELD", 0)
    assert load_data(spec).train.is_lazy
    cut = nnspec.train(spec, "torch", tmp_path / "cut", dtype="float64")
    assert [epoch.values for epoch in held.history] == [epoch.values for epoch in cut.history]
    assert nnspec.predict(whole, tmp_path / "rows.csv").table().equals(expected)
    report = nnspec.verify(
        spec, data=tmp_path / "rows.csv", exporters=False, backends=["torch", "onnx"]
    )
    assert report.passed


def test_a_number_that_a_table_does_not_hold_is_told_by_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = rows().with_columns(x=pl.when(pl.col("x") == 117).then(7).otherwise(pl.col("x") % 5))
    written(tmp_path, "csv", table)
    layers = "  - {name: none, type: dense, units: 1}"
    text = SPEC.format(
        steps=STEPS, width=1, layers=layers, task="regression", source="rows.csv", features="x",
        target="target: y", windows="{series: place, order: at}",
    )  # fmt: skip
    path = tmp_path / "ids.nnspec.yaml"
    text = text.replace("shape: [5, 1]", "shape: [5], dtype: int64").replace(
        "{name: memory, type: gru, units: 3}",
        "{name: words, type: embedding, input_dim: 5, output_dim: 2}\n"
        "  - {name: flat, type: flatten}",
    )
    path.write_text(text)
    row = 1 + table["x"].to_list().index(7)
    for held in (2**29, 0):
        monkeypatch.setattr(windowed, "HELD", held)
        with pytest.raises(DataError, match=f'column "x", row {row}: 7 is not within 0 to 4'):
            load_data(load(path))


def test_folds_of_windows_go_forward_in_time(tmp_path: Path) -> None:
    written(tmp_path, "csv")
    spec = spec_of(tmp_path, "{series: place, order: at}", target="target: z")
    for number in range(3):
        data = load_data(spec, Fold(number, 3))
        assert data.validation is not None
        assert data.notes == ()
        learnt = max(int(each) % 100 for each in data.train.target.reshape(-1))  # type: ignore[union-attr]
        assert learnt < min(int(each) % 100 for each in data.validation.target.reshape(-1))  # type: ignore[union-attr]


WRONG = {
    "one time": ("{order: at}", 'have the same "at"; `windows.series` names the column'),
    "no column": ("{series: plce, order: at}", 'there is no column "plce"; did you mean "place"?'),
    "no date": (
        "{series: place, order: minute, format: '%d/%m/%Y'}",
        'column "minute", row 1',
    ),
    "text": ("{series: place, order: minute}", "of dates that are text say the `format`"),
    "short": (
        "{series: place, order: at, gap: 30}",
        'the series "south" has 31 rows (its first is row',
    ),
    "no room": (
        "{series: place, order: at, gap: 14}",
        "no window is within",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_rows_that_make_no_windows_are_refused(case: str, tmp_path: Path) -> None:
    written(tmp_path, "csv")
    windows, message = WRONG[case]
    spec = spec_of(tmp_path, windows)
    with pytest.raises(DataError) as found:
        load_data(spec)
    assert message in str(found.value)
    with pytest.raises(ValueError, match=r"rows|column|window"):
        script_of(spec, "torch").load_data(tmp_path / "rows.csv")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "gap": ({"windows": "{horizon: 0, gap: 1}"}, "`gap` is between a window"),
    "format": ({"windows": "{format: '%Y'}"}, "`format` is of the dates of `order`"),
    "weights": (
        {"windows": "{}", "more": "  sample_weight: at\n"},
        "`sample_weight` is of single rows",
    ),
    "stratified": (
        {"windows": "{}", "more": "  split: {stratify: sky}\n"},
        "windows share rows",
    ),
    "horizon": (
        {"windows": "{horizon: 4}"},
        '`horizon` is 4, and the output "ahead" is (1,)',
    ),
    "own target": (
        {
            "windows": "{horizon: 2}",
            "target": "standardize: true",
            "task": "autoencoder",
            "layers": WAYS["autoencoder"]["layers"],
        },
        "the target is the window itself, and `horizon` is 2",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_windows_that_do_not_fit_the_network_are_refused(case: str, tmp_path: Path) -> None:
    given, message = REFUSED[case]
    with pytest.raises(SpecError) as found:
        spec_of(tmp_path, **given)
    assert message in str(found.value)
    assert "buoys.nnspec.yaml:" in str(found.value)


def test_the_first_axis_is_of_a_number_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "buoys.nnspec.yaml"
    text = SPEC.format(
        steps="time", width=2, layers=WAYS["text"].get("layers", DENSE.format(units=1, more="")),
        task="regression", source="rows.csv", features="[x, y]", target="target: y", windows="{}",
    )  # fmt: skip
    path.write_text(text)
    with pytest.raises(SpecError, match="windows need a first axis of so many rows"):
        load(path)


def trained(way: str, folder: Path) -> tuple[Spec, Path]:
    written(folder, "csv")
    spec = spec_of(folder, **given_of(way, "csv"))
    nnspec.train(spec, "torch", folder / "run")
    return spec, folder / "run" / "best.safetensors"


@pytest.mark.parametrize(
    "way",
    [
        "prepared",
        *(pytest.param(way, marks=pytest.mark.slow) for way in ("classes", "standardised")),
    ],
)
def test_every_way_to_an_answer_gives_the_same(way: str, tmp_path: Path) -> None:
    spec, weights = trained(way, tmp_path)
    plain, whole = tmp_path / "plain.onnx", tmp_path / "whole.onnx"
    nnspec.export(spec, plain, weights=weights)
    nnspec.export(spec, whole, weights=weights, preprocessing=True)
    source = tmp_path / "rows.csv"
    found, other = nnspec.predict(plain, source), nnspec.predict(whole, source)
    assert found.table().equals(other.table())
    # One that ends at each row with a whole window behind it.
    assert found.rows == sum(size - STEPS + 1 for size in SIZES.values())
    told = found.table()
    assert told.columns[:3] == ["row", "place", told.columns[2]]
    ends = [rows().row(int(row) - 1, named=True) for row in told["row"]]
    assert [each["place"] for each in ends] == told["place"].to_list()
    assert all(each["at"] >= (STEPS - 1) / 4 for each in ends)
    # The script's own weights of the same kind, and their answers.
    for backend, name in (("torch", "best.safetensors"), ("keras", "best.keras")):
        module = script_of(spec, backend)
        file = tmp_path / f"own_{name}"
        assert _run(Path(str(module.__file__)), tmp_path, file) == 0
        output, _ = module.predict(file, source)
        assert len(output) == found.rows
        if backend == "torch":
            again = tmp_path / "again.onnx"
            nnspec.export(spec, again, weights=file)
            theirs = nnspec.predict(again, source)
            (values,) = theirs.outputs.values()
            assert np.allclose(values, output, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("way", ["several targets", "classes"])
def test_each_row_after_a_window_has_a_column(way: str, tmp_path: Path) -> None:
    spec, weights = trained(way, tmp_path)
    plain, whole = tmp_path / "plain.onnx", tmp_path / "whole.onnx"
    nnspec.export(spec, plain, weights=weights)
    nnspec.export(spec, whole, weights=weights, preprocessing=True)
    found = nnspec.predict(plain, tmp_path / "rows.csv")
    assert found.table().equals(nnspec.predict(whole, tmp_path / "rows.csv").table())
    if way == "several targets":
        assert found.table().columns[-4:] == ["x_0", "y_0", "x_1", "y_1"]
        assert found.numbers is not None
        assert np.array_equal(found.table()["y_1"], found.numbers[:, 1, 1])


def test_a_target_of_the_past_is_no_answer_s_name(tmp_path: Path) -> None:
    given = given_of("classes", "csv")
    assert "sky" in str(given["target"])
    written(tmp_path, "csv")
    text = (
        "nnspec: 1\nname: Net\ninputs: {past: {shape: [5, 3]}}\n"
        "layers: [{type: flatten}, {type: dense, units: 3}, {name: kind, type: softmax}]\n"
        "training: {task: multiclass, epochs: 1}\n"
        "data: {source: rows.csv, features: {past: sky}, target: sky, "
        "prepare: {sky: {categories: one_hot}}, windows: {series: place, order: at}}\n"
    )
    (tmp_path / "net.yaml").write_text(text)
    spec = load(tmp_path / "net.yaml")
    run = nnspec.train(spec, "torch", tmp_path / "run")
    nnspec.export(spec, tmp_path / "whole.onnx", weights=run.best, preprocessing=True)
    nnspec.export(spec, tmp_path / "plain.onnx", weights=run.best)
    files = (tmp_path / "whole.onnx", tmp_path / "plain.onnx")
    found = [nnspec.predict(each, tmp_path / "rows.csv") for each in files]
    assert found[0].table().equals(found[1].table())
    import onnxruntime

    session = onnxruntime.InferenceSession(tmp_path / "whole.onnx")
    names = [each.name for each in (*session.get_inputs(), *session.get_outputs())]
    assert sorted(names) == ["kind", "sky", "sky_answer"]


def _run(script: Path, folder: Path, output: Path) -> int:
    import subprocess
    import sys

    return subprocess.run(
        [sys.executable, script.name, "--output", output.name], cwd=folder, check=False
    ).returncode


def test_a_window_with_a_row_that_is_refused_has_no_number(tmp_path: Path) -> None:
    import onnxruntime

    spec, weights = trained("prepared", tmp_path)
    whole = tmp_path / "whole.onnx"
    nnspec.export(spec, whole, weights=weights, preprocessing=True)
    session = onnxruntime.InferenceSession(whole, providers=["CPUExecutionProvider"])
    assert [tuple(each.shape[1:]) for each in session.get_inputs()] == [(STEPS,)] * 3
    given = {
        "sky": np.array([["clear"] * STEPS] * 3, dtype=object),
        "y": np.zeros((3, STEPS)),
        "minute": np.array([["2024-02-01 10:00"] * STEPS] * 3, dtype=object),
    }
    given["sky"][1, 2] = "hail"
    given["y"][2, 4] = np.nan
    names = [each.name for each in session.get_outputs()]
    values = dict(zip(names, session.run(None, given), strict=True))["ahead"]
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1:]).all()


def test_inputs_have_windows_of_the_same_rows(tmp_path: Path) -> None:
    written(tmp_path, "csv")
    path = tmp_path / "both.nnspec.yaml"
    path.write_text("""\
nnspec: 1
name: Both
inputs:
  sky: {shape: [5], dtype: int64}
  sizes: {shape: [5, 2]}
layers:
  - {name: kinds, type: embedding, input_dim: 4, output_dim: 2, inputs: sky}
  - {name: all, type: concatenate, inputs: [kinds, sizes]}
  - {name: memory, type: gru, units: 3}
  - {name: ahead, type: dense, units: 1}
training: {task: regression, epochs: 1, batch_size: 8}
data:
  source: rows.csv
  features: {sky: sky, sizes: [x, y]}
  target: z
  prepare: {sky: {categories: {encoding: index, unknown: bucket}}, "[xy]": {scale: standard}}
  windows: {series: place, order: at}
""")
    spec = load(path)
    data = load_data(spec)
    taken, _ = script_of(spec, "torch").load_data(tmp_path / "rows.csv")
    for ours, theirs in zip(data.train.inputs.values(), taken["train"][:2], strict=True):
        assert np.array_equal(ours, theirs)
    run = nnspec.train(spec, "torch", tmp_path / "run")
    for name, prepared in (("plain", False), ("whole", True)):
        file = tmp_path / f"{name}.onnx"
        nnspec.export(spec, file, weights=run.best, preprocessing=prepared)
    tables = [
        nnspec.predict(tmp_path / f"{name}.onnx", tmp_path / "rows.csv").table()
        for name in ("plain", "whole")
    ]
    assert tables[0].equals(tables[1])


def test_verification_takes_windows_of_given_rows(tmp_path: Path) -> None:
    written(tmp_path, "csv")
    spec = spec_of(tmp_path, "{series: place, order: at, horizon: 3}", layers=THREE)
    report = nnspec.verify(spec, data=tmp_path / "rows.csv", exporters=False)
    assert report.passed
