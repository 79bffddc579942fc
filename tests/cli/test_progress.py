"""The bar of a training on a terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import nnspec
from nnspec.cli import main

SPECS = Path(__file__).parents[2] / "specs"
SPEC, LONGER = SPECS / "tabular_binary.yaml", SPECS / "digits_mlp.yaml"


def test_a_terminal_shows_rate_and_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # which makes of any output a terminal
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "140")
    folder = tmp_path / "run"
    result = CliRunner().invoke(main, ["train", str(LONGER), "-o", str(folder), "--epochs", "3"])
    assert result.exit_code == 0, result.output
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", result.output)
    assert "epoch 3/3, step 40/40" in text
    assert re.search(r"100% +[0-9.e+]+ steps/s 0:00:00 loss 0\.", text), text
    assert re.search(r"[\r\n]epoch 2/3  loss", text)


def test_a_file_has_a_line_for_each_epoch(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    result = CliRunner().invoke(main, ["train", str(SPEC), "-o", str(folder), "--epochs", "3"])
    assert "steps/s" not in result.output
    assert [line[:9] for line in result.output.splitlines()[:3]] == [
        f"epoch {number}/3" for number in (1, 2, 3)
    ]


def test_rows_of_a_prediction_are_told_with_rate_and_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, model = tmp_path / "run", str(tmp_path / "net.onnx")
    words = ["train", str(LONGER), "-o", str(run), "--epochs", "1", "--backend", "torch"]
    assert CliRunner().invoke(main, words).exit_code == 0
    words = ["export", str(LONGER), "--weights", str(run / "best.safetensors"), "-o", model]
    assert CliRunner().invoke(main, words).exit_code == 0
    rows = SPECS / "data" / "digits.csv"
    seen: list[tuple[int, int]] = []
    whole = nnspec.predict(model, rows, on_rows=lambda *told: seen.append(told))
    assert seen[-1] == (1797, 1797)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert {total for _, total in seen} == {1797}
    assert nnspec.predict(model, rows).table().equals(whole.table())
    ask = ["predict", model, "--data", str(rows)]
    assert CliRunner().invoke(main, ask).stderr == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    result = CliRunner().invoke(main, ask)
    assert re.search(r"1,797 of 1,797 rows.*[0-9,]+ rows/s.*0:00:00", result.stderr, re.S)
    assert result.stdout.count("\n") == 1798
    assert "\x1b" not in result.stdout
