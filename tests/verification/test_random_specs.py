"""Random specs of every layer, option and dtype compile, please ruff, and verify without alarm.

This is a slice with a fixed seed; `make fuzz` runs 2,000 of them.
"""

from __future__ import annotations

import json
import queue
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings

from nnspec.language.losses import LOSSES
from nnspec.language.metrics import METRICS
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.language.schedules import SCHEDULES
from nnspec.layers import LAYERS
from tests.fuzz import arguments
from tests.fuzz.checks import compiled, ruff_findings
from tests.fuzz.run import main, summary, work
from tests.fuzz.specs import Document, document_of, documents, load_document
from tests.fuzz.trainings import TRAININGS, training_of
from tests.logs import entries

SEED = 20261127
COMPILED = 60
VERIFIED = range(5000, 5006)


def test_every_layer_has_its_arguments() -> None:
    assert not arguments.missing()
    assert set(arguments.TABLE) <= set(LAYERS)


def test_nearly_all_specs_are_valid_and_every_layer_comes_up() -> None:
    drawn = [document_of(number) for number in range(500)]
    valid = [document for document in drawn if load_document(document) is not None]
    assert len(valid) > 0.95 * len(drawn)
    used = {layer["type"] for document in valid for layer in document["layers"]}
    assert len(set(LAYERS) - used) < 8
    assert any("training" in document for document in valid)
    assert any("blocks" in document for document in valid)


def test_nearly_all_trainings_are_valid_and_every_part_of_one_comes_up() -> None:
    """A new loss, optimizer, schedule or metric comes in by its table, or is missed here."""
    drawn = [training_of(TRAININGS + number) for number in range(700)]
    valid = [document for document in drawn if load_document(document) is not None]
    assert len(valid) > 0.9 * len(drawn)
    text = json.dumps([document["training"] for document in valid])
    for table in (LOSSES, OPTIMIZERS, SCHEDULES, METRICS):
        assert {word for word in table if f'"{word}"' not in text} == set()
    words = {"clip", "accumulate", "average", "groups", "keep", "stop", "weight", "warmup", "epoch"}
    assert {word for word in words if word not in text} == set()


def test_a_number_is_always_the_same_spec() -> None:
    assert document_of(7) == document_of(7) != document_of(8)


@seed(SEED)
@settings(
    max_examples=COMPILED,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(documents())
def test_every_valid_spec_compiles_to_clean_files(
    tmp_path_factory: pytest.TempPathFactory, document: Document
) -> None:
    spec = load_document(document)
    if spec is None:
        return
    folder = tmp_path_factory.mktemp("emitted")
    print(f"seed {SEED}", json.dumps(document))
    problems = [problem for problem in compiled(spec, 0, folder) if problem[0] == "traceback"]
    assert not problems
    assert not list(ruff_findings(folder))


@pytest.mark.slow
def test_some_are_the_same_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a process of their own: what one leaves behind is no other test's."""
    options = [
        f"--count={len(VERIFIED)}",
        f"--start={VERIFIED.start}",
        "-n1",
        f"--folder={tmp_path}",
    ]
    monkeypatch.setattr(sys, "argv", ["fuzz", *options])
    code = main()
    assert code == 0, capsys.readouterr().out
    done = [
        entry["number"] for entry in entries(tmp_path / "log.jsonl") if entry["state"] == "done"
    ]
    assert done == list(VERIFIED)
    # A second run finds nothing left to do.
    size = (tmp_path / "log.jsonl").stat().st_size
    assert main() == 0
    assert (tmp_path / "log.jsonl").stat().st_size == size


DYING = """
import json, os, sys
with open(sys.argv[1], "a", buffering=1) as log:
    for number in map(int, sys.argv[2:]):
        log.write(json.dumps({"number": number, "state": "begun"}) + "\\n")
        if number == 2:
            os._exit(9)
        log.write(json.dumps({"number": number, "state": "done", "problems": []}) + "\\n")
"""


def test_a_process_that_dies_costs_one_spec_and_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting: queue.Queue[list[int]] = queue.Queue()
    waiting.put([0, 1, 2, 3, 4])
    log = tmp_path / "log.jsonl"
    work(waiting, log, [sys.executable, "-c", DYING, str(log)], {})
    done = {entry["number"]: entry for entry in entries(log) if entry["state"] == "done"}
    assert set(done) == set(range(5))
    assert done[2]["problems"][0][0] == "dead process"
    assert summary(log, range(5), tmp_path) == 1
    assert "2: dead process: ended with 9" in capsys.readouterr().out
    assert (tmp_path / "2_dead_process.yaml").exists()


def test_what_ruff_finds_is_told_by_the_number_of_the_spec(tmp_path: Path) -> None:
    (tmp_path / "n12_torch.py").write_text("import os\nx = { }\n")
    found = {(number, kind) for number, kind, _ in ruff_findings(tmp_path)}
    assert found == {(12, "ruff check"), (12, "ruff format")}
