"""Rows split by groups, by time, and alike in each class."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from script_cases import script_of

from nnspec.data.rows import load_data
from nnspec.errors import DataError, SpecError
from nnspec.network.loader import Spec, load

COUNT = 101
SPEC = """\
nnspec: 1
name: Visits
inputs: {{x: {{shape: [2]}}}}
layers:
  - {{name: hidden, type: dense, units: 4, activation: relu}}
  - {{name: chance, type: dense, units: 1, activation: sigmoid}}
training: {{task: binary, optimizer: sgd, epochs: 1}}
data: {{source: {source}, features: {{x: {features}}}, target: y, test: {test}, split: {split}}}
"""


def rows() -> pl.DataFrame:
    draw = np.random.default_rng(7)
    months, days = draw.integers(1, 13, COUNT), draw.integers(1, 28, COUNT)
    return pl.DataFrame({
        "a": np.arange(COUNT) / 100, "b": draw.normal(size=COUNT),
        "who": [f"p{each}" for each in draw.integers(0, 17, COUNT)],
        "day": [f"{day:02}/{month:02}/2024" for month, day in zip(months, days, strict=True)],
        "year": draw.integers(1990, 2020, COUNT),
        "y": ["yes" if each < 0.2 else "no" for each in draw.random(COUNT)],
    })  # fmt: skip


def written(folder: Path, suffix: str, table: pl.DataFrame | None = None) -> str:
    table = rows() if table is None else table
    path = folder / f"rows.{suffix}"
    if suffix == "csv":
        table.write_csv(path)
    elif suffix == "jsonl":
        table.write_ndjson(path)
    else:
        dated = table.with_columns(pl.col("day").str.to_date("%d/%m/%Y"))
        if suffix == "parquet":
            dated.write_parquet(path)
        else:
            arrays = {
                "x": table.select("a", "b").to_numpy(),
                "who": table["who"].to_numpy().astype(str),
                "day": dated["day"].to_numpy(),
                "year": table["year"].to_numpy(),
                "y": (table["y"] == "yes").to_numpy().astype(int),
            }
            np.savez(path, **arrays)
    return path.name


def spec_of(
    folder: Path, source: str, split: str, *, features: str = "[a, b]", test: float = 0.15
) -> Spec:
    path = folder / "visits.nnspec.yaml"
    path.write_text(SPEC.format(source=source, split=split, features=features, test=test))
    return load(path)


PARTS = ("train", "validation", "test")
SPLITS = {
    "group": "{group: who}",
    "stratify": "{stratify: y}",
    "numbers": "{time: year}",
    "dates": "{time: day}",
    "text": "{time: day, format: '%d/%m/%Y'}",
}
CASES = [
    (suffix, split)
    for suffix, split in itertools.product(("csv", "jsonl", "parquet", "npz"), SPLITS)
    if not (split == "dates" and suffix in ("csv", "jsonl"))
    and not (split == "text" and suffix in ("parquet", "npz"))
]


def numbers_of(inputs: Any) -> list[int]:
    """Return the numbers of rows in the file, which their first feature tells."""
    return [round(100 * float(each)) for each in inputs[:, 0]]


def firsts(data: Any) -> dict[str, list[int]]:
    """Return the rows of each part."""
    return {
        name: numbers_of(part.inputs["x"])
        for name in PARTS
        if (part := getattr(data, name)) is not None
    }


@pytest.mark.parametrize(("suffix", "split"), CASES)
@pytest.mark.parametrize("test", [0.15, 0.0])
def test_a_script_splits_as_nnspec_does(
    suffix: str, split: str, test: float, tmp_path: Path
) -> None:
    features = "x" if suffix == "npz" else "[a, b]"
    spec = spec_of(tmp_path, written(tmp_path, suffix), SPLITS[split], features=features, test=test)
    found = firsts(load_data(spec))
    assert sorted(row for part in found.values() for row in part) == [*range(COUNT)]
    module = script_of(spec, "torch")
    taken, _ = module.load_data(tmp_path / f"rows.{suffix}")
    theirs = {
        name: [round(100 * float(each)) for each in part[0][:, 0]] for name, part in taken.items()
    }
    assert theirs == found


def test_a_group_stays_in_one_part(tmp_path: Path) -> None:
    found = firsts(load_data(spec_of(tmp_path, written(tmp_path, "csv"), "{group: who}")))
    who = rows()["who"].to_list()
    groups = {name: {who[row] for row in part} for name, part in found.items()}
    for one, other in itertools.combinations(PARTS, 2):
        assert not groups[one] & groups[other]
    assert len(found["validation"]) >= 20
    assert len(found["test"]) >= 15


def test_later_rows_are_tested(tmp_path: Path) -> None:
    found = firsts(load_data(spec_of(tmp_path, written(tmp_path, "csv"), SPLITS["text"])))
    days = [each.split("/")[::-1] for each in rows()["day"]]
    times = {name: [days[row] for row in part] for name, part in found.items()}
    assert max(times["train"]) < min(times["validation"])
    assert max(times["validation"]) < min(times["test"])
    assert len(times["test"]) >= 15


def test_each_class_has_its_share_in_every_part(tmp_path: Path) -> None:
    found = firsts(load_data(spec_of(tmp_path, written(tmp_path, "csv"), "{stratify: y}")))
    answers = rows()["y"].to_list()
    total = answers.count("yes")
    counts = {name: sum(answers[row] == "yes" for row in part) for name, part in found.items()}
    assert counts["validation"] == int(total * 0.2 + 0.5)
    assert counts["test"] == int(total * 0.15 + 0.5)


def test_a_pattern_does_not_take_the_column(tmp_path: Path) -> None:
    table = rows().select("a", "b", "y", who=pl.col("year"))
    source = written(tmp_path, "csv", table)
    data = load_data(spec_of(tmp_path, source, "{group: who}", features="'*'"))
    assert data.train.inputs["x"].shape[1] == 2
    named = spec_of(tmp_path, source, "{group: who}", features="[a, who]")
    assert load_data(named).train.inputs["x"].max() >= 1990


MISSING = r'line 3: column "who", row 2: the value is missing'
NO_DATE = r'line 3: column "day", row 2: "soon" is no date of the form %d/%m/%Y'
WRONG = {
    "no column": ("{group: whom}", {}, r'there is no column "whom"'),
    "missing": ("{group: who}", {"who": None}, MISSING),
    "no date": ("{time: day, format: '%d/%m/%Y'}", {"day": "soon"}, NO_DATE),
    "no number": ("{time: day}", {}, "say the `format`, such as `format: '%d.%m.%Y"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_column_is_told_with_its_row(case: str, tmp_path: Path) -> None:
    split, changes, told = WRONG[case]
    table = rows()
    for name, value in changes.items():
        table[1, name] = value
    with pytest.raises(DataError, match=told):
        load_data(spec_of(tmp_path, written(tmp_path, "csv", table), split))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_time_that_is_no_number_is_told(suffix: str, tmp_path: Path) -> None:
    """It is before and after no other: its row would be in no part."""
    table = rows().with_columns(pl.col("year").cast(pl.Float64))
    table[4, "year"] = float("nan")
    spec = spec_of(tmp_path, written(tmp_path, suffix, table), "{time: year}")
    with pytest.raises(DataError, match='column "year", row 5: the value is missing'):
        load_data(spec)
    with pytest.raises(ValueError, match=r'column "year", row 5: (nan|NaN) is not a number'):
        script_of(spec, "torch").load_data(tmp_path / f"rows.{suffix}")


def test_the_hour_that_comes_twice_is_in_its_order(tmp_path: Path) -> None:
    """Where summer time ends, what a clock shows is no order of times."""
    begin = pl.datetime(2024, 10, 26, 23, time_zone="UTC")
    times = begin + pl.duration(seconds=pl.int_range(COUNT) * 97)
    local = times.dt.convert_time_zone("Europe/Berlin").alias("time")
    assert rows().with_columns(local)["time"].dt.replace_time_zone(None).diff().min().days < 0
    table = rows().with_columns(local).sample(fraction=1, shuffle=True, seed=0)
    spec = spec_of(tmp_path, written(tmp_path, "parquet", table), "{time: time}")
    found = firsts(load_data(spec))
    assert [row for part in PARTS for row in sorted(found[part])] == [*range(COUNT)]
    taken, _ = script_of(spec, "torch").load_data(tmp_path / "rows.parquet")
    assert {name: numbers_of(part[0]) for name, part in taken.items()} == found


def test_one_group_leaves_nothing_to_train_on(tmp_path: Path) -> None:
    table = rows().with_columns(who=pl.lit("p1"))
    with pytest.raises(DataError, match='101 rows with 1 group in "who" are too few'):
        load_data(spec_of(tmp_path, written(tmp_path, "csv", table), "{group: who}"))


def test_an_array_of_another_length_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", x=np.zeros((5, 2)), y=np.arange(5) % 2, who=np.arange(4))
    with pytest.raises(DataError, match='"who" has 4 rows, and there are 5'):
        load_data(spec_of(tmp_path, "rows.npz", "{group: who}", features="x"))


@pytest.mark.parametrize(
    ("split", "told"),
    [("{}", "split by one column"), ("{group: who, time: day}", "split by one column"),
     ("{group: who, format: '%Y-%m-%d'}", "`format` is of the dates of `time`"),
     ("{time: day, format: '%A'}", "`format` %A is none of"),
     ("{by: who}", "no key|unknown")],
)  # fmt: skip
def test_a_wrong_split_is_told(split: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=told):
        spec_of(tmp_path, "rows.csv", split)


def test_a_split_without_parts_is_refused(tmp_path: Path) -> None:
    text = SPEC.format(source="r.csv", split="{group: who}", features="[a, b]", test=0)
    path = tmp_path / "visits.yaml"
    path.write_text(text.replace("test: 0,", "test: 0, validation: 0,"))
    with pytest.raises(SpecError, match="give `validation` or `test` a share"):
        load(path)


def test_a_script_refuses_what_nnspec_refuses(tmp_path: Path) -> None:
    table = rows()
    table[1, "who"] = None
    spec = spec_of(tmp_path, written(tmp_path, "csv", table), "{group: who}")
    module = script_of(spec, "torch")
    with pytest.raises(ValueError, match=MISSING):
        module.load_data(tmp_path / "rows.csv")
