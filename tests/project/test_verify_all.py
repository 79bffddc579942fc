"""`make verify-all`: every spec is in it, and the time that is left follows from what was taken."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts import verify_all
from scripts.verify_all import ROOT, ZOO, commands, seconds_left, told


def test_every_spec_is_verified_and_the_zoo_at_full_size() -> None:
    found = commands()
    assert {*found} == {
        path.relative_to(ROOT).as_posix()
        for folder in ("specs", "specs/sequences", "specs/digits", "specs/zoo")
        for path in (ROOT / folder).glob("*.yaml")
    }
    assert found["specs/zoo/gpt2.yaml"] == ZOO
    assert found["specs/digits_mlp.yaml"] == ()


def test_what_is_left_is_what_each_took_or_those_of_its_kind() -> None:
    kinds = {"a": 1, "b": 1, "c": 1, "big": 2, "huge": 2}
    assert seconds_left(["a"], kinds, {}) == (0.0, False)
    assert seconds_left(["b", "c"], kinds, {"a": 4.0}) == (8.0, True)
    assert seconds_left(["b", "c"], kinds, {"a": 4.0, "b": 6.0}) == (6.0 + 5.0, True)
    assert seconds_left(["c", "big"], kinds, {"a": 4.0}) == (4.0, False)
    assert seconds_left(["c", "huge"], kinds, {"a": 4.0, "big": 100.0}) == (104.0, True)
    assert told(0.0, False) == ""
    assert told(30.4, True) == ", about 30 s left"
    assert told(600.0, False) == ", at least 10 min left"


def test_a_failure_is_told_at_the_end_and_the_rest_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"specs/a.yaml": (), "specs/b.yaml": (), "specs/zoo/c.yaml": ZOO}
    run: list[list[str]] = []

    def verify(words: list[str], **settings: object) -> SimpleNamespace:
        run.append(words[3:])
        return SimpleNamespace(returncode=int("a.yaml" in words[4]))

    monkeypatch.setattr(verify_all, "commands", lambda: given)
    monkeypatch.setattr(verify_all, "KEPT", tmp_path / "build" / "kept.json")
    monkeypatch.setattr(subprocess, "run", verify)
    assert verify_all.main() == 1
    assert run == [["verify", name, *options] for name, options in given.items()]
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first == "== 1/3: nnspec verify specs/a.yaml"
    assert last == "not verified: specs/a.yaml"
    assert {*verify_all.kept()} == {*given}
    assert verify_all.main() == 1
    (tmp_path / "build" / "kept.json").write_text('{"specs/a.yaml": 5, "specs/b.yaml": 7}')
    capsys.readouterr()
    assert verify_all.main() == 1
    assert capsys.readouterr().out.startswith("== 1/3, at least 12 s left: ")
    (tmp_path / "build" / "kept.json").write_text("[1]")
    assert verify_all.kept() == {}
