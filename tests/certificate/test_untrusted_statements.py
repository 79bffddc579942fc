"""Statements of others: no name leads out of the folder, and what is none is said to be none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.certificate.bare import replay
from tests.certificate.test_replay import own, rewritten


def renamed(name: str) -> Callable[[Any], object]:
    def edit(statement: Any) -> None:
        statement["subject"][0]["name"] = name
        own(statement)["sizes"][name] = 3

    return edit


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "/etc/hostname",
        "m/../../secret",
        "m/..",
        "secret",
        "m\\..",
        "./secret",
        "m/a/b",
    ],
)
def test_no_path_leads_out_of_the_folder(name: str, copied: Path, bare: Path) -> None:
    (copied.parent.parent / "secret").write_text("abc")
    (copied.parent / "secret").write_text("abc")
    rewritten(copied, renamed(name))
    code, text = replay(copied, bare)
    assert code == 1
    assert "is not the name of a file" in text


def test_no_link_leads_out_of_the_folder(copied: Path, bare: Path) -> None:
    model = copied.parent / "m" / "model.onnx"
    model.rename(copied.parent / "other.onnx")
    model.symlink_to(copied.parent / "other.onnx")
    code, text = replay(copied, bare)
    assert code == 1
    assert "'m/model.onnx' is no file there" in text


def test_a_file_more_or_less_breaks_it(copied: Path, bare: Path) -> None:
    (copied.parent / "m" / "model.onnx.data").write_text("more")
    code, text = replay(copied, bare)
    assert code == 1
    assert "model.onnx.data" in text
    (copied.parent / "m" / "model.onnx.data").unlink()
    (copied.parent / "m" / "keras.py").unlink()
    assert "'m/keras.py' is no file there" in replay(copied, bare)[1]


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '{"predicate": {"nnspec": NaN}}', "\x00"])
def test_what_is_no_statement_is_said_to_be_none(text: str, copied: Path, bare: Path) -> None:
    copied.write_text(text)
    code, told = replay(copied, bare)
    assert code == 1
    assert "Traceback" not in told
    assert str(copied) in told
    assert "certificate FAILS: 1" in told


def test_a_statement_without_end_is_not_read(copied: Path, bare: Path) -> None:
    with copied.open("r+") as file:
        file.truncate(2**26 + 1)
    code, told = replay(copied, bare)
    assert code == 1
    assert "too large for a statement" in told
