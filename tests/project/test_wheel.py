"""The wheel holds all that is run, and works with no more than what it asks for."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PACKAGES = ("nnspec", "backends/nnspec_torch", "backends/nnspec_keras", "backends/nnspec_onnx")
CACHES = {"__pycache__", ".ruff_cache", ".mypy_cache"}
RUN = """\
import sys
sys.path[:0] = {paths!r}
from nnspec.cli import main
main()
"""
ROWS = "a,b,y\n" + "".join(f"{i % 7},{i % 5},{'yes' if i % 7 > 3 else 'no'}\n" for i in range(40))
SPEC = """\
nnspec: 1
name: Small
inputs: {x: {shape: [2]}}
layers: [{type: dense, units: 1, activation: sigmoid}]
training: {task: binary, epochs: 1}
data: {source: rows.csv, features: {x: [a, b]}, target: y}
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by what the project declares."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    folder = wheel.parent / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_it_holds_every_file_of_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {
        path.relative_to((ROOT / package).parent).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and CACHES.isdisjoint(path.parts) and path.name != "ruff.toml"
    }
    assert held == wanted


def required(name: str, extras: Iterable[str]) -> set[str]:
    """Return the distributions that one needs with some extras, at first or second hand."""
    found: set[tuple[str, str]] = set()
    waiting = [(name, extra) for extra in ("", *extras)]
    while waiting:
        each = waiting.pop()
        if each in found:
            continue
        found.add(each)
        for text in importlib.metadata.requires(each[0]) or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": each[1]}):
                # The lock has the smaller one of two that are the same.
                known = "tensorflow-cpu" if needed.name == "tensorflow" else needed.name
                waiting += [(known, extra) for extra in ("", *needed.extras)]
    return {each for each, _ in found}


def bare(folder: Path, extras: Iterable[str]) -> Path:
    """Return a folder with links to just these distributions."""
    folder.mkdir()
    for name in required("nnspec", extras) - {"nnspec"}:
        home = importlib.metadata.distribution(name)
        tops = {
            file.parts[0] for file in home.files or () if file.parts[0] not in ("..", "__pycache__")
        }
        for top in tops:
            source = Path(str(home.locate_file(top)))
            if source.exists() and not (folder / top).exists():
                (folder / top).symlink_to(source)
    return folder


def run(installed: Path, packages: Path, place: Path, *arguments: str) -> tuple[int, str]:
    program = RUN.format(paths=[str(installed), str(packages)])
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, *arguments], cwd=place, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


CALLS = {
    "": (
        (0, "check s.yaml", "s.yaml: ok"),
        (0, "init --template cnn cnn.yaml", "cnn.yaml"),
        (0, "check cnn.yaml", ""),
        (0, "compile s.yaml --to torch --training", "class Small(nn.Module)"),
        (0, "compile cnn.yaml --to keras", "keras.Model("),
        (0, "summary cnn.yaml", "conv2d"),
        (0, "plot cnn.yaml -o cnn.svg", ""),
        (0, "layers conv2d", "filters"),
        (2, "train s.yaml -o run", "nnspec[torch]"),
        (2, "export s.yaml -o s.onnx", "nnspec[onnx]"),
        (2, "verify s.yaml", 'pip install "nnspec[torch,keras,onnx]"'),
    ),
    "torch": ((0, "train s.yaml -o run", "best epoch 1"), (0, "runs", "finished")),
    "keras": ((0, "train s.yaml -o run", "best epoch 1"),),
    "onnx": ((0, "export s.yaml -o s.onnx", ""), (0, "predict s.onnx --data rows.npz", "0.")),
    "torch,onnx": (
        (2, "verify s.yaml", "keras is not installed"),
        (2, "verify s.yaml", "or leave it out by --backends torch,onnx"),
        (0, "verify s.yaml --backends torch,onnx", "verified"),
    ),
}


@pytest.mark.parametrize("extras", CALLS)
def test_it_works_with_what_it_asks_for(extras: str, installed: Path, tmp_path: Path) -> None:
    packages = bare(tmp_path / "packages", filter(None, extras.split(",")))
    place = tmp_path / "place"
    place.mkdir()
    (place / "s.yaml").write_text(SPEC)
    (place / "rows.csv").write_text(ROWS)
    np.savez(place / "rows.npz", x=np.ones((3, 2), "float32"))
    for code, call, told in CALLS[extras]:
        found, output = run(installed, packages, place, *call.split())
        assert found == code, (call, output)
        assert told in output, (call, output)
        assert "Traceback" not in output
