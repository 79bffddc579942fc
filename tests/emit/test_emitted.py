"""Every emitted file passes ruff, its formatter and mypy, by the defaults of each."""

from __future__ import annotations

import itertools
import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nnspec
from nnspec import verify
from nnspec.backend import Options, get_backend
from nnspec.language.names import MAX_LENGTH
from nnspec.layers import LAYERS
from nnspec.library import BLOCKS
from nnspec.network.loader import Spec, loads
from nnspec_keras.options import KerasOptions
from tests.cases import CASES
from tests.formatting import assert_clean
from tests.golden_files import ROOT
from tests.golden_files import SPECS as EXAMPLES
from tests.library.test_library import CASES as LIBRARY
from tests.library.test_library import one_block

SEED = 8
ZOO = sorted((ROOT / "specs" / "zoo").glob("*.yaml"))
OPTIONS = {"plain": Options(), "native": Options(layout="native")}
TRAINING = {"training": Options(training=True), "stock": KerasOptions(training=True, stock=True)}


def load_document(document: dict[str, Any]) -> Spec:
    return loads(json.dumps(document), is_json=True)


def renamed(document: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Return the spec with names of up to 64 letters for its inputs, layers and outputs."""
    found = [layer["name"] for layer in document["layers"] if "name" in layer]
    kept = {*LAYERS, *document.get("blocks", {}), "mask", "key_padding"}
    names: dict[str, str] = {}
    for name in sorted({*document["inputs"], *found} - kept):
        length = rng.choice([16, 33, 40, 48, 56, MAX_LENGTH])
        names[name] = f"{name}_{'abcdefgh_' * 8}"[:length].rstrip("_")
    text = json.dumps(document)
    for name, longer in names.items():
        text = re.sub(rf'(?<="){name}(?=["\.])', longer, text)
    changed: dict[str, Any] = json.loads(text)
    return changed


def write_all(spec: Spec, folder: Path, name: str, options: dict[str, Options] = OPTIONS) -> None:
    for kind, chosen in options.items():
        for backend in ("keras",) if isinstance(chosen, KerasOptions) else ("torch", "keras"):
            compiled = get_backend(backend).compile(spec, chosen)
            compiled.write(folder / f"{name}_{kind}_{backend}.py")


def layer_table() -> Iterator[tuple[str, Spec]]:
    """Yield every configuration of the table, alone and fed, one by short names, one by long.

    The seed chooses the lengths of the long names.
    """
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    for i, case in enumerate(CASES):
        for fed in (False, True):
            document = case.spec(fed=fed)
            if fed == (i % 2 == 0):
                document = renamed(document, rng)
            yield f"case{i}_{'fed' if fed else 'alone'}", load_document(document)


def library() -> Iterator[tuple[str, Spec]]:
    for name in BLOCKS:
        shapes, variables = LIBRARY[name]
        layout = "channels_last" if name.startswith("convnext") else "channels_first"
        if layout == "channels_last":
            shapes = [(*shape[1:], shape[0]) for shape in shapes]
        yield f"library_{name}", one_block(name, shapes, variables, data_format=layout)


def test_long_names_are_long() -> None:
    document = renamed(CASES[0].spec(), random.Random(SEED))
    assert max(map(len, document["inputs"])) > 10
    load_document(document)


@pytest.mark.slow
def test_every_layer_is_clean_by_short_names_and_by_long_ones(tmp_path: Path) -> None:
    """A file's name says which case it is."""
    for i, (name, spec) in enumerate(layer_table()):
        kind = ("plain", "native")[i // 2 % 2]
        write_all(spec, tmp_path, name, {kind: OPTIONS[kind]})
    assert_clean(tmp_path)


def test_examples_zoo_and_library_are_clean(tmp_path: Path) -> None:
    for path in (*EXAMPLES, *ZOO):
        spec = nnspec.load(path)
        has_training = spec.model.training is not None
        write_all(spec, tmp_path, path.stem, OPTIONS | (TRAINING if has_training else {}))
    for name, spec in library():
        write_all(spec, tmp_path, name)
    assert_clean(tmp_path)


def test_what_no_layer_takes_gets_no_name(tmp_path: Path) -> None:
    """Of a layer's several values the network may use some: ruff's defaults want the rest `_`."""
    layers: list[dict[str, Any]] = [
        {"name": "r", "type": "lstm", "units": 3, "return_state": True},
        {"name": "s", "type": "split", "axis": -1, "sizes": [1, 2, 2], "inputs": ["given"]},
        {"name": "a", "type": "flatten", "inputs": ["s.1"]},
    ]
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"given": {"shape": [4, 5]}},
        "layers": [{**layers[0], "inputs": ["given"]}, *layers[1:]],
        "outputs": ["r", "a"],
    }
    for document["outputs"] in (["r", "a"], ["r.2", "a"]):
        write_all(load_document(document), tmp_path, "_".join(document["outputs"]).replace(".", ""))
    assert_clean(tmp_path)


