"""What emitted scripts do with files: none that is read is lost, and none is a traceback."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
from script_cases import Case, first_weights, run, script_of, spec_of

from nnspec.data.rows import load_data
from nnspec.errors import DataError

SUFFIXES = {"torch": "safetensors", "keras": "keras"}


def refusal(spec_folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the last line of what a script said when it ended, and that it wrote nothing."""
    assert not list(spec_folder.glob("out*"))
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("name", ["rows.csv", "script_of_torch.py", "link.csv"])
def test_a_script_never_writes_over_its_rows_or_itself(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    module = script_of(spec_of(Case("csv", 1, "binary"), tmp_path), "torch")
    (tmp_path / "link.csv").symlink_to(tmp_path / "rows.csv")
    before = (tmp_path / name).read_bytes()
    with pytest.raises(SystemExit) as ended:
        run(module, "--output", tmp_path / name)
    assert ended.value.code == 2
    assert "would be lost; give another name" in refusal(tmp_path, capsys)
    assert (tmp_path / name).read_bytes() == before


# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_folder_may_have_braces(tmp_path: Path, backend: str) -> None:
    """Keras takes them for fields, of the epoch and of what is logged."""
    module = script_of(spec_of(Case("npz", 1, "binary"), tmp_path), backend)
    place = tmp_path / "{a} {epoch}"
    place.mkdir()
    run(module, "--output", place / f"net.{SUFFIXES[backend]}", "--epochs", 1)
    made = {"torch": {"net.safetensors"}, "keras": {"net.keras", "net.keras.json"}}
    assert {file.name for file in place.iterdir()} == made[backend]


# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_script_never_writes_over_its_first_weights(
    tmp_path: Path, backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The best weights of an epoch, which Keras writes beside its file, are no others' either."""
    spec = spec_of(Case("npz", 1, "binary"), tmp_path)
    module = script_of(spec, backend)
    first = tmp_path / f"first.{SUFFIXES[backend]}"
    run(module, "--output", first, "--epochs", 1)
    best = tmp_path / "first.best.weights.h5"
    if backend == "keras":  # as a run that ended early leaves them
        shutil.copy(first_weights(spec, backend), best)
    for weights in [first, *([best] if backend == "keras" else [])]:
        before = weights.read_bytes()
        with pytest.raises(SystemExit) as ended:
            run(module, "--weights", weights, "--output", first, "--epochs", 1)
        assert ended.value.code == 2
        assert f"{weights} is read, and would be lost" in refusal(tmp_path, capsys)
        assert weights.read_bytes() == before
    run(module, "--weights", first, "--output", tmp_path / f"next.{SUFFIXES[backend]}")


# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_record_beside_a_keras_file_takes_no_spec_s_place(tmp_path: Path) -> None:
    spec = spec_of(Case("npz", 1, "binary", has_words=True), tmp_path)
    (tmp_path / "net.json").write_text("the spec")
    module = script_of(spec, "keras")
    run(module, "--output", tmp_path / "net.keras", "--epochs", 1)
    assert (tmp_path / "net.json").read_text() == "the spec"
    assert json.loads((tmp_path / "net.keras.json").read_text())["labels"] == ["amber", "blue"]
    answers = module.predict(tmp_path / "net.keras", tmp_path / "rows.npz")[1]
    assert {"amber", "blue"}.issuperset(answers.ravel())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_others_may_read_what_a_script_saves(tmp_path: Path) -> None:
    module = script_of(spec_of(Case("npz", 1, "regression"), tmp_path), "torch")
    path = tmp_path / "out.safetensors"
    before = os.umask(0o027)
    try:
        run(module, "--output", path, "--epochs", 1)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("source", ["csv", "parquet", "jsonl", "npz"])
def test_a_file_that_holds_no_rows_is_named(
    tmp_path: Path, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = spec_of(Case(source, 1, "binary"), tmp_path)
    module, rows = script_of(spec, "torch"), tmp_path / f"rows.{source}"
    whole, folder = rows.read_bytes(), tmp_path / f"folder.{source}"
    folder.mkdir()
    np.save(tmp_path / "one.npy", np.ones(3))
    damaged = bytearray(whole)
    damaged[len(whole) // 3] ^= 0xFF
    for content in (
        b"",
        whole[: len(whole) // 2 - 2] if source != "csv" else b"a,b\n1,2,3\n",
        b"\xff\xfe\x00caf\xe9\n",
        (tmp_path / "one.npy").read_bytes(),
        bytes(damaged) if source == "npz" else b"\x00" * 50,
    ):
        rows.write_bytes(content)
        with pytest.raises(DataError):
            load_data(spec)
        with pytest.raises(SystemExit) as ended:
            run(module, "--output", tmp_path / "out.safetensors")
        assert ended.value.code == 2
        said = refusal(tmp_path, capsys)
        assert str(rows) in said
        assert "allow_pickle" not in said
    for missing in (folder, tmp_path / f"none.{source}"):
        with pytest.raises(SystemExit) as ended:
            run(module, "--data", missing, "--output", tmp_path / "out.safetensors")
        assert ended.value.code == 2
        assert missing.name in refusal(tmp_path, capsys)


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_first_weights_that_do_not_fit_are_refused_by_name(
    tmp_path: Path, backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = spec_of(Case("npz", 1, "regression"), tmp_path)
    module = script_of(spec, backend)
    other = tmp_path / "other"
    other.mkdir()
    wrong = {"empty": b"", "text": b"no weights at all", "none": None}
    suffixes = ["safetensors"] if backend == "torch" else ["keras", "weights.h5"]
    for suffix in suffixes:
        for name, content in wrong.items():
            path = other / f"{name}.{suffix}"
            if content is not None:
                path.write_bytes(content)
            with pytest.raises(SystemExit) as ended:
                run(module, "--weights", path, "--output", tmp_path / f"out.{SUFFIXES[backend]}")
            assert ended.value.code == 2
            assert f"--weights: {path}" in capsys.readouterr().err
    shutil.rmtree(other)
