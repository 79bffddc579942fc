"""Columns of text that a tokenizer of a file numbers, in nnspec and in scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from script_cases import script_of
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

import nnspec
from nnspec.data.rows import load_data, read_rows
from nnspec.errors import DataError, SpecError, UnsupportedError
from nnspec.network.loader import Spec, loads

TEXTS = [
    "the cat sat on the mat",
    "A dog ran.",
    "naïve café 日本 🙂",
    "one",
    "",
    "the end of it " * 4,
] * 4
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def bpe(folder: Path, *, special: tuple[str, ...] = ()) -> Path:
    """Write a byte-level BPE like GPT-2's."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    by = trainers.BpeTrainer(
        vocab_size=290,
        special_tokens=["<|endoftext|>", *special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(TEXTS, by)
    made.save(str(folder / "bpe.json"))
    return folder / "bpe.json"


def wordpiece(folder: Path) -> Path:
    """Write words like BERT's, each text between two tokens of its own."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.train_from_iterator(
        TEXTS, trainers.WordPieceTrainer(vocab_size=80, special_tokens=SPECIAL, show_progress=False)
    )
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    # What a file says of these counts for nothing: a spec has a length of its own.
    made.enable_truncation(3)
    made.enable_padding(pad_id=0, pad_token="[PAD]", length=99)
    made.save(str(folder / "pieces.json"))
    return folder / "pieces.json"


def spec_of(
    folder: Path,
    text: dict[str, Any],
    *,
    length: int = 8,
    source: str = "rows.csv",
    **prepare: dict[str, Any],
) -> Spec:
    is_plain = source.endswith(".txt")
    features: dict[str, Any] = {"ids": "text"}
    inputs: dict[str, Any] = {"ids": {"shape": [length], "dtype": "int64"}}
    layers: list[dict[str, Any]] = [
        {"name": "table", "type": "embedding", "input_dim": 300, "output_dim": 3, "inputs": "ids"}
    ]
    if is_plain:
        layers += [
            {"type": "gru", "units": 4, "return_sequences": True},
            {"type": "dense", "units": 300},
            {"type": "softmax", "name": "next"},
        ]
    else:
        layers += [{"type": "flatten"}, {"type": "dense", "units": 1, "name": "size"}]
    if prepare:
        features["more"] = list(prepare)
        inputs["more"] = {"shape": [1 + 3], "dtype": "float32"}
        layers[1:] = [
            {"type": "flatten", "name": "flat"},
            {"type": "concatenate", "inputs": ["flat", "more"]},
            {"type": "dense", "units": 1, "name": "size"},
        ]
    document = {
        "nnspec": 1,
        "name": "Pieces",
        "inputs": inputs,
        "layers": layers,
        "data": {
            "source": source,
            "features": features,
            "target": {"shifted": "ids"} if is_plain else "y",
            "validation": 0.25,
            "prepare": {"text": {"text": {"length": length, **text}, **_missing(text)}, **prepare},
        },
        "training": {
            "task": "language" if is_plain else "regression",
            "epochs": 1,
            "batch_size": 4,
        },
    }
    document["data"]["prepare"]["text"]["text"].pop("missing", None)  # type: ignore[index]
    return loads(json.dumps(document), path=folder / "net.json", is_json=True)


def _missing(text: dict[str, Any]) -> dict[str, Any]:
    return {} if text.get("windows") else {"missing": {"constant": "nothing"}}


def written(folder: Path, suffix: str = "csv") -> Path:
    path = folder / f"rows.{suffix}"
    if suffix == "txt":
        path.write_text("\n".join(TEXTS * 2), encoding="utf-8")
        return path
    table = pl.DataFrame(
        {"text": TEXTS, "y": np.arange(24) / 7, "age": np.arange(24) / 3, "word": ["x y", "z"] * 12}
    )
    getattr(table, f"write_{'ndjson' if suffix == 'jsonl' else suffix}")(path)
    return path


WAYS: dict[str, dict[str, Any]] = {
    "bpe": {"tokenizer": "bpe.json", "padding": "<|endoftext|>"},
    "bpe's end": {"tokenizer": "bpe.json", "padding": "b", "keep": "end", "pad": "start"},
    "pieces": {"tokenizer": "pieces.json"},
    "pieces' end": {"tokenizer": "pieces.json", "keep": "end", "pad": "start"},
}


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "txt"])
@pytest.mark.parametrize("way", WAYS)
def test_a_script_numbers_texts_as_nnspec_does(way: str, suffix: str, tmp_path: Path) -> None:
    bpe(tmp_path), wordpiece(tmp_path)
    path, is_plain = written(tmp_path, suffix), suffix == "txt"
    more = {"windows": True} if is_plain else {}
    spec = spec_of(tmp_path, {**WAYS[way], **more}, source=path.name)
    data = load_data(spec)
    taken, record = script_of(spec, "torch").load_data(path)
    for name in ("train", "validation"):
        part = getattr(data, name)
        assert np.array_equal(part.inputs["ids"], taken[name][0])
    (ours,) = data.preprocessing.inputs["ids"].prepared or ()
    (theirs,) = record["inputs"]["ids"]["prepared"]
    for key in ("tokenizer", "fills", "size", "length", "keep", "pad"):
        assert getattr(ours, key) == theirs[key]


@pytest.mark.parametrize("way", WAYS)
def test_numbers_are_those_of_the_package(way: str, tmp_path: Path) -> None:
    bpe(tmp_path), wordpiece(tmp_path)
    path = written(tmp_path)
    ids, _ = read_rows(spec_of(tmp_path, WAYS[way]), path)
    given = Tokenizer.from_file(str(tmp_path / WAYS[way]["tokenizer"]))
    given.no_padding()
    side = "left" if WAYS[way].get("keep") == "end" else "right"
    given.enable_truncation(8, direction=side)
    fills = given.token_to_id(WAYS[way].get("padding", "[PAD]"))
    for text, row in zip(TEXTS, ids["ids"].tolist(), strict=True):
        numbers = given.encode(text.strip() or "nothing").ids
        rest = [fills] * (8 - len(numbers))
        assert row == ([*rest, *numbers] if WAYS[way].get("pad") == "start" else [*numbers, *rest])


def test_windows_hold_the_tokens_of_the_whole_text(tmp_path: Path) -> None:
    bpe(tmp_path)
    path = written(tmp_path, "txt")
    spec = spec_of(tmp_path, {**WAYS["bpe"], "windows": True}, source="rows.txt")
    ids, _ = read_rows(spec, path)
    given = Tokenizer.from_file(str(tmp_path / "bpe.json"))
    whole = given.encode(path.read_text(encoding="utf-8")).ids
    flat = ids["ids"].reshape(-1).tolist()
    assert flat[: len(whole)] == whole
    assert set(flat[len(whole) :]) <= {0}
    assert len(flat) - len(whole) < 8


@pytest.mark.parametrize("way", ["bpe", "pieces"])
def test_the_record_takes_texts_without_the_file(way: str, tmp_path: Path) -> None:
    file = bpe(tmp_path) if way == "bpe" else wordpiece(tmp_path)
    written(tmp_path)
    spec = spec_of(tmp_path, WAYS[way])
    run = nnspec.train(spec, "torch", tmp_path / "run")
    nnspec.export(spec, tmp_path / "net.onnx", weights=run.best)
    with pytest.raises(UnsupportedError, match='column "text" is cut by a tokenizer'):
        nnspec.export(spec, tmp_path / "whole.onnx", weights=run.best, preprocessing=True)
    inputs, _ = read_rows(spec, tmp_path / "rows.csv")
    file.unlink()
    found = nnspec.predict(tmp_path / "net.onnx", tmp_path / "rows.csv")
    program = nnspec.backend.get_backend("keras").compile(spec)  # type: ignore[attr-defined]
    weights = nnspec.weights.canonical.load_weights(run.best)  # type: ignore[attr-defined]
    answer = program.build(weights).forward(inputs)["size"]
    np.testing.assert_allclose(found.outputs["size"], answer, rtol=1e-4, atol=1e-6)


def test_a_language_model_of_pieces_is_predicted_from_a_text(tmp_path: Path) -> None:
    file = bpe(tmp_path)
    path = written(tmp_path, "txt")
    spec = spec_of(tmp_path, {**WAYS["bpe"], "windows": True}, source="rows.txt")
    run = nnspec.train(spec, "torch", tmp_path / "run")
    nnspec.export(spec, tmp_path / "net.onnx", weights=run.best)
    rows = read_rows(spec, path)[0]["ids"]
    file.unlink()
    found = nnspec.predict(tmp_path / "net.onnx", path)
    assert found.outputs["next"].shape == (len(rows), 8, 300)


@pytest.mark.parametrize("suffix", ["csv", "txt"])
def test_a_script_tells_that_it_has_no_tokenizer(suffix: str, tmp_path: Path) -> None:
    file, path = bpe(tmp_path), written(tmp_path, suffix)
    more = {"windows": True} if suffix == "txt" else {}
    module = script_of(spec_of(tmp_path, {**WAYS["bpe"], **more}, source=path.name), "torch")
    for content in (None, "{}"):
        file.unlink() if content is None else file.write_text(content)
        with pytest.raises(ValueError, match=r"bpe.json holds no tokenizer: "):
            module.load_data(path)


def test_pieces_stand_beside_words_and_numbers(tmp_path: Path) -> None:
    wordpiece(tmp_path)
    path = written(tmp_path, "parquet")
    more: dict[str, dict[str, Any]] = {
        "age": {"scale": "standard"},
        "word": {"text": {"length": 3}},
    }
    spec = spec_of(tmp_path, WAYS["pieces"], source="rows.parquet", **more)
    data = load_data(spec)
    taken, _ = script_of(spec, "torch").load_data(path)
    for i, name in enumerate(("ids", "more")):
        assert np.array_equal(data.train.inputs[name], taken["train"][i])


def wrong(folder: Path, case: str) -> dict[str, Any]:
    """Write a file that is wrong, and return what is declared."""
    if case == "no padding":
        return {"tokenizer": bpe(folder).name}
    if case == "another":
        return {"tokenizer": bpe(folder).name, "padding": "<none>"}
    if case == "short":
        return {"tokenizer": wordpiece(folder).name, "length": 2}
    contents = {"damaged": b'{"version": "1.0", "mod', "other": b'{"a": 1}', "bytes": b"\xff\xfe"}
    if case in contents:
        (folder / "t.json").write_bytes(contents[case])
    return {"tokenizer": "t.json"}


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("no padding", "no token of it fills a shorter text"),
        ("another", 'no token is "<none>"'),
        ("short", "adds 2 tokens to each text, which `length: 2` leaves no place"),
        ("damaged", "t.json: it holds no tokenizer"),
        ("other", "t.json: it holds no tokenizer"),
        ("bytes", "t.json: it is no text in UTF-8"),
        ("missing", "t.json: No such file"),
    ],
)
def test_what_is_no_tokenizer_is_told(case: str, told: str, tmp_path: Path) -> None:
    written(tmp_path)
    given = wrong(tmp_path, case)
    spec = spec_of(tmp_path, given, length=given.get("length", 8))
    with pytest.raises(DataError) as found:
        load_data(spec)
    assert told in str(found.value)


def test_a_table_that_is_too_small_is_told(tmp_path: Path) -> None:
    bpe(tmp_path, special=tuple(f"<{i}>" for i in range(50)))
    written(tmp_path)
    spec = spec_of(tmp_path, WAYS["bpe"])
    with pytest.raises(DataError, match=r"has \d+ tokens, the numbers 0 to .*takes 0 to 299"):
        load_data(spec)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ({"tokenizer": "a.json", "lower": True}, "a tokenizer says that itself"),
        ({"tokenizer": "a.json", "most": 9}, "a tokenizer says that itself"),
        ({"padding": "[PAD]"}, "`padding` is a token of a `tokenizer`"),
    ],
)
def test_what_does_not_go_together_is_refused(
    text: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError) as found:
        spec_of(tmp_path, text)
    assert told in str(found.value)
