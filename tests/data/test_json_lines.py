"""Rows of JSON lines: those of a table of text, and errors that name the line."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from nnspec.data.rows import load_data
from nnspec.errors import DataError
from nnspec.network.loader import Spec, loads

PREPARE = {"age": {"missing": "mean", "scale": "standard"}, "kind": {"categories": "one_hot"}}


def spec_of(folder: Path, source: str) -> Spec:
    document = {
        "nnspec": 1,
        "name": "N",
        "inputs": {"x": {"shape": [4]}},
        "layers": [{"type": "dense", "units": 1}],
        "data": {
            "source": source, "features": {"x": ["age", "kind", "w"]}, "target": "y",
            "validation": 0, "prepare": PREPARE,
        },
        "training": {"task": "regression"},
    }  # fmt: skip
    return loads(json.dumps(document), path=folder / "net.json")


def written(folder: Path, *lines: str, name: str = "rows.jsonl") -> Spec:
    (folder / name).write_bytes("\n".join(lines).encode())
    return spec_of(folder, name)


def row(**more: object) -> str:
    return json.dumps({"age": 3.5, "kind": "b", "w": 1, "y": 2, **more})


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.ndjson", "ROWS.JSONL"])
def test_json_lines_are_the_rows_of_the_same_text(tmp_path: Path, name: str) -> None:
    text = "age,kind,w,y\n1,a,1.5,3\n,b,2,4\n5,a,3,5\n"
    (tmp_path / "rows.csv").write_text(text, encoding="utf-8")
    expected = load_data(spec_of(tmp_path, "rows.csv"))
    spec = written(
        tmp_path,
        '{"age": 1, "kind": "a", "w": 1.5, "y": 3}\r',
        "",
        '{"y": 4, "kind": " b ", "w": 2}',
        '{"age": 5, "kind": "a", "w": "3", "y": 5, "unread": {"a": [1]}}',
        name=name,
    )
    found = load_data(spec)
    assert np.array_equal(found.train.inputs["x"], expected.train.inputs["x"])
    assert np.array_equal(found.train.target, expected.train.target)
    assert found.preprocessing.inputs == expected.preprocessing.inputs


WRONG = {
    "no JSON": ([row(), "", "{age: 1}"], "line 3: Expecting property name"),
    "cut off": ([row(), row()[:-4]], "line 2: "),
    "no object": ([row(), "[1, 2]"], "line 2 is no object of a name and a value for each column"),
    "twice": ([row(), '{"age": 1, "age": 2}'], 'line 2 has the column "age" twice'),
    "empty": ([], "the file is empty"),
    "blank": (["", ""], "rows.jsonl"),
    "text for a number": (
        [row(), "", row(w="many")], r'line 3: column "w", row 2: "many" is not a number',
    ),
    "no value": ([row(), "{}"], r'line 2: column "y", row 2: the value is missing'),
    "a list": ([row(w=[1])], 'column "w" is of type List'),
    "no number": ([row(w=math.nan), row()], "rows.jsonl"),
    "no column": (['{"age": 1}'], 'there is no column "y"'),
    "deep": (["[" * 100_000 + "]" * 100_000], "rows.jsonl"),
    "true among numbers": ([row(w=True), row()], "rows.jsonl"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    lines, message = WRONG[name]
    with pytest.raises(DataError, match=message):
        load_data(written(tmp_path, *lines))
