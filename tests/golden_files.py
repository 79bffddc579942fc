"""The emitted files of every example spec, and a page of each family of layers.

`make golden` writes them anew.
"""

from __future__ import annotations

from pathlib import Path

from nnspec.backend import Options, get_backend
from nnspec.network.loader import load
from tests.golden_rows import pages

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
SPECS = sorted((ROOT / "specs").glob("*.yaml"))

FILES = {
    "torch.py": ("torch", Options()),
    "torch_training.py": ("torch", Options(training=True)),
    "keras.py": ("keras", Options()),
    "keras_training.py": ("keras", Options(training=True)),
    "onnx.txt": ("onnx", Options()),
}


def emitted(spec: Path, file: str) -> str:
    """Return what nnspec writes today."""
    backend, options = FILES[file]
    return get_backend(backend).compile(load(spec), options).source


def main() -> None:
    for spec in SPECS:
        folder = GOLDEN / spec.stem
        folder.mkdir(parents=True, exist_ok=True)
        for file in FILES:
            (folder / file).write_text(emitted(spec, file), encoding="utf-8")
    for path, made in pages():
        (GOLDEN / path).parent.mkdir(parents=True, exist_ok=True)
        (GOLDEN / path).write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    main()
