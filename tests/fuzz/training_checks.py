"""What a random training must stand: compiled, linted, verified, run as a script and by `train`."""

from __future__ import annotations

import json
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import nnspec
from nnspec.errors import NnspecError, SpecError
from nnspec.network.loader import Spec, loads
from nnspec.training.lengths import with_rows_read
from nnspec.verification.samples import random_goals, random_inputs
from tests.fuzz.trainings import training_of

Found = tuple[str, str]
ROWS = 23
RUN = 3
"""Of so many specs one is trained by its scripts too, and by `nnspec train` in both frameworks."""
FRAMEWORKS = ("torch", "keras")
FOLDED = 1e-7
"""How far apart weights may end that two frameworks train in float64, relative to the largest."""


def checked(number: int, folder: Path) -> Iterator[Found]:
    """Yield (kind, problem) of the training of this number; files are written to the folder."""
    document = training_of(number)
    own = folder / f"own{number}"
    own.mkdir()
    try:
        spec = loads(json.dumps(document), path=own / "net.json", is_json=True)
    except SpecError as error:
        yield (
            "refused by check",
            "; ".join(f"{each.code}: {each.message}" for each in error.problems),
        )
        return
    except Exception:
        yield "traceback", f"check: {traceback.format_exc(limit=-3)}"
        return
    write_rows(spec)
    compiled = True
    for backend in FRAMEWORKS:
        try:
            made = nnspec.compile(spec, backend, training=True)
            made.write(folder / f"n{number}_{backend}_training.py")
            made.write(own / f"script_of_{backend}.py")
        except NnspecError as error:
            compiled = False
            yield "refused by compile", f"{backend}: {error}"
        except Exception:
            compiled = False
            yield "traceback", f"{backend}: {traceback.format_exc(limit=-3)}"
    try:
        nnspec.compile(spec, "keras", training=True, stock=True).write(
            folder / f"n{number}_keras_stock.py"
        )
    except NnspecError:
        pass  # the optimizers that Keras has not, by this name
    except Exception:
        yield "traceback", f"keras, stock: {traceback.format_exc(limit=-3)}"
    if compiled:
        yield from verified(spec)
        if number % RUN == 0:
            yield from trained(spec)


def write_rows(spec: Spec) -> None:
    """Write rows that fit the spec beside it."""
    assert spec.model.data is not None
    inputs = random_inputs(spec.graph, ROWS, {}, 1)
    goals = random_goals(spec, ROWS, {}, 1)
    target: Any = spec.model.data.target
    arrays: dict[str, Any] = {name: np.asarray(array) for name, array in inputs.items()}
    if isinstance(target, dict):
        assert isinstance(goals, dict)
        arrays |= {column: goals[output] for output, column in target.items()}
    elif target is None:
        # An autoencoder of shares takes what lies between 0 and 1.
        arrays = {name: 1 / (1 + np.exp(-array)) for name, array in arrays.items()}
    else:
        (goal,) = goals.values() if isinstance(goals, dict) else (goals,)
        arrays[target] = goal
    np.savez(spec.folder / spec.model.data.source, **arrays)


def verified(spec: Spec) -> Iterator[Found]:
    """Verify what trains; yield what is a false alarm, and what is left out."""
    try:
        report = nnspec.verify(spec, backends=FRAMEWORKS, exporters=False, steps=3)
    except SpecError as error:  # of lengths that only the steps of the run show
        yield "refused by check", str(error)
        return
    except NnspecError as error:
        yield "refused by verify", str(error)
        return
    except Exception:
        yield "lost report", traceback.format_exc(limit=-4)
        return
    for check in report.checks:
        if not check.passed:
            figures = f"error {check.error:.2e}, tolerance {check.tolerance:.2e}"
            pair = " and ".join(check.pair)
            where = f"at {check.layer}" if check.layer else ""
            text = f"{check.kind} {check.dtype} {pair}: {figures} {where} {check.detail}"
            yield "false alarm", text
    for left in report.not_checked:
        if left.by_call or "not compared after training" in left.reason:
            continue
        if left.kind in ("gradient", "training", "optimizer") or left.kind is None:
            yield "left out", f"{left.kind} {' and '.join(left.pair)}: {left.reason}"


def trained(spec: Spec) -> Iterator[Found]:
    """Train in both frameworks, in float64, and by both scripts; yield what ends otherwise."""
    ends = {}
    refused: set[str] = set()
    for backend in FRAMEWORKS:
        try:
            run = nnspec.train(spec, backend, spec.folder / f"run_{backend}", dtype="float64")
            ends[backend] = nnspec.weights.canonical.load_weights(run.last)
        except NnspecError as error:
            refused.add(backend)
            yield "refused by train", f"{backend}: {error}"
        except Exception:
            yield "traceback", f"train, {backend}: {traceback.format_exc(limit=-4)}"
    if len(refused) == 1:
        yield "refused by one", " and ".join(refused)
    if len(ends) == 2:
        yield from _apart(ends["torch"], ends["keras"])
    for backend in FRAMEWORKS:
        yield from script(with_rows_read(spec), backend, is_refused=backend in refused)


def _apart(one: dict[str, Any], other: dict[str, Any]) -> Iterator[Found]:
    for name, array in one.items():
        if name.endswith("running_var"):
            continue  # a formula of the framework's own: docs/divergences.md
        off = float(np.abs(np.subtract(array, other[name], dtype="float64")).max(initial=0))
        if not off <= FOLDED * max(1.0, float(np.abs(array).max(initial=0))):
            yield "trained apart", f"{name} ends {off:.2e} apart in PyTorch and Keras"
            return


def script(spec: Spec, backend: str, *, is_refused: bool = False) -> Iterator[Found]:
    """Run the main program of a script, where it has one, as a user would.

    is_refused: whether `nnspec train` refuses the rows, as the script then has to.
    """
    from tests.script_cases import run, script_of

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            module = script_of(spec, backend)
            if hasattr(module, "main"):
                suffix = {"torch": "safetensors", "keras": "keras"}[backend]
                run(module, "--output", spec.folder / f"out_{backend}.{suffix}")
                if is_refused:
                    yield "script runs", f"{backend}: what train refuses"
    except SystemExit as error:
        if error.code and not is_refused:
            yield "script ends", f"{backend}: {error.code}"
    except Exception:
        yield "script breaks", f"{backend}: {traceback.format_exc(limit=-3)}"
