"""Files whose names would be patterns, and columns whose type would cut a number off."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from script_cases import script_of

import nnspec
from nnspec.data.rows import load_data
from nnspec.data.streaming import parts
from nnspec.errors import DataError
from nnspec.network.loader import Spec

WRITERS: dict[str, Any] = {
    "csv": pl.DataFrame.write_csv,
    "parquet": pl.DataFrame.write_parquet,
    "jsonl": pl.DataFrame.write_ndjson,
}


def spec_of(folder: Path, source: str, **more: Any) -> Spec:
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"x": {"shape": [1]}},
        "layers": [{"name": "score", "type": "dense", "units": 3}],
        "training": {"task": "multiclass", "epochs": 1},
        "data": {"source": source, "features": {"x": ["a"]}, "target": "y", **more},
    }
    (folder / "net.json").write_text(json.dumps(document))
    return nnspec.load(folder / "net.json")


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_name_with_brackets_is_no_pattern(suffix: str, tmp_path: Path) -> None:
    """As a pattern `rows[1]` would mean `rows1`, and be of other rows."""
    count = 40
    for name, first in (("rows[1]", 0.0), ("rows1", 100.0)):
        table = pl.DataFrame({"a": first + np.arange(count), "y": np.arange(count) % 3})
        WRITERS[suffix](table, tmp_path / f"{name}.{suffix}")
    path = tmp_path / f"rows[1].{suffix}"
    given = {"stream": {"block": 4, "buffer": 2}} if suffix != "jsonl" else {}
    for more in ({}, given):
        data = load_data(spec_of(tmp_path, path.name, **more))
        assert np.asarray(data.train.inputs["x"]).max() < count
    taken, _ = script_of(spec_of(tmp_path, path.name), "torch").load_data(path)
    assert taken["train"][0].max() < count
    assert max(part["a"].max() for part in parts(path, ["a"], [])) == count - 1


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["10", "9", "8"])])
def test_text_of_categories_is_no_number(kind: Any, tmp_path: Path) -> None:
    """Not even where all of it is digits: a script numbers the classes as nnspec does."""
    names = pl.Series(["10", "9", "8", "9"] * 8, dtype=kind)
    pl.DataFrame({"a": np.arange(32.0), "y": names}).write_parquet(tmp_path / "rows.parquet")
    spec = spec_of(tmp_path, "rows.parquet")
    data = load_data(spec)
    taken, record = script_of(spec, "torch").load_data(tmp_path / "rows.parquet")
    assert record["labels"] == list(data.preprocessing.labels or ()) == ["10", "8", "9"]
    np.testing.assert_array_equal(taken["train"][1], data.train.target)


def test_a_fraction_is_no_class_as_a_decimal_either(tmp_path: Path) -> None:
    """A cast would cut it off."""
    classes = [Decimal(i % 3) for i in range(20)]
    path = tmp_path / "rows.parquet"
    for value, told in ((Decimal("1.00"), ""), (Decimal("1.50"), "row 6: 1.5")):
        classes[5] = value
        table = pl.DataFrame({"a": np.arange(20.0), "y": classes}, schema_overrides={
            "y": pl.Decimal(10, 2)})  # fmt: skip
        table.write_parquet(path)
        spec = spec_of(tmp_path, path.name)
        if not told:
            assert load_data(spec).train.target.dtype == np.int64
            continue
        with pytest.raises(DataError, match=told):
            load_data(spec)
