"""Columns of text: their tokens as numbers, in a script and in ONNX."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import pytest
from script_cases import script_of

import nnspec
from nnspec.data.rows import load_data
from nnspec.errors import DataError, SpecError, UnsupportedError
from nnspec.network.loader import Spec, loads

TEXTS = [
    "the cat sat , the cat ran", "A Dog!", "ÄRGER über  Süßes", "one", "the the the",
    "new\nline\tand tab", "naïve café 日本語 text", "x" * 40, "a b c d e f g h i j", "end .",
    "Übermut tut selten gut", "cat", "dog", "THE END", "it's 3.5 % of 10", "🙂 smile",
]  # fmt: skip


def spec_of(
    folder: Path, text: dict[str, Any], *, length: int = 6, source: str = "rows.csv", **more: Any
) -> Spec:
    document = {
        "nnspec": 1,
        "name": "Words",
        "inputs": {"ids": {"shape": [length], "dtype": "int64"}},
        "layers": [
            {"name": "table", "type": "embedding", "input_dim": 300, "output_dim": 3},
            {"name": "flat", "type": "flatten"},
            {"name": "size", "type": "dense", "units": 1},
        ],
        "data": {
            "source": source,
            "features": {"ids": "text"},
            "target": "y",
            "validation": 0.25,
            "prepare": {"text": {"text": {"length": length, **text}, **more}},
        },
        "training": {"task": "regression", "epochs": 1, "batch_size": 4},
    }
    return loads(json.dumps(document), path=folder / "words.json", is_json=True)


def written(folder: Path, suffix: str, texts: list[str | None] | None = None) -> str:
    given = texts or [*TEXTS, *TEXTS]
    table = pl.DataFrame({"text": given, "y": np.arange(len(given)) / 7})
    path = folder / f"rows.{suffix}"
    name = "ndjson" if suffix == "jsonl" else suffix
    getattr(table, f"write_{name}")(path)
    return path.name


WAYS: dict[str, dict[str, Any]] = {
    "words": {},
    "lower": {"lower": True},
    "spaces": {"tokens": "spaces"},
    "the end": {"tokens": "spaces", "keep": "end", "pad": "start"},
    "end, filled after": {"keep": "end", "most": 3},
    "characters": {"tokens": "characters", "min_count": 3},
    "bytes": {"tokens": "bytes", "pad": "start"},
    "small bytes": {"tokens": "bytes", "lower": True, "keep": "end"},
    "filled": {"missing": {"constant": "the cat"}},
    "frequent": {"missing": "most_frequent", "tokens": "spaces"},
}


CASES = [*itertools.product(("csv", "jsonl", "parquet"), WAYS)]


def given_of(way: str) -> tuple[dict[str, Any], dict[str, Any]]:
    given = dict(WAYS[way])
    more = {"missing": given.pop("missing")} if "missing" in given else {}
    return given, more


@pytest.mark.parametrize(("suffix", "way"), CASES)
def test_a_script_numbers_texts_as_nnspec_does(suffix: str, way: str, tmp_path: Path) -> None:
    given, more = given_of(way)
    texts: list[str | None] = [*TEXTS, *TEXTS]
    if more:
        texts[3] = texts[9] = None
    spec = spec_of(tmp_path, given, source=written(tmp_path, suffix, texts), **more)
    data = load_data(spec)
    taken, record = script_of(spec, "torch").load_data(tmp_path / f"rows.{suffix}")
    for name in ("train", "validation"):
        part = getattr(data, name)
        assert np.array_equal(part.inputs["ids"], taken[name][0])
        assert taken[name][0].dtype == np.int64
    ours = data.preprocessing.inputs["ids"].prepared
    assert ours is not None
    assert list(ours[0].vocabulary) == record["inputs"]["ids"]["prepared"][0].get("vocabulary", [])


def numbers_of(folder: Path, text: dict[str, Any], texts: list[str | None]) -> list[list[int]]:
    spec = spec_of(folder, text, source=written(folder, "csv", texts))
    spec = spec_of(folder, text, source="rows.csv")
    rows = load_data(spec).preprocessing.apply(pl.DataFrame({"text": texts}))
    return [[int(each) for each in row] for row in rows["ids"]]


def test_frequent_tokens_come_first_and_0_fills(tmp_path: Path) -> None:
    texts: list[str | None] = ["b a b", "c b, a"] * 8
    found = numbers_of(tmp_path, {}, texts)
    # b four times of ten, a three; of those with one the smaller: "," before "c".
    assert found[0] == [2, 3, 2, 0, 0, 0]
    assert found[1] == [5, 2, 4, 3, 0, 0]
    texts = ["a b c d e f g h"] * 16
    kept = numbers_of(tmp_path, {"keep": "end"}, texts)[0]
    assert kept == [4, 5, 6, 7, 8, 9]
    few = numbers_of(tmp_path, {"most": 2, "pad": "start"}, ["a a b b c"] * 16)[0]
    assert few == [0, 2, 2, 3, 3, 1]


def test_bytes_are_those_of_utf_8(tmp_path: Path) -> None:
    found = numbers_of(tmp_path, {"tokens": "bytes"}, ["é", "ab"] * 8)
    assert found[0] == [1 + 0xC3, 1 + 0xA9, 0, 0, 0, 0]
    assert found[1] == [1 + ord("a"), 1 + ord("b"), 0, 0, 0, 0]


def test_a_word_that_training_has_not_is_another(tmp_path: Path) -> None:
    written(tmp_path, "csv", ["a b", "b a"] * 8)
    preprocessing = load_data(spec_of(tmp_path, {})).preprocessing
    found = preprocessing.apply(pl.DataFrame({"text": ["a new word"]}))
    assert found["ids"].tolist() == [[2, 1, 1, 0, 0, 0]]


def test_rows_that_make_no_texts_are_refused(tmp_path: Path) -> None:
    wrong: list[tuple[dict[str, Any], list[str | None], str]] = [
        ({}, ["a", None] * 8, 'column "text", row 2: the value is missing'),
        ({"min_count": 99}, ["a b", "c"] * 8, "no token is 99 times in the 12 training rows"),
    ]
    for text, texts, message in wrong:
        written(tmp_path, "csv", texts)
        spec = spec_of(tmp_path, text)
        with pytest.raises(DataError) as found:
            load_data(spec)
        assert message in str(found.value)
        with pytest.raises(ValueError, match=r"missing|no token"):
            script_of(spec, "torch").load_data(tmp_path / "rows.csv")
    many: list[str | None] = [" ".join(f"w{i}" for i in range(400))] * 8
    written(tmp_path, "csv", many)
    with pytest.raises(DataError, match="others and 400 tokens, the numbers 0 to 401") as too_many:
        load_data(spec_of(tmp_path, {}))
    assert "takes 0 to 299; let it take 402" in str(too_many.value)


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "bytes": ({"tokens": "bytes", "most": 9}, {}, "bytes are 256 in any case"),
    "mean": ({}, {"missing": "mean"}, "texts have no mean"),
    "scale": ({}, {"scale": "standard"}, "texts have no `scale`"),
    "categories": ({}, {"categories": "one_hot"}, "texts have no `categories`"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_texts_do_not_have_is_refused(case: str, tmp_path: Path) -> None:
    text, more, message = REFUSED[case]
    with pytest.raises(SpecError) as found:
        spec_of(tmp_path, text, **more)
    assert message in str(found.value)


def test_a_width_that_is_another_is_told(tmp_path: Path) -> None:
    written(tmp_path, "csv")
    spec = spec_of(tmp_path, {"length": 4})
    with pytest.raises(DataError, match=r'columns? becomes? 4 numbers: "text" 4'):
        load_data(spec)


@pytest.mark.parametrize("way", ["spaces", "the end", "frequent"])
def test_a_model_cuts_texts_at_spaces_itself(way: str, tmp_path: Path) -> None:
    given, more = given_of(way)
    # Other white space than spaces does not stand at the ends of what a model takes.
    spec = spec_of(tmp_path, given, source=written(tmp_path, "csv"), **more)
    run = nnspec.train(spec, "torch", tmp_path / "run")
    plain, whole = tmp_path / "plain.onnx", tmp_path / "whole.onnx"
    nnspec.export(spec, plain, weights=run.best)
    nnspec.export(spec, whole, weights=run.best, preprocessing=True)
    source = tmp_path / "rows.csv"
    expected = nnspec.predict(plain, source)
    assert nnspec.predict(whole, source).table().equals(expected.table())
    session = onnxruntime.InferenceSession(whole, providers=["CPUExecutionProvider"])
    texts = ["", "  two   words ", *TEXTS]
    (values,) = session.run(["size"], {"text": np.array(texts, dtype=object)})
    assert np.isnan(values[0]).all() == (way != "frequent")
    answers = nnspec.predict(plain, pl.DataFrame({"text": texts[1:]}))
    np.testing.assert_allclose(values[1:], answers.outputs["size"], rtol=1e-6)
    # One text alone, and one without any.
    (alone,) = session.run(["size"], {"text": np.array(["the"], dtype=object)})
    assert np.isfinite(alone).all()


@pytest.mark.parametrize("way", ["words", "characters", "bytes"])
def test_what_operators_do_not_cut_is_refused_by_name(way: str, tmp_path: Path) -> None:
    given, more = given_of(way)
    spec = spec_of(tmp_path, given, source=written(tmp_path, "csv"), **more)
    run = nnspec.train(spec, "torch", tmp_path / "run")
    with pytest.raises(UnsupportedError, match=f'column "text" is cut into {way}'):
        nnspec.export(spec, tmp_path / "whole.onnx", weights=run.best, preprocessing=True)
    nnspec.export(spec, tmp_path / "plain.onnx", weights=run.best)
    assert nnspec.predict(tmp_path / "plain.onnx", tmp_path / "rows.csv").rows == 2 * len(TEXTS)
