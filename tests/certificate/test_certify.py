"""When a certificate is written, and when none is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file

import nnspec
from nnspec.certificate import certifying, control, folder
from nnspec.cli import main
from nnspec.errors import MissingDependencyError, UsageError
from nnspec.verification.recorder import Recorder
from nnspec.verification.samples import exercised_weights, random_inputs
from tests.certificate.bare import packages, replay

pytestmark = pytest.mark.usefixtures("network_alone")

SPEC: dict[str, Any] = {
    "nnspec": 1,
    "name": "Small",
    "inputs": {"x": {"shape": [4]}},
    "layers": [{"name": "scores", "type": "dense", "units": 3}],
}


def small(*layers: dict[str, Any], shape: Any = (4,), **more: Any) -> dict[str, Any]:
    return {
        **SPEC,
        "inputs": {"x": {"shape": list(shape), **more}},
        "layers": list(layers) or SPEC["layers"],
    }


def certified(path: Path, spec: dict[str, Any] | None = None, **settings: Any) -> Any:
    given = {"exporters": False, "steps": 2, "batch": 4, **settings}
    return nnspec.certify(spec or SPEC, path, **given)


def nothing_in(folder: Path) -> bool:
    return not list(folder.iterdir())


NETWORKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "no parameters": (small({"type": "relu"}), {}),
    "gates in another order": (small({"type": "gru", "units": 3}, shape=("time", 2)), {}),
    "whole numbers": (small({"type": "dense", "units": 3}, {"type": "argmax", "axis": -1}), {}),
    "ids": (
        small(
            {"type": "embedding", "input_dim": 9, "output_dim": 3},
            {"type": "flatten"},
            {"type": "dense", "units": 2},
            dtype="int32",
        ),
        {"external_data": True},
    ),
    "folded": (
        small(
            {"type": "conv2d", "filters": 3, "kernel_size": 3},
            {"type": "batch_normalization"},
            {"type": "flatten"},
            shape=(2, 5, 5),
        ),
        {"fold": True},
    ),
    "without training": (SPEC, {"backends": ("torch", "onnx")}),
}


@pytest.mark.parametrize("what", NETWORKS)
def test_networks_are_certified(what: str, tmp_path: Path) -> None:
    spec, settings = NETWORKS[what]
    folder = tmp_path / "out"
    folder.mkdir()
    made = certified(folder / "m.json", spec, **settings)
    assert made.written, made.reason
    assert {each.name for each in folder.iterdir()} == {"m.json", "m"}
    code, text = replay(folder / "m.json", packages(tmp_path / "packages"))
    assert code == 0, text
    own = made.statement["predicate"]["nnspec"]
    assert (own["negative_control"]["replay"]["tensor"] is None) == (
        what in ("no parameters", "gates in another order", "folded")
    )
    levels = {each["level"] for each in own["checks"]}
    if what == "without training":
        assert not levels & {"gradients", "training"}
        assert any("loss and gradients" in each for each in own["not_checked"])


def test_the_weights_that_were_given_are_those_of_the_files(tmp_path: Path) -> None:
    weights = {"scores.weight": np.eye(3, 4), "scores.bias": np.array([0.1, 0.2, 0.3])}
    made = certified(tmp_path / "m.json", weights=weights)
    assert made.written, made.reason
    held = load_file(tmp_path / "m" / "weights.safetensors")
    for name, array in weights.items():
        assert np.array_equal(held[name], np.float32(array))
        assert np.float32(array).tobytes() in (tmp_path / "m" / "model.onnx").read_bytes()
    inputs = load_file(tmp_path / "m" / "inputs.safetensors")["x"]
    outputs = load_file(tmp_path / "m" / "expected.safetensors")
    wanted = inputs @ held["scores.weight"].T.astype("float64") + held["scores.bias"]
    for engine in ("torch", "keras", "onnx"):
        assert np.allclose(outputs[f"{engine} float64/scores"], wanted, rtol=0, atol=1e-12)
        assert outputs[f"{engine} float32/scores"].dtype == np.float32


def test_weights_that_tell_no_rows_apart_are_drawn_anew(tmp_path: Path) -> None:
    """What a file then holds are those that were verified."""
    dead = small({"type": "dense", "units": 1}, {"type": "relu"}, *SPEC["layers"])
    seed = next(each for each in range(50) if _is_dead(dead, each))
    made = certified(tmp_path / "d.certificate.json", dead, seed=seed)
    assert made.written, made.reason
    assert any("were drawn anew" in each for each in made.report.notes)
    outputs = load_file(made.folder / "expected.safetensors")
    for array in outputs.values():
        assert not np.array_equal(array, np.broadcast_to(array[:1], array.shape))
    given = load_file(made.folder / "weights.safetensors")
    kept = certified(tmp_path / "e.certificate.json", dead, weights=given)
    assert kept.written, kept.reason


def _is_dead(spec: dict[str, Any], seed: int) -> bool:
    graph = nnspec.loads(json.dumps(spec)).graph
    weights = exercised_weights(graph, seed)
    inputs = random_inputs(graph, 4, {}, seed)
    (kernel,) = (each for name, each in weights.items() if name.endswith("dense_1.weight"))
    (bias,) = (each for name, each in weights.items() if name.endswith("dense_1.bias"))
    return not (inputs["x"] @ kernel.T + bias > 0).any()


def test_no_certificate_where_no_fault_would_be_found_in_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nnspec.verification.output_checks.relative_error", lambda *_: 0.0)
    made = certified(tmp_path / "m.json")
    assert made.report.passed
    assert not made.written
    assert "the negative control did not work" in made.reason
    assert "torch and onnx in float64 did not find it" in made.reason
    assert nothing_in(tmp_path)


@pytest.mark.parametrize(("kind", "level"), [("gradient", "gradients"), ("training", "training")])
def test_no_certificate_where_no_fault_would_be_found_in_training(
    kind: str, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Recorder.add

    def blind(self: Recorder, what: Any, pair: Any, dtype: str, error: float, *rest: Any) -> None:
        add(self, what, pair, dtype, 0.0 if what == kind else error, *rest)

    monkeypatch.setattr(Recorder, "add", lambda *given, **_: blind(*given))
    made = certified(tmp_path / "m.json")
    assert made.report.passed
    assert f"{level}: " in made.reason
    assert "did not find it" in made.reason
    assert nothing_in(tmp_path)


def test_the_command_says_that_the_control_did_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control.Fault, "put_into", lambda self, engine, steps: engine)
    (tmp_path / "net.json").write_text(json.dumps(SPEC))
    ran = CliRunner().invoke(main, command(tmp_path))
    assert ran.exit_code == 1
    assert "no certificate is written: the negative control did not work" in ran.stderr
    assert not (tmp_path / "m.json").exists()
    assert not (tmp_path / "m").exists()


def command(folder: Path, *more: str) -> list[str]:
    return [
        *("certify", str(folder / "net.json"), "-o", str(folder / "m.json"), "--no-processes"),
        *("--no-exporters", "--steps", "2", "--batch", "4", *more),
    ]


def test_no_certificate_of_a_network_that_does_not_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.json").write_text(json.dumps(SPEC))
    assert CliRunner().invoke(main, command(tmp_path)).exit_code == 0
    before = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
    import nnspec_keras.runtime

    forward = nnspec_keras.runtime.KerasProgram.forward
    monkeypatch.setattr(
        nnspec_keras.runtime.KerasProgram,
        "forward",
        lambda self, inputs: {n: a * 1.001 for n, a in forward(self, inputs).items()},
    )
    ran = CliRunner().invoke(main, command(tmp_path))
    assert ran.exit_code == 1
    assert "no certificate is written: not the same: torch and keras" in ran.stderr
    assert "DIFFERS" in ran.stdout
    assert before == {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}


def test_the_command_in_processes_writes_over_an_earlier_certificate(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(json.dumps(SPEC))
    assert CliRunner().invoke(main, command(tmp_path, "--external-data")).exit_code == 0
    arguments = [each for each in command(tmp_path, "--json") if each != "--no-processes"]
    done = subprocess.run(
        [sys.executable, "-m", "nnspec", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["written"]
    assert {each["level"] for each in found["negative_control"]["injected"]} == {
        *("outputs", "gradients", "training")
    }
    assert replay(tmp_path / "m.json", packages(tmp_path / "packages"))[0] == 0
    assert {each.name for each in tmp_path.iterdir()} == {"m", "m.json", "net.json", "packages"}
    assert (tmp_path / "m" / "spec.json").read_text() == json.dumps(SPEC)


def test_what_is_required_and_not_checked_gives_no_certificate(tmp_path: Path) -> None:
    made = certified(tmp_path / "m.json", backends=("torch", "onnx"), require="gradients")
    assert "not checked as required" in made.reason
    assert nothing_in(tmp_path)


def test_gradients_alone_have_a_control_of_their_own(tmp_path: Path) -> None:
    made = certified(tmp_path / "m.json", levels="outputs,gradients")
    assert made.written, made.reason
    own = made.statement["predicate"]["nnspec"]
    found = {each["level"] for each in own["negative_control"]["injected"]}
    assert found == {"outputs", "gradients"}
    assert own["settings"]["levels"] == ["outputs", "gradients"]


def test_an_engine_that_answers_no_more_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compared with nothing, it is no proof that the checks would find a fault in it."""

    def refusing(self: control.Fault, engine: Any, steps: int) -> Any:
        wrong = put_into(self, engine, steps)

        def build(*_: Any, **__: Any) -> Any:
            raise ValueError("no model")

        if engine.is_onnx:
            vars(wrong)["build"] = build
        return wrong

    put_into = control.Fault.put_into
    monkeypatch.setattr(control.Fault, "put_into", refusing)
    made = certified(tmp_path / "m.json")
    assert made.report.passed
    assert "the negative control did not work" in made.reason
    assert "torch and onnx in float64" in made.reason
    assert nothing_in(tmp_path)


