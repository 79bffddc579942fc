"""Plain texts as rows: their lines, and windows of tokens, in nnspec and in scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from script_cases import script_of

import nnspec
from nnspec.data.plain_text import read_windows
from nnspec.data.rows import load_data, read_rows
from nnspec.errors import DataError, SpecError
from nnspec.language.texts import Cut
from nnspec.network.loader import Spec, loads

TEXT = (
    "The cat  sat, the cat ran.\n\nÄRGER über Süßes: naïve café\r\n日本語 text 🙂 İstanbul\n"
    "\tand\ttabs; it's 3.5 % of 10\n   \n" + "a b c d e f g\n" * 9 + "end"
)
WAYS: dict[str, dict[str, Any]] = {
    "words": {},
    "small words": {"lower": True},
    "spaces": {"tokens": "spaces", "min_count": 2},
    "characters": {"tokens": "characters"},
    "small characters": {"tokens": "characters", "lower": True},
    "bytes": {"tokens": "bytes"},
}


def spec_of(
    folder: Path, text: dict[str, Any], *, source: str = "book.txt", length: int = 6, **more: Any
) -> Spec:
    document = {
        "nnspec": 1,
        "name": "Writer",
        "inputs": {"ids": {"shape": [length], "dtype": "int64"}},
        "layers": [
            {"type": "embedding", "input_dim": 300, "output_dim": 3},
            {"type": "gru", "units": 4, "return_sequences": True},
            {"type": "dense", "units": 300},
            {"type": "softmax", "name": "next"},
        ],
        "data": {
            "source": source,
            "features": {"ids": "text"},
            "target": {"shifted": "ids"},
            "validation": 0.25,
            "prepare": {"text": {"text": {"length": length, **text}}},
            **more,
        },
        "training": {
            "task": "language",
            "optimizer": {"type": "adam", "learning_rate": 0.02},
            "batch_size": 4,
        },
    }
    return loads(json.dumps(document), path=folder / "words.json", is_json=True)


def written(folder: Path, text: str = TEXT) -> Path:
    path = folder / "book.txt"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("has_windows", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_script_cuts_a_text_as_nnspec_does(way: str, has_windows: bool, tmp_path: Path) -> None:
    path = written(tmp_path)
    spec = spec_of(tmp_path, {**WAYS[way], "windows": has_windows})
    data = load_data(spec)
    taken, record = script_of(spec, "torch").load_data(path)
    for name in ("train", "validation"):
        part = getattr(data, name)
        assert np.array_equal(part.inputs["ids"], taken[name][0])
        assert np.array_equal(part.target["next"], taken[name][1])
    (ours,) = data.preprocessing.inputs["ids"].prepared or ()
    (theirs,) = record["inputs"]["ids"]["prepared"]
    assert list(ours.vocabulary) == theirs.get("vocabulary", [])
    assert ours.windows == theirs.get("windows", False) == has_windows


@pytest.mark.parametrize("way", WAYS)
def test_windows_hold_the_whole_text_once(way: str, tmp_path: Path) -> None:
    path = written(tmp_path)
    spec = spec_of(tmp_path, {**WAYS[way], "windows": True}, length=7)
    ids, target = read_rows(spec, path)
    flat = ids["ids"].reshape(-1)
    by = Cut(WAYS[way].get("tokens", "words"), 7, WAYS[way].get("lower", False))
    rows = read_windows(path, by)
    text = TEXT.replace("\r\n", "\n")
    assert "".join(rows["text"]) == (text.lower() if by.lower else text)
    if way == "bytes":
        assert bytes((flat[flat > 0] - 1).tolist()).decode() == text
    elif way == "characters":
        (known,) = load_data(spec).preprocessing.inputs["ids"].prepared or ()
        names = ("", "\ufffd", *known.vocabulary)
        back = "".join(names[number] for number in flat)
        assert all(a in (b, "\ufffd") for a, b in zip(back, text, strict=True))
        assert np.array_equal(rows["position"], 1 + 7 * np.arange(len(rows)))
    # Each row has the ids that follow as its target, and none at its end.
    assert isinstance(target, dict)
    assert np.array_equal(target["next"][:, :-1], ids["ids"][:, 1:])
    assert (target["next"][:, -1] == -100).all()


def test_bytes_of_a_sign_stay_together(tmp_path: Path) -> None:
    path = written(tmp_path, "aaa🙂bé🙂🙂")
    rows = read_windows(path, Cut("bytes", 4, lower=False))
    assert rows["text"].to_list() == ["aaa", "🙂", "bé", "🙂", "🙂"]
    assert rows["position"].to_list() == [1, 4, 8, 11, 15]


def test_lines_are_rows_without_the_empty_ones(tmp_path: Path) -> None:
    written(tmp_path, "\ufeffone\r\n\n  \ntwo words\n\x0bthree\u2028four\n")
    rows = nnspec.data.files.read(tmp_path / "book.txt")  # type: ignore[attr-defined]
    assert isinstance(rows, pl.DataFrame)
    assert rows["text"].to_list() == ["one", "two words", "\x0bthree\u2028four"]
    assert rows["position"].to_list() == [1, 4, 5]


def test_a_text_is_split_by_place(tmp_path: Path) -> None:
    path = written(tmp_path)
    spec = spec_of(tmp_path, {"windows": True}, split={"time": "position"})
    data, (ids, _) = load_data(spec), read_rows(spec, path)
    count = len(data.train.inputs["ids"])
    assert np.array_equal(data.train.inputs["ids"], ids["ids"][:count])
    taken, _ = script_of(spec, "torch").load_data(path)
    assert np.array_equal(taken["train"][0], data.train.inputs["ids"])


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_language_model_learns_a_text(backend: str, tmp_path: Path) -> None:
    path = written(tmp_path, "to be or not to be , that is the question . " * 40)
    spec = spec_of(tmp_path, {"tokens": "spaces", "windows": True}, length=8)
    run = nnspec.train(spec, backend, tmp_path / "run", epochs=40)
    assert run.history[-1].values["val_perplexity"] < 2.5
    nnspec.export(spec, tmp_path / "writer.onnx", weights=run.best)
    found = nnspec.predict(tmp_path / "writer.onnx", path)
    assert found.outputs["next"].shape == (60, 8, 300)
    whole = tmp_path / "whole.onnx"
    nnspec.export(spec, whole, weights=run.best, preprocessing=True)
    again = nnspec.predict(whole, path)
    np.testing.assert_allclose(again.outputs["next"], found.outputs["next"], rtol=1e-5, atol=1e-7)


WRONG: dict[str, tuple[bytes, str]] = {
    "latin": ("é".encode("latin-1"), "byte 1 is not UTF-8"),
    "empty": (b"", "there are no rows"),
    "blank": (b" \n\n\t\n", "there are no rows"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("has_windows", [False, True])
def test_what_is_no_text_is_told(case: str, has_windows: bool, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_bytes(WRONG[case][0])
    spec = spec_of(tmp_path, {"windows": has_windows})
    with pytest.raises(DataError, match=WRONG[case][1]):
        load_data(spec)
    with pytest.raises(ValueError, match=r"no text in UTF-8|no rows"):
        script_of(spec, "torch").load_data(tmp_path / "book.txt")


def test_windows_elsewhere_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r'"rows.csv" is no .txt file'):
        spec_of(tmp_path, {"windows": True}, source="rows.csv")
    with pytest.raises(SpecError, match="a sign has up to 4 bytes, and windows of 3"):
        spec_of(tmp_path, {"windows": True, "tokens": "bytes"}, length=3)
