"""The course of a certification: verify, inject faults, write, replay, sign, put in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend import OnnxBackend, get_backend
from nnspec.certificate.control import LEVELS, TRAINED, Control, control
from nnspec.certificate.evidence import Evidence, take
from nnspec.certificate.folder import CHECKER, Place, checker, replay
from nnspec.certificate.statement import ATTESTED, OWN, statement, text_of
from nnspec.errors import UsageError, printable
from nnspec.support import files
from nnspec.verification.samples import exercised_weights
from nnspec.verification.verifier import verify_spec
from nnspec.weights.canonical import check_weights, load_weights, save_weights

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.certificate.signing import Signer
    from nnspec.network.loader import Spec
    from nnspec.remote.processes import Workers
    from nnspec.verification.report import Report
    from nnspec.verification.settings import Settings
    from nnspec.verification.state import State

MODEL, WEIGHTS, INPUTS, EXPECTED = (
    "model.onnx",
    "weights.safetensors",
    "inputs.safetensors",
    "expected.safetensors",
)
LARGEST = 2**32
"""Bytes of the inputs and outputs that a certificate holds at most."""


@dataclass(frozen=True, repr=False)
class Certificate:
    """The result of a certification.

    report: of the verification. statement: what was written to `path`, or None where no certificate
    was, and then `reason` says why not.
    """

    path: Path
    report: Report
    statement: dict[str, Any] | None = None
    reason: str = ""
    signature: Path | None = None

    @property
    def written(self) -> bool:
        """Whether there is a certificate."""
        return self.statement is not None

    @property
    def folder(self) -> Path:
        """The folder of the files that the statement names."""
        return self.path.with_suffix("")

    def as_json(self) -> dict[str, Any]:
        """Return the result as `nnspec certify --json` prints it."""
        own = self.statement["predicate"][OWN] if self.statement is not None else None
        return {
            "path": str(self.path),
            "written": self.written,
            "reason": self.reason or None,
            "verdict": self.report.verdict,
            "checks": len(self.report.checks),
            "not_checked": len(self.report.not_checked),
            "signature": str(self.signature) if self.signature is not None else None,
            "negative_control": own["negative_control"] if own is not None else None,
        }

    def __repr__(self) -> str:
        what = "written" if self.written else f"not written: {self.reason}"
        return printable(f"<Certificate {self.path}: {what}>")


def certify(
    spec: Spec,
    path: str | Path,
    settings: Settings,
    workers: Workers | None = None,
    *,
    text: str | None = None,
    sign: Signer | None = None,
    external_data: bool = False,
) -> Certificate:
    """Verify a network, and write what was found with all that it takes to replay it.

    text: of the spec's file, as it was read. sign: signs the statement.
    Nothing is written where the network does not verify, where an injected fault is not found, or
    where the replay of what would be written fails. Raises UsageError before any work where the
    place cannot be written.
    """
    place = Place(path, is_signed=sign is not None)
    _require_model(settings)
    files.require_apart(place.statement, spec.path, settings.data)
    with place.staged() as stage:
        folder = stage / place.folder.name
        folder.mkdir()
        is_drawn = settings.weights is None

        def kept(weights: Mapping[str, Array]) -> dict[str, Array]:
            """Return weights as the file holds them: float32, read back from it."""
            save_weights(folder / WEIGHTS, weights)
            return load_weights(folder / WEIGHTS)

        settings = replace(settings, weights=kept(_weights(spec, settings)))
        evidence = Evidence(threads=workers.threads if workers is not None else None)

        def witness(state: State) -> None:
            nonlocal settings
            settings = replace(settings, weights=state.settings.weights)
            take(state, evidence)

        report = verify_spec(
            spec, settings, workers, witness=witness, redrawn=kept if is_drawn else None
        )
        if reason := _why_not(report, evidence):
            return Certificate(place.statement, report, reason=reason)
        found = control(spec, settings, workers, report, evidence.fault)
        if found.missed or not found.injected:
            told = "; ".join(found.missed) or "none could be injected"
            reason = f"the negative control did not work, an injected fault was not found: {told}"
            return Certificate(place.statement, report, reason=reason)
        settings.show("writing and replaying")
        made = _write(spec, settings, (report, evidence, found), folder, text, external_data)
        staged = stage / place.statement.name
        files.write_text(staged, text_of(made))
        holds, told = replay(staged)
        if not holds:
            reason = f"its replay does not hold:\n{told.strip()}"
            return Certificate(place.statement, report, reason=reason)
        if sign is not None:
            sign(staged, stage / place.signature.name)
        place.publish(stage)
    signature = place.signature if sign is not None else None
    return Certificate(place.statement, report, made, signature=signature)


def _require_model(settings: Settings) -> None:
    if "outputs" not in settings.levels:
        raise UsageError('a certificate is of the level "outputs", and of others: add it to level')
    if not any(isinstance(get_backend(each), OnnxBackend) for each in settings.backends):
        raise UsageError(
            "a certificate is replayed with an ONNX model: add the backend that writes one to "
            f"--backends, which are {', '.join(settings.backends)}"
        )


def _weights(spec: Spec, settings: Settings) -> Mapping[str, Array]:
    if settings.weights is None:
        return exercised_weights(spec.graph, settings.seed)
    check_weights(spec.graph, settings.weights)
    return settings.weights


def _why_not(report: Report, evidence: Evidence) -> str:
    """Return why a verification gives no certificate, or an empty text."""
    if not report.passed or report.blank:
        failed = [f"{' and '.join(each.pair)} ({each.kind})" for each in report.failures()]
        return f"{report.verdict}{': ' if failed else ''}{', '.join(failed)}"
    if evidence.engine is None or not evidence.inputs:
        reasons = "; ".join(each.told() for each in report.not_checked)
        return f"the outputs of the ONNX model were not compared in float32: {reasons}"
    arrays = [*evidence.inputs.values()]
    arrays += [array for outputs in evidence.arrays.values() for array in outputs.values()]
    if sum(array.nbytes for array in arrays) > LARGEST:
        return f"its inputs and outputs take more than {LARGEST:,} bytes: choose a smaller batch"
    return ""


def _write(
    spec: Spec,
    settings: Settings,
    found: tuple[Report, Evidence, Control],
    folder: Path,
    text: str | None,
    external_data: bool,
) -> dict[str, Any]:
    """Write the files into the folder, and return the statement."""
    report, evidence, control_ = found
    engine = evidence.engine
    assert engine is not None
    compiled = engine.backend.compile(spec, engine.options)
    compiled.write_files(folder / MODEL, settings.weights, external_data=external_data)
    save_weights(folder / INPUTS, evidence.inputs, dtype=None)
    outputs = {
        f"{whose}/{name}": np.asarray(array)
        for whose, outputs in evidence.arrays.items()
        for name, array in outputs.items()
    }
    save_weights(folder / EXPECTED, outputs, dtype=None)
    files.write_text(folder / CHECKER, checker())
    files.write_text(folder / "network.yaml", spec.to_yaml())
    given = "network.yaml"
    if text is not None:
        suffix = spec.path.suffix if spec.path is not None else ".yaml"
        given = f"spec{suffix}"
        files.write_text(folder / given, text)
    is_trained = any(LEVELS.get(each.kind) in TRAINED for each in report.checks)
    sources = {}
    for name, source in evidence.sources.items():
        files.write_text(folder / f"{name}.py", source.text)
        sources[name] = {
            "file": f"{folder.name}/{name}.py",
            "loaded": "by its program's own account" if source.is_confirmed else ATTESTED,
        }
        if is_trained and source.trained is not None:
            files.write_text(folder / f"{name}_training.py", source.trained)
            sources[name]["training"] = f"{folder.name}/{name}_training.py"
    roles = {
        "spec": given,
        "model": MODEL,
        "inputs": INPUTS,
        "expected": EXPECTED,
        "weights": WEIGHTS,
        "checker": CHECKER,
    }
    return statement(
        spec,
        settings,
        report,
        evidence,
        control_,
        {f"{folder.name}/{each.name}": each for each in sorted(folder.iterdir())},
        {role: f"{folder.name}/{name}" for role, name in roles.items()},
        {
            "sources": sources,
            "objective": _objective(spec, evidence.objective) if is_trained else None,
            "stored_weights": list(compiled.stored_as_given()),
        },
    )


def _objective(spec: Spec, trained: Spec | None) -> dict[str, Any] | None:
    """Return what gradients and training are of, and whether the spec says it."""
    if trained is None or trained.model.training is None:
        return None
    training = trained.model.training
    return {
        "is_of_the_spec": training == spec.model.training,
        "outputs": list(trained.graph.outputs),
        "training": training.model_dump(mode="json", by_alias=True, exclude_unset=False),
    }