def test_a_replay_without_end_gives_no_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "SECONDS", 0.01)
    made = certified(tmp_path / "m.json")
    assert "its replay does not hold" in made.reason
    assert "more than 0.01 s" in made.reason
    assert nothing_in(tmp_path)


def test_a_replay_that_fails_gives_no_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = certifying.checker().replace(
        "def error_of(given, expected):",
        "def error_of(*_):\n    return 0.5\n\n\ndef unused(given, expected):",
    )
    monkeypatch.setattr(certifying, "checker", lambda: text)
    made = certified(tmp_path / "m.json")
    assert "its replay does not hold" in made.reason
    assert nothing_in(tmp_path)


def keys(folder: Path) -> tuple[Path, Path]:
    """Return a private and a public key, made for one test."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = ec.generate_private_key(ec.SECP256R1())
    private, public = folder / "key.pem", folder / "key.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


def test_a_signature_guards_every_number(tmp_path: Path) -> None:
    verifying = pytest.importorskip("model_signing.verifying", exc_type=ImportError)
    private, public = keys(tmp_path)
    made = certified(tmp_path / "m.json", sign=private)
    assert made.signature == tmp_path / "m.json.sig"
    config = verifying.Config().use_elliptic_key_verifier(public_key=public)
    config.verify(tmp_path / "m.json", made.signature)
    text = (tmp_path / "m.json").read_text()
    (tmp_path / "m.json").write_text(text.replace('"seed": 0', '"seed": 1'))
    with pytest.raises(ValueError, match="mismatch"):
        config.verify(tmp_path / "m.json", made.signature)


def test_a_key_that_is_none_is_refused_before_any_work(tmp_path: Path) -> None:
    pytest.importorskip("model_signing", exc_type=ImportError)
    with pytest.raises(UsageError, match="there is no such file"):
        certified(tmp_path / "m.json", sign=tmp_path / "none.pem")
    (tmp_path / "bad.pem").write_text("no key")
    with pytest.raises(UsageError, match="is no private key"):
        certified(tmp_path / "m.json", sign=tmp_path / "bad.pem")


def test_without_model_signing_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "model_signing", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "nnspec\[sign\]"'):
        certified(tmp_path / "m.json", sign=tmp_path / "key.pem")
    assert nothing_in(tmp_path)
