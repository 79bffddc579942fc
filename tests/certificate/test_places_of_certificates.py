"""The place of a certificate: what stands there is not lost, and what is strange not replaced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import nnspec
from nnspec.certificate import certifying, folder
from nnspec.errors import UsageError
from tests.certificate.test_certify import SPEC, certified

pytestmark = pytest.mark.usefixtures("network_alone")


def test_a_place_that_is_not_a_certificate_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is a \.json file"):
        certified(tmp_path / "m.txt")
    with pytest.raises(UsageError, match="there is no folder"):
        certified(tmp_path / "none" / "m.json")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "thesis.txt").write_text("kept")
    with pytest.raises(UsageError, match=r"holds thesis.txt, which is not of an earlier"):
        certified(tmp_path / "m.json")
    (tmp_path / "f").write_text("a file")
    with pytest.raises(UsageError, match="is in the way"):
        certified(tmp_path / "f.json")
    (tmp_path / "s.json.sig").write_text("of an earlier one")
    with pytest.raises(UsageError, match="signs an earlier certificate"):
        certified(tmp_path / "s.json")
    with pytest.raises(UsageError, match="add the backend that writes one"):
        certified(tmp_path / "x.json", backends=("torch", "keras"))
    with pytest.raises(UsageError, match='of the level "outputs"'):
        certified(tmp_path / "x.json", levels="gradients")
    assert (tmp_path / "m" / "thesis.txt").read_text() == "kept"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("at", range(6))
def test_what_breaks_the_writing_leaves_the_earlier_certificate(
    at: int, is_after: bool, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each of six renames: of folder, signature and statement, away and into place."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.onnx").write_text("earlier")
    (tmp_path / "m.json").write_text(json.dumps({"subject": [{"name": "m/model.onnx"}]}))
    (tmp_path / "m.json.sig").write_text("earlier")
    before = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
    place = folder.Place(tmp_path / "m.json", is_signed=True)
    rename, count = Path.rename, iter(range(100))

    def broken(self: Path, target: Path) -> Path:
        is_now = next(count) == at
        if is_now and not is_after:
            raise error
        done = rename(self, target)
        if is_now:
            raise error
        return done

    with place.staged() as stage:
        (stage / "m").mkdir()
        for name in ("m/model.onnx", "m.json", "m.json.sig"):
            (stage / name).write_text("new")
        monkeypatch.setattr(Path, "rename", broken)
        with pytest.raises(UsageError if isinstance(error, OSError) else KeyboardInterrupt):
            place.publish(stage)
        assert next(count) > at
    assert before == {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}


def test_what_is_put_into_the_folder_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replayed(_: Path) -> tuple[bool, str]:
        (tmp_path / "m").mkdir()
        (tmp_path / "m" / "thesis.txt").write_text("kept")
        return True, ""

    monkeypatch.setattr(certifying, "replay", replayed)
    with pytest.raises(UsageError, match=r"holds thesis.txt, which is not of an earlier"):
        certified(tmp_path / "m.json")
    assert [each.name for each in tmp_path.rglob("*")] == ["m", "thesis.txt"]


def test_the_spec_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(json.dumps(SPEC))
    with pytest.raises(UsageError, match="is what this command reads"):
        nnspec.certify(tmp_path / "net.json", tmp_path / "net.json")
    assert json.loads((tmp_path / "net.json").read_text()) == SPEC
    (tmp_path / "m.json.sig").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        folder.Place(tmp_path / "m.json", is_signed=True)
