"""Writes docs/runtimes.md: nnspec's exports in other runtimes, each in an environment of its own.

    python scripts/runtimes [--only NAME ...] [--keep FOLDER]

It installs some gigabytes of pinned packages into a temporary folder, or into FOLDER, where a
second call finds them. Every network is exported in four forms: sizes open, rows fixed, all fixed,
one row. ONNX Runtime gives the right values; every other runtime runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from networks import FORMS, NETWORKS, Form, inputs_of, sizes_of, text_of
from page import Cell, page

import nnspec
from nnspec.verification.samples import exercised_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[np.generic]]

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TIMEOUT = 300


@dataclass(frozen=True)
class Runtime:
    """What is installed, and what runs a model in it."""

    name: str
    script: str
    packages: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The version of the runtime itself."""
        return re.split("==|@", self.packages[0])[1]


RUNTIMES = (
    Runtime("onnxruntime", "run_onnxruntime.py", ("onnxruntime==1.32.0",)),
    Runtime("onnxruntime-web", "run_web.mjs", ("onnxruntime-web@1.30.0",)),
    Runtime("OpenVINO", "run_openvino.py", ("openvino==2026.4.1",)),
    Runtime("tract", "run_tract.py", ("tract==0.23.9",)),
    Runtime("TVM", "run_tvm.py", ("apache-tvm==0.27.0.post1", "onnx==1.23.2")),
    # DEV=PYTHON: its own interpreter, which needs no compiler.
    Runtime("tinygrad", "run_tinygrad.py", ("tinygrad==0.14.0",), {"DEV": "PYTHON"}),
    Runtime("MNN", "run_mnn.py", ("MNN==3.6.1", "onnx==1.23.2")),
    Runtime("ncnn", "run_ncnn.py", ("ncnn==1.0.20261020", "pnnx==20261020", "onnx==1.23.2")),
    Runtime("LiteRT", "run_litert.py", ("ai-edge-litert==2.3.0",)),
)


def main() -> None:
    """Run what was asked for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--only", nargs="+", choices=[each.name for each in RUNTIMES])
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.keep or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        models = {
            (network, form.name): export(folder, network, form)
            for network in NETWORKS
            for form in FORMS
        }
        store = folder / "results.json"
        results = json.loads(store.read_text()) if store.exists() else {}
        for runtime in RUNTIMES:
            if arguments.only and runtime.name not in arguments.only:
                continue
            program = install(runtime, folder)
            for (network, form), model in models.items():
                cell = attempt(runtime, program, model, network, form)
                results[f"{runtime.name}|{network}|{form}"] = cell._asdict()
                print(runtime.name, network, form, cell.text, sep=" | ", flush=True)
            store.write_text(json.dumps(results, indent=1))
        cells = {tuple(key.split("|")): Cell(**value) for key, value in results.items()}
    missing = [each.name for each in RUNTIMES if not any(key[0] == each.name for key in cells)]
    if missing:
        sys.exit(f"docs/runtimes.md is left as it is: nothing is known of {', '.join(missing)}")
    versions = {each.name: each.version for each in RUNTIMES}
    (ROOT / "docs" / "runtimes.md").write_text(page(cells, versions))


def export(folder: Path, network: str, form: Form) -> Path:
    """Write the model, inputs of each size, and what ONNX Runtime makes of them."""
    spec = nnspec.loads(text_of(network, form))
    weights = {
        name: array.astype(np.float32) for name, array in exercised_weights(spec.graph, 0).items()
    }
    path = folder / f"{network}-{form.name}.onnx".replace(" ", "_")
    nnspec.export(spec, path, weights=weights, batch=form.batch)
    program = nnspec.compile(spec, "onnx").build(weights)
    for i, (rows, time) in enumerate(sizes_of(network, form)):
        inputs = inputs_of(network, rows, time)
        np.savez(path.with_suffix(f".{i}.in.npz"), **inputs)
        path.with_suffix(f".{i}.in.json").write_text(
            json.dumps(
                {
                    name: {
                        "dtype": str(array.dtype),
                        "shape": array.shape,
                        "data": array.ravel().tolist(),
                    }
                    for name, array in inputs.items()
                }
            )
        )
        np.savez(path.with_suffix(f".{i}.right.npz"), **program.forward(inputs))
    return path


def install(runtime: Runtime, folder: Path) -> Path:
    """Return what runs the runtime's script, installed in a folder of its own."""
    place = folder / runtime.name
    if runtime.script.endswith(".mjs"):
        if not (place / "node_modules").exists():
            place.mkdir(exist_ok=True)
            subprocess.run(["npm", "install", "--silent", *runtime.packages], cwd=place, check=True)
        return Path("node")
    python = place / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", *runtime.packages, "numpy==2.4.6"],
            check=True,
        )
    return python


def attempt(runtime: Runtime, program: Path, model: Path, network: str, form: str) -> Cell:
    """Return how far the runtime's values lie from the right ones, or what it said instead."""
    is_web = runtime.script.endswith(".mjs")
    suffix = "json" if is_web else "npz"
    count = len(list(model.parent.glob(f"{model.stem}.*.in.npz")))
    files = [
        str(model.with_suffix(f".{i}.{what}.{suffix}"))
        for i in range(count)
        for what in ("in", "out")
    ]
    for file in files[1::2]:
        Path(file).unlink(missing_ok=True)
    given = model
    script = HERE / runtime.script
    if runtime.name == "LiteRT":
        given = model.with_suffix(".tflite")
        done = call([sys.executable, str(HERE / "export_litert.py"), network, form, str(given)], {})
        if done.returncode:
            return Cell(None, f"the export fails: {last_line(done)}")
    if is_web:
        # An ES module finds packages beside itself alone.
        copy = model.parent / runtime.name / script.name
        copy.write_text(script.read_text())
        script = copy
    done = call([str(program), str(script), str(given), *files], runtime.environment)
    if done.returncode < 0:
        return Cell(None, "the process ends, with no error that could be caught")
    if done.returncode:
        return Cell(None, last_line(done))
    worst = 0.0
    for i in range(count):
        with np.load(model.with_suffix(f".{i}.right.npz")) as right:
            (expected,) = right.values()
        file = model.with_suffix(f".{i}.out.{suffix}")
        if is_web:
            (value,) = json.loads(file.read_text()).values()
            found = np.array(value["data"], np.float32).reshape(value["shape"])
        else:
            with np.load(file) as arrays:
                (found,) = arrays.values()
        if found.shape != expected.shape:
            return Cell(None, f"a shape of {found.shape} instead of {expected.shape}")
        worst = max(worst, float(np.abs(found - expected).max() / np.abs(expected).max()))
    return Cell(worst, f"{worst:.1e}")


def call(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command with a limit on its time."""
    given = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    try:
        return subprocess.run(command, capture_output=True, text=True, env=given, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"no result after {TIMEOUT} s")


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the line that says why: the last one that is neither a place nor a stack frame."""
    said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    frames = r"at |\d+:|File |\^|Exception from|note:|Stack backtrace"
    telling = [line for line in said if not re.match(frames, line)]
    line = re.sub(r"^\[[\d:]+\] :\d+: ", "", (telling or said or ["no reason given"])[-1])
    head, colon, names = line.rpartition(": ")
    # Some name operators in an order that changes from run to run.
    return f"{head}{colon}{', '.join(sorted(names.split(', ')))}" if colon else line


if __name__ == "__main__":
    main()
