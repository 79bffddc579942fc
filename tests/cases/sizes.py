"""The layer table at other sizes and ranks, run in child processes: a kernel that cannot take a
shape ends its process, and may end no test with it.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nnspec
from nnspec.layers.shapes import MAX_RANK
from nnspec.network.loader import loads
from tests.cases.case import Case, Network

SIZES = range(1, 9)
BATCHES = (1, 3)
Spec = dict[str, Any]


def sized(case: Case | Network) -> Iterator[Spec]:
    """Yield the case with each axis alone, all axes, all but the first or the last of each size."""
    for spec in _bare_and_fed(case):
        inputs = spec["inputs"]
        places = [
            (name, axis)
            for name, value in inputs.items()
            for axis, size in enumerate(value["shape"])
            if isinstance(size, int)
        ]
        last = {name: len(value["shape"]) - 1 for name, value in inputs.items()}
        groups = [[place] for place in places]
        groups += [[place for place in places if place[1] == axis] for axis in range(4)]
        groups += [places, [(name, axis) for name, axis in places if axis > 0]]
        groups += [[(name, axis) for name, axis in places if axis < last[name]]]
        for size in SIZES:
            for group in groups:
                changed = copy.deepcopy(spec)
                for name, axis in group:
                    changed["inputs"][name]["shape"][axis] = size
                yield changed


def ranked(case: Case | Network) -> Iterator[Spec]:
    """Yield a layer of one configuration with inputs of every number of axes."""
    if isinstance(case, Network):
        return
    for rank in range(MAX_RANK + 1):
        for size in (2, 3):
            changed = case.spec()
            for value in changed["inputs"].values():
                value["shape"] = [size] * rank
            yield changed


def _bare_and_fed(case: Case | Network) -> Iterator[Spec]:
    """Yield the case alone, where its inputs have no gradient, and fed by layers with weights."""
    yield case.spec()
    if isinstance(case, Case):
        yield case.spec(fed=True)


def valid(specs: Iterator[Spec]) -> list[Spec]:
    """Return the specs that `check` passes, each once; a feeder takes the channels of its input."""
    kept: dict[str, Spec] = {}
    for spec in specs:
        text = json.dumps(spec, sort_keys=True)
        if text in kept:
            continue
        try:
            loads(text, is_json=True)
        except nnspec.SpecError:
            continue
        kept[text] = spec
    return list(kept.values())


def failures(specs: Sequence[Spec], folder: Path) -> list[str]:
    """Return what went wrong in child processes that run every spec in every backend.

    A child that dies is blamed on the spec that it was at, and another goes on with the next.
    """
    given, log = folder / "specs.json", folder / "log.jsonl"
    given.write_text(json.dumps(specs))
    log.write_text("")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    found, start = [], 0
    while start < len(specs):
        command = [sys.executable, "-m", "tests.cases.sizes", str(given), str(log), str(start)]
        child = subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[2]
        )
        if child.returncode == 0:
            break
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        at = max((line["at"] for line in lines), default=start)
        what = lines[-1]["what"] if lines else child.stderr
        found.append(f"{what}: ended with {child.returncode}: {json.dumps(specs[at])}")
        start = at + 1
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    wrong = [line for line in lines if "why" in line]
    return found + [f"{at['what']}: {at['why']}: {json.dumps(specs[at['at']])}" for at in wrong]


def main(given: str, log: str, start: int) -> None:
    """Run the specs from number `start` on, writing before each step what it is."""
    import gc

    specs = json.loads(Path(given).read_text())
    with Path(log).open("a", buffering=1) as file:
        for at in range(start, len(specs)):

            def say(what: str, at: int = at, **more: str) -> None:
                file.write(json.dumps({"at": at, "what": what, **more}) + "\n")

            for what, why in _run(specs[at], say):
                say(what, why=why)
            if at % 16 == 0:
                import keras

                keras.backend.clear_session()
                gc.collect()


def _run(given: Spec, say: Any) -> Iterator[tuple[str, str]]:
    """Yield (what, why) for every step that fails, and for every value that differs."""
    import numpy as np

    from nnspec.backend import Options, get_backend
    from nnspec.verification import samples

    spec = loads(json.dumps(given), is_json=True)
    graph = spec.graph
    weights = samples.exercised_weights(graph, 0)
    is_random = any(at.node.layer.random for at in graph.walk())
    axes = {name: 3 + 2 * i for i, name in enumerate(samples.dynamic_axes(graph))}
    kind = graph.types[graph.outputs[0]]
    is_trained = len(graph.outputs) == 1 and kind.dtype == "float32"
    learns = is_trained and any(p.trainable for _, p in graph.parameters())
    target = samples.random_target(graph, "regression", 3, axes, 0) if is_trained else None
    first: dict[object, Any] = {}

    def compared(what: str, key: object, arrays: Any) -> Iterator[tuple[str, str]]:
        for name, array in arrays.items():
            reference = first.setdefault((key, name), array)
            if (array.shape, array.dtype.kind) != (reference.shape, reference.dtype.kind):
                yield what, f"{name}: {array.shape} {array.dtype}, torch {reference.shape}"
            elif array.size:
                scale = max(1.0, float(np.nanmax(np.abs(reference.astype(float)))))
                tolerance = 1e-8 if array.dtype.itemsize == 8 else 1e-3
                if not np.allclose(array, reference, rtol=0, atol=tolerance * scale):
                    yield what, f"{name} differs by {np.abs(array - reference).max():.1e}"

    for backend in ("torch", "keras", "onnx"):
        for dtype in ("float32", "float64"):
            what = f"{backend} {dtype}"
            say(what)
            try:
                options = Options(training=is_trained and backend != "onnx")
                program = get_backend(backend).compile(spec, options).build(weights, dtype=dtype)
                for batch in BATCHES:
                    inputs = samples.random_inputs(graph, batch, axes, 0)
                    yield from compared(what, (dtype, batch), program.forward(inputs))
                if learns and backend != "onnx":
                    say(f"{what} gradient")
                    _, gradients = program.gradients(inputs, target)
                    if dtype == "float64" and not is_random:
                        yield from compared(f"{what} gradient", (dtype, "gradient"), gradients)
            except Exception as error:
                yield what, f"{type(error).__name__}: {str(error).strip()[:300]}"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
