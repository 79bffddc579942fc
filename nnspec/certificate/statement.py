"""The statement: in-toto's, of the type test-result, with what nnspec found beside it.

https://github.com/in-toto/attestation, spec/v1/statement.md and spec/predicates/test-result.md.
What is nnspec's own stands under one key, which other readers pass over.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.certificate.control import LEVELS
from nnspec.verification.call_checks import CALLS
from nnspec.verification.checks import TITLES
from nnspec.verification.float32_checks import BATCHES
from nnspec.verification.inspected import MANY_ROWS
from nnspec.verification.optimizer_checks import SCALES
from nnspec.verification.random_checks import ELEMENTS, ROWS
from nnspec.verification.settings import BATCH
from nnspec.verification.tolerance import relative_error

if TYPE_CHECKING:
    from nnspec.certificate.control import Control
    from nnspec.certificate.evidence import ChangedWeight, Evidence
    from nnspec.network.loader import Spec
    from nnspec.verification.checks import Check, Kind
    from nnspec.verification.report import Report
    from nnspec.verification.settings import Settings

TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
OWN = "nnspec"
REST = "sha256_of_the_rest"
"""The key of the digest of everything else in the statement."""

RELATIVE = "max|given - expected| / max|expected|, the largest over all tensors"
FOUND = "0 where nothing breaks the law; a finding has no number"
REPLAYED = "replayed"
"""The ONNX file is run again, and compared with the recorded outputs."""
RECOMPUTED = "recomputed"
"""The error follows from recorded outputs, and is computed again."""
ATTESTED = "attested"
"""It was measured when the certificate was made; to repeat it takes the frameworks."""


def digest(content: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical(statement: Mapping[str, Any]) -> bytes:
    """Return the bytes of a statement that its own digest is of."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def text_of(statement: Mapping[str, Any]) -> str:
    """Return a statement as JSON text, its own digest added."""
    predicate = statement["predicate"]
    own = {**predicate[OWN], REST: digest(canonical(statement))}
    whole = {**statement, "predicate": {**predicate, OWN: own}}
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def statement(
    spec: Spec,
    settings: Settings,
    report: Report,
    evidence: Evidence,
    control: Control,
    files: Mapping[str, Path],
    roles: Mapping[str, str],
    further: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the statement of a verification that passed, and whose control found its faults.

    files: by the name that the statement gives them. roles: "model", "inputs", "expected" and
    "weights" -> name. further: what else is stated.
    """
    described = {name: file_digest(path) for name, path in files.items()}
    checks = _checks(spec, settings, report, evidence)
    descriptors = [{"name": name, "digest": {"sha256": of}} for name, of in described.items()]
    found = control.injected
    read = {roles[each] for each in ("inputs", "weights", "spec")}
    return {
        "_type": TYPE,
        "subject": descriptors,
        "predicateType": PREDICATE,
        "predicate": {
            "result": "PASSED",
            "configuration": [each for each in descriptors if each["name"] in read],
            "passedTests": [each["name"] for each in checks],
            "warnedTests": [],
            "failedTests": [],
            OWN: {
                "network": {"name": spec.name, "sha256": spec.sha256},
                "settings": _settings(settings, evidence),
                "environment": _environment(report, evidence),
                "files": dict(roles),
                "sizes": {name: path.stat().st_size for name, path in files.items()},
                "checks": checks,
                "not_checked": [each.told() for each in report.not_checked],
                "notes": list(report.notes),
                "negative_control": {
                    "injected": [_injected(each) for each in found],
                    "replay": _replayed(evidence.fault, further["stored_weights"]),
                    "levels_without": sorted(
                        {each["level"] for each in checks} - {each.level for each in found}
                    ),
                },
                **further,
            },
        },
    }


def _checks(
    spec: Spec, settings: Settings, report: Report, evidence: Evidence
) -> list[dict[str, Any]]:
    """Return every check, by a name of its own."""
    seen: dict[str, int] = {}
    found = []
    for check in report.checks:
        name = f"{TITLES[check.kind]}: {' and '.join(check.pair)}, {check.dtype}"
        seen[name] = seen.get(name, 0) + 1
        found.append(
            {
                "name": name if seen[name] == 1 else f"{name} ({seen[name]})",
                "level": LEVELS.get(check.kind, TITLES[check.kind]),
                "between": list(check.pair),
                "dtype": check.dtype,
                "metric": FOUND if check.tolerance == 0 else RELATIVE,
                "error": check.error,
                "threshold": check.tolerance,
                "passed": check.passed,
                "sample": _sample(check, spec, settings, evidence),
                **_assurance(check, evidence),
            }
        )
    return found


def _assurance(check: Check, evidence: Evidence) -> dict[str, Any]:
    """Return how a check can be repeated without nnspec, and from which recorded outputs."""
    attested = {"assurance": ATTESTED}
    if LEVELS.get(check.kind) != "outputs":
        return attested
    expected, given = (
        each if each in evidence.arrays else f"{each} {check.dtype}" for each in check.pair
    )
    if check.dtype == "float32":
        expected, given = check.pair[1], f"{check.pair[0]} float32"
    if expected not in evidence.arrays or given not in evidence.arrays:
        return attested
    error = relative_error(evidence.arrays[given], evidence.arrays[expected])
    if not math.isclose(error, check.error, rel_tol=1e-12):
        return attested  # of other inputs
    recorded = {"given": given, "expected": expected}
    if given in evidence.labels:
        return {"assurance": REPLAYED, **recorded, "optimized": evidence.labels[given]}
    return {"assurance": RECOMPUTED, **recorded}


def _sample(
    check: Check, spec: Spec, settings: Settings, evidence: Evidence
) -> dict[str, int | str]:
    """Return how much a check looked at."""
    parameters = dict(spec.graph.parameters())
    learned = sum(math.prod(each.shape) for each in parameters.values() if each.learns)
    every = sum(math.prod(each.shape) for each in parameters.values())
    outputs = next(iter(evidence.arrays.values()))
    numbers = sum(int(np.size(array)) for array in outputs.values())
    rows = evidence.batch
    steps = settings.steps
    is_small = rows >= BATCH and not evidence.is_large
    known: dict[Kind, dict[str, int | str]] = {
        "forward": {"rows": rows, "numbers": numbers},
        "export": {"rows": rows, "numbers": numbers},
        "gradient": {"rows": rows, "numbers": learned},
        "training": {"rows": rows, "steps": steps, "numbers": every},
        "range": {"of": f"{rows} rows at a time, of each regime of inputs"},
        "meaning": {"of": f"{rows} rows, up to {CALLS} calls of one"},
        "optimizer": {"steps": len(SCALES), "numbers": every},
        "random": {"of": f"some {ELEMENTS:,} elements of each random layer, of attention {ROWS:,}"},
        "first_weights": {"numbers": every},
        "metrics": {"rows": MANY_ROWS if is_small else rows},
        "interface": {"of": "every input and output"},
    }
    if check.kind == "dynamic_shape" and check.dtype == "float32":
        batches = ", ".join(str(each) for each in BATCHES if each <= rows or rows >= BATCH)
        return {"of": f"batches of {batches} of these rows, and up to {CALLS} calls of one"}
    if check.kind in ("forward", "dynamic_shape"):
        # "onnx, a batch of 1": what is asked beside the batch.
        first, second = (each.partition(", ")[2] for each in check.pair)
        if other := second or first:
            return {"of": other}
    return known.get(check.kind, {"rows": rows})


def _settings(settings: Settings, evidence: Evidence) -> dict[str, Any]:
    assert evidence.engine is not None
    return {
        "backends": list(settings.backends),
        "exporters": settings.exporters,
        "batch": evidence.batch,
        "seed": settings.seed,
        "steps": settings.steps,
        "levels": list(settings.levels),
        "required": list(settings.require),
        "axes": dict(evidence.axes),
        "rows_of_a_file": settings.data is not None,
        "opset": evidence.engine.options.opset,  # type: ignore[attr-defined]  # an ONNX backend's
        "options": dict(settings.options),
    }


def _environment(report: Report, evidence: Evidence) -> dict[str, Any]:
    return {
        "versions": dict(report.versions),
        "processor": _processor(),
        "machine": platform.machine(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "threads": evidence.threads,
    }


def _processor() -> str:
    """Return the name of the processor, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _injected(each: Any) -> dict[str, Any]:
    """Return an injected fault with the check that found it; an infinite error is null."""
    error = each.found.error
    return {
        "level": each.level,
        "fault": each.fault,
        "between": list(each.found.pair),
        "dtype": each.found.dtype,
        "error": error if math.isfinite(error) else None,
        "threshold": each.threshold,
        "found": True,
    }


def _replayed(fault: ChangedWeight | None, stored: tuple[str, ...]) -> dict[str, Any]:
    """Return the change that a replay makes in the ONNX file."""
    if fault is None or fault.tensor not in stored:
        return {"tensor": None}
    return {"tensor": fault.tensor, "index": fault.position, "value": fault.value}