@pytest.mark.parametrize("kind", ["maximum", "minimum", "add", "subtract", "divide", "matmul"])
def test_a_value_taken_twice_is_not_compared_with_itself(kind: str, tmp_path: Path) -> None:
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"given": {"shape": [3, 3]}},
        "layers": [
            {"name": "d", "type": "dense", "units": 3, "inputs": ["given"]},
            {"name": "m", "type": kind, "inputs": ["d", "d"]},
        ],
        "training": {"task": "regression"},
    }
    spec = load_document(document)
    write_all(spec, tmp_path, kind)
    assert_clean(tmp_path)
    if kind in ("maximum", "minimum"):
        report = verify(spec, exporters=False, steps=1)
        assert report.passed, report.to_json()


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_scripts_of_every_kind_of_rows_are_clean(task: str, tmp_path: Path) -> None:
    """Tables and arrays, for one input and for two, of short names and long, with a pattern."""
    kinds = itertools.product(
        ["csv", "parquet", "npz"], [1, 2], [1, 40], [[3], [2, 2], ["time", 2]]
    )
    for i, (suffix, count, length, shape) in enumerate(kinds):
        if shape != [3] and suffix != "npz":
            continue
        names = [f"{'ab'[k]}{'n' * length}" for k in range(count)]
        folded: dict[str, Any] = {"type": "flatten"}
        if "time" in shape:
            folded = {"type": "reduce_mean", "axes": [0]}
        flat = [{"name": f"flat{k}", "inputs": [n], **folded} for k, n in enumerate(names)]
        joined = [{"name": "both", "type": "concatenate", "inputs": ["flat0", "flat1"]}]
        columns: list[Any] = [["x", "y", "z"], f"{names[-1]}*"]
        document = {
            "nnspec": 1,
            "name": "Net",
            "inputs": {name: {"shape": shape} for name in names},
            "layers": [
                *flat,
                *(joined if count == 2 else []),
                {"name": "out", "type": "dense", "units": 3 if task == "multiclass" else 1},
            ],
            "data": {
                "source": f"rows.{suffix}",
                "features": {
                    name: f"{name}_values" if suffix == "npz" else columns[k]
                    for k, name in enumerate(names)
                },
                "target": "wanted",
                "test": 0.1 if i % 2 else 0.0,
            },
            "training": {"task": task},
        }
        write_all(load_document(document), tmp_path, f"rows{i}", TRAINING)
    assert_clean(tmp_path)


@pytest.mark.slow
def test_mypy_accepts_every_emitted_file(tmp_path: Path) -> None:
    """By mypy's defaults; keras and polars have no types that it could follow."""
    for name, spec in layer_table():
        write_all(spec, tmp_path, name, {"plain": Options()})
    for path in (*EXAMPLES, *ZOO):
        spec = nnspec.load(path)
        has_training = spec.model.training is not None
        write_all(spec, tmp_path, path.stem, TRAINING if has_training else OPTIONS)
    for name, spec in library():
        write_all(spec, tmp_path, name)
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file=", "--ignore-missing-imports", tmp_path],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr
