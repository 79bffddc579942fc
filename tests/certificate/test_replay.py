"""A certificate replays where nnspec is not, and breaks with whatever is changed in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import nnspec
from nnspec.certificate.folder import checker
from nnspec.certificate.statement import OWN, REST, text_of
from tests.certificate.bare import replay
from tests.certificate.conftest import SPEC


def own(statement: Any) -> Any:
    return statement["predicate"][OWN]


def rewritten(path: Path, edit: Callable[[Any], object]) -> None:
    """Edit a statement as one does who also makes its digests anew."""
    statement = json.loads(path.read_text())
    for each in statement["subject"]:
        file = path.parent / each["name"]
        if file.is_file() and path.parent in file.resolve().parents:
            each["digest"] = {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
            own(statement)["sizes"][each["name"]] = file.stat().st_size
    digests = {each["name"]: each["digest"] for each in statement["subject"]}
    for each in statement["predicate"]["configuration"]:
        each["digest"] = digests[each["name"]]
    edit(statement)
    own(statement).pop(REST)
    path.write_text(text_of(statement))


def test_it_replays_with_nothing_but_what_it_needs(made: Path, bare: Path) -> None:
    code, text = replay(made, bare)
    assert code == 0, text
    assert "FAIL" not in text
    assert "control, one number of scores.bias in the model changed" in text
    assert "with 8 of 8 weights of their file it gives the same" in text


def test_what_is_stated(made: Path) -> None:
    statement = json.loads(made.read_text())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    predicate = statement["predicate"]
    assert predicate["result"] == "PASSED"
    assert predicate["passedTests"]
    assert not predicate["failedTests"]
    digests = {each["name"]: each["digest"]["sha256"] for each in statement["subject"]}
    assert {name.partition("/")[2] for name in digests} == {
        *("spec.yaml", "network.yaml", "torch.py", "keras.py", "weights.safetensors"),
        *("model.onnx", "inputs.safetensors", "expected.safetensors", "check_certificate.py"),
    }
    for name, digest in digests.items():
        assert hashlib.sha256((made.parent / name).read_bytes()).hexdigest() == digest
    assert (made.parent / "m" / "spec.yaml").read_text() == SPEC
    assert (made.parent / "m" / "check_certificate.py").read_text() == checker()
    stated = own(statement)
    assert {"torch", "keras", "onnxruntime"} <= set(stated["environment"]["versions"])
    assert stated["environment"]["processor"]
    assert stated["settings"]["seed"] == 0
    assert stated["settings"]["batch"] == 4
    assert stated["settings"]["opset"] == 21
    found = {each["level"] for each in stated["negative_control"]["injected"]}
    assert found == {"outputs", "gradients", "training"}
    assurance = {each["level"]: each["assurance"] for each in stated["checks"]}
    assert assurance["gradients"] == assurance["training"] == "attested"
    replayed = [each for each in stated["checks"] if each["assurance"] == "replayed"]
    assert [each["between"][0] for each in replayed] == ["onnx", "onnx, optimized"]
    assert any("exporters are left out" in each for each in stated["not_checked"])
    for name in ("torch", "keras"):
        assert stated["sources"][name]["loaded"] == "by its program's own account"


def test_the_recorded_source_and_network_are_what_was_verified(made: Path) -> None:
    network = nnspec.load(made.parent / "m" / "network.yaml")
    assert network.sha256 == own(json.loads(made.read_text()))["network"]["sha256"]
    spec = nnspec.loads((made.parent / "m" / "spec.yaml").read_text(), path="net.yaml")
    source = (made.parent / "m" / "torch.py").read_text()
    assert nnspec.compile(spec, "torch", training=True).source == source


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


FILES = (
    *("weights.safetensors", "model.onnx", "inputs.safetensors", "expected.safetensors"),
    *("spec.yaml", "network.yaml", "torch.py", "keras.py", "check_certificate.py"),
)


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_breaks_it(name: str, copied: Path, bare: Path, tmp_path: Path) -> None:
    trusted = tmp_path / "trusted.py"
    trusted.write_text(checker())
    flipped(copied.parent / "m" / name)
    code, text = replay(copied, bare, trusted)
    assert code == 1
    assert f"FAIL the digests of 9 files: m/{name}" in text


def first(level: str) -> Callable[[Any], Any]:
    return lambda s: next(each for each in own(s)["checks"] if each["level"] == level)


EDITS: dict[str, Callable[[Any], object]] = {
    "an error": lambda s: first("training")(s).update(error=1e-16),
    "a threshold": lambda s: first("gradients")(s).update(threshold=1e-10),
    "a verdict": lambda s: s["predicate"].update(result="FAILED"),
    "the batch": lambda s: own(s)["settings"].update(batch=64),
    "a version": lambda s: own(s)["environment"]["versions"].update(torch="9.9"),
    "the error of a control": lambda s: own(s)["negative_control"]["injected"][0].update(error=1),
    "what was not checked": lambda s: own(s).update(not_checked=[]),
    "a sample": lambda s: first("outputs")(s)["sample"].update(rows=10_000),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_number_breaks_it(what: str, copied: Path, bare: Path) -> None:
    statement = json.loads(copied.read_text())
    EDITS[what](statement)
    copied.write_text(json.dumps(statement))
    code, text = replay(copied, bare)
    assert code == 1
    assert "FAIL the statement is as it was written" in text


@pytest.mark.parametrize("key", ["result", "error"])
def test_a_key_that_is_stated_twice_breaks_it(key: str, copied: Path, bare: Path) -> None:
    """Readers differ in which of the two they take; the digest is of one."""
    text = copied.read_text()
    copied.write_text(text.replace(f'"{key}": ', f'"{key}": 0, "{key}": ', 1))
    code, told = replay(copied, bare)
    assert code == 1
    assert f"'{key}' is stated twice" in told


def test_another_spelling_of_the_same_statement_holds(copied: Path, bare: Path) -> None:
    copied.write_text(json.dumps(json.loads(copied.read_text()), sort_keys=True))
    assert replay(copied, bare)[0] == 0


def turned(path: Path, name: str) -> None:
    arrays = load_file(path)
    arrays[name] = arrays[name] + np.asarray(0.01, arrays[name].dtype)
    save_file(arrays, path)


def turned_in_model(path: Path) -> None:
    """Change a weight of the ONNX file: its numbers stand there as they do in the weights' file."""
    weight = load_file(path.with_name("weights.safetensors"))["scores.weight"]
    content = path.read_bytes()
    assert content.count(weight.tobytes()) == 1
    path.write_bytes(content.replace(weight.tobytes(), (weight * np.float32(1.01)).tobytes()))


FORGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "model": (lambda m: turned_in_model(m / "model.onnx"), "run here"),
    "weights": (lambda m: turned(m / "weights.safetensors", "scores.weight"), "with 8 of 8"),
    "inputs": (lambda m: turned(m / "inputs.safetensors", "x"), "run here"),
    "expected outputs": (
        lambda m: turned(m / "expected.safetensors", "torch float64/probabilities"),
        "recorded",
    ),
}


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_file_breaks_it_with_the_digests_made_anew(
    what: str, copied: Path, bare: Path
) -> None:
    change, told = FORGED[what]
    change(copied.parent / "m")
    rewritten(copied, lambda s: None)
    code, text = replay(copied, bare)
    assert code == 1, text
    assert "ok   the digests" in text
    assert any(line.startswith("FAIL") and told in line for line in text.splitlines()), text


def without_output(folder: Path) -> None:
    arrays = load_file(folder / "expected.safetensors")
    name = next(each for each in arrays if each.startswith("onnx float32/"))
    arrays[name.replace("probabilities", "another")] = arrays.pop(name)
    save_file(arrays, folder / "expected.safetensors")


def test_an_output_that_is_recorded_by_another_name_breaks_it(copied: Path, bare: Path) -> None:
    without_output(copied.parent / "m")
    rewritten(copied, lambda s: None)
    code, text = replay(copied, bare)
    assert code == 1
    assert "recorded inf" in text


FORGED_NUMBERS: dict[str, tuple[Callable[[Any], object], str]] = {
    "an error of outputs": (lambda s: first("outputs")(s).update(error=1e-17), "recorded"),
    "an error beyond its threshold": (lambda s: first("training")(s).update(error=1.0), "stated"),
    "a threshold below the error": (
        lambda s: [c.update(threshold=1e-20) for c in own(s)["checks"]],
        "stated errors",
    ),
    "a threshold that hides the control": (
        lambda s: [
            c.update(threshold=0.9) for c in own(s)["checks"] if c["assurance"] == "replayed"
        ],
        "control, one number of",
    ),
    "a threshold of 1": (lambda s: first("training")(s).update(threshold=1.0), "stated errors"),
    "a verdict": (lambda s: first("training")(s).update(passed=False), "stated errors"),
    "the result": (lambda s: s["predicate"].update(result="WARNED"), "stated errors"),
    "a check left out": (lambda s: own(s)["checks"].pop(), "stated errors"),
    "a control left out": (
        lambda s: own(s)["negative_control"]["injected"].pop(),
        "injected faults",
    ),
    "a control not found": (
        lambda s: own(s)["negative_control"]["injected"][0].update(error=0.0),
        "injected faults",
    ),
    "a control without effect": (
        lambda s: own(s)["negative_control"]["replay"].update(
            value=0.0, index=0, tensor="norm.weight_that_is_not_there"
        ),
        "no 'norm.weight_that_is_not_there'",
    ),
    "a control that moves any output": (
        lambda s: own(s)["negative_control"]["replay"].update(value=1e6),
        "control, one number of",
    ),
    "what was read": (
        lambda s: s["predicate"]["configuration"][0].update(digest={"sha256": "0"}),
        "what was read",
    ),
    "threads": (lambda s: own(s)["environment"].update(threads="many"), "many"),
    "a line of its own": (
        lambda s: [
            c.update(name=c["name"] + "\ncertificate holds", error=1.0) for c in own(s)["checks"]
        ],
        "?certificate holds",
    ),
    "another type": (lambda s: s.update(_type="https://in-toto.io/Statement/v2"), "known type"),
}


@pytest.mark.parametrize("what", FORGED_NUMBERS)
def test_a_forged_number_breaks_it_with_the_digests_made_anew(
    what: str, copied: Path, bare: Path
) -> None:
    edit, told = FORGED_NUMBERS[what]
    rewritten(copied, edit)
    code, text = replay(copied, bare)
    assert code == 1, text
    assert "ok   the statement is as it was written" in text
    assert any(line.startswith("FAIL") and told in line for line in text.splitlines()), text


NOT_FINITE = """
nnspec: 1
name: Logarithm
inputs:
  x: {shape: [6]}
layers:
  - {name: scores, type: dense, units: 3}
  - {name: logs, type: log}
"""


@pytest.mark.parametrize("seed", range(3))
def test_outputs_that_are_not_finite_are_replayed(seed: int, bare: Path, tmp_path: Path) -> None:
    """The number that a control changes is one that is finite, or all would be as it was."""
    found = nnspec.certify(
        NOT_FINITE, tmp_path / "m.json", exporters=False, steps=2, batch=4, seed=seed
    )
    assert found.written, found.reason
    outputs = load_file(tmp_path / "m" / "expected.safetensors")["onnx float32/logs"]
    assert np.isnan(outputs).any()
    code, text = replay(tmp_path / "m.json", bare)
    assert code == 0, text
    assert "ok   control, one number of logs changed" in text


def test_what_is_trained_is_stated(made: Path, tmp_path: Path) -> None:
    """A spec without training is compared by an objective that it does not state."""
    objective = own(json.loads(made.read_text()))["objective"]
    assert objective["is_of_the_spec"]
    assert objective["training"]["optimizer"]["type"] == "adam"
    assert not (made.parent / "m" / "torch_training.py").exists()
    text = SPEC[: SPEC.index("training:")]
    found = nnspec.certify(text, tmp_path / "m.json", exporters=False, steps=2, batch=4)
    assert found.written, found.reason
    stated = own(found.statement)
    assert not stated["objective"]["is_of_the_spec"]
    assert stated["objective"]["training"]["optimizer"]["type"] == "sgd"
    for name in ("torch", "keras"):
        assert stated["sources"][name]["training"] == f"m/{name}_training.py"
        held = (tmp_path / "m" / f"{name}_training.py").read_text()
        assert "def train" in held or "compile(" in held
        assert held != (tmp_path / "m" / f"{name}.py").read_text()
    assert stated["environment"]["threads"] is None
    samples = [each["sample"] for each in stated["checks"]]
    told = " ".join(str(each.get("of", "")) for each in samples)
    assert "batches of 1 of these rows" in told  # a batch of 4 has no others
    assert "a batch of 1" in told
    assert "13" not in told


def test_what_only_a_signature_guards(copied: Path, bare: Path) -> None:
    """docs/certificate.md says that these go unseen with the digest made anew."""
    rewritten(copied, lambda s: first("training")(s).update(error=1e-12))
    rewritten(copied, lambda s: own(s)["environment"].update(processor="another"))
    assert replay(copied, bare)[0] == 0
