"""What a random spec must stand: every compile, ruff, and a verification without a false alarm."""

from __future__ import annotations

import random
import re
import subprocess
import traceback
from collections.abc import Iterator
from pathlib import Path

from nnspec.backend import Options, get_backend
from nnspec.errors import NnspecError, SpecError, UsageError
from nnspec.network.loader import Spec
from nnspec_keras.options import KerasOptions
from nnspec_onnx.options import DirectOptions
from tests.formatting import RUFF

EXPORTED = 10
"""Of so many specs one is verified with the frameworks' own exporters too."""
STEPS = 2
TOOLS = {
    "ruff check": ["check", "--output-format=concise"],
    "ruff format": ["format", "--check", "--output-format=concise"],
}
OPSETS = range(18, 24)


def options_of(spec: Spec, number: int) -> dict[str, tuple[str, Options]]:
    """Return name -> (backend, options) of everything that the spec is compiled to."""
    opset = random.Random(number).choice(OPSETS)
    found: dict[str, tuple[str, Options]] = {
        "onnx": ("onnx", DirectOptions(opset=opset)),
        "onnx_folded": ("onnx", DirectOptions(opset=opset, fold=True)),
    }
    for backend in ("torch", "keras"):
        found[backend] = (backend, Options())
        found[f"{backend}_native"] = (backend, Options(layout="native"))
        if spec.model.training is not None:
            found[f"{backend}_training"] = (backend, Options(training=True))
    if spec.model.training is not None:
        found["keras_stock"] = ("keras", KerasOptions(training=True, stock=True))
    return found


def compiled(spec: Spec, number: int, folder: Path) -> Iterator[tuple[str, str]]:
    """Compile to everything, write what is Python; yield (kind, problem)."""
    for name, (backend, options) in options_of(spec, number).items():
        try:
            made = get_backend(backend).compile(spec, options)
            if backend == "onnx":
                made.write(folder / "model.onnx")
            else:
                made.write(folder / f"n{number}_{name}.py")
        except NnspecError as error:
            yield "refused by compile", f"{name}: {error}"
        except Exception:
            yield "traceback", f"{name}: {traceback.format_exc(limit=-3)}"


def verified(spec: Spec, number: int) -> Iterator[tuple[str, str]]:
    """Verify; yield (kind, problem)."""
    from nnspec import verify

    exporters = number % EXPORTED == 0
    opset = random.Random(number).choice(OPSETS)
    try:
        report = verify(spec, exporters=exporters, steps=STEPS, opset=opset)
    except SpecError as error:  # of lengths that only the steps of the run show
        yield "refused by check", str(error)
        return
    except UsageError as error:
        yield "refused by verify", str(error)
        return
    except Exception:
        yield "lost report", traceback.format_exc(limit=-4)
        return
    for check in report.checks:
        if not check.passed:
            pair = " and ".join(check.pair)
            figures = f"error {check.error:.2e}, tolerance {check.tolerance:.2e}"
            where = f"at {check.layer}" if check.layer else ""
            yield (
                "false alarm",
                f"{check.kind} {check.dtype} {pair}: {figures} {where} {check.detail}",
            )
    for left in report.not_checked:
        if left.kind is None and not left.by_call and not any("via" in name for name in left.pair):
            yield "engine left out", f"{' and '.join(left.pair)}: {left.reason}"


def ruff_findings(folder: Path) -> Iterator[tuple[int, str, str]]:
    """Yield (number, kind, problem) for the emitted files in the folder; one call of each tool."""
    for kind, command in TOOLS.items():
        run = subprocess.run(
            [RUFF, *command, "--isolated", "--no-cache", "."],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        for line in (run.stdout + run.stderr).splitlines():
            found = re.match(r"n(\d+)_\w+\.py:", line)
            if found:
                yield int(found[1]), kind, line
            elif "error" in line and "Found" not in line:
                yield -1, kind, line
