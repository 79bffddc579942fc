"""The emitted files of every example spec, and a page of each family of layers.

`make golden` writes them anew.
"""

from __future__ import annotations

from pathlib import Path

from nnspec.backend import Options, get_backend
from nnspec.network.loader import load, load_networks
from tests.golden_rows import pages

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
_ALL = sorted((ROOT / "specs").glob("*.yaml"))
NETWORKS = [path for path in _ALL if "\nmodels:" in path.read_text(encoding="utf-8")]
"""Those that hold several networks."""
SPECS = [path for path in _ALL if path not in NETWORKS]

FILES = {
    "torch.py": ("torch", Options()),
    "torch_training.py": ("torch", Options(training=True)),
    "keras.py": ("keras", Options()),
    "keras_training.py": ("keras", Options(training=True)),
    "onnx.txt": ("onnx", Options()),
}


def emitted(spec: Path, file: str) -> str:
    """Return what nnspec writes today."""
    name, options = FILES[file]
    backend = get_backend(name)
    if spec in NETWORKS:
        return backend.compile_networks(load_networks(spec), options).source
    return backend.compile(load(spec), options).source


def files_of(spec: Path) -> list[str]:
    """Return the files of a spec; ONNX has one network a file."""
    return [file for file in FILES if spec not in NETWORKS or not file.startswith("onnx")]


def main() -> None:
    for spec in (*SPECS, *NETWORKS):
        folder = GOLDEN / spec.stem
        folder.mkdir(parents=True, exist_ok=True)
        for file in files_of(spec):
            (folder / file).write_text(emitted(spec, file), encoding="utf-8")
    for path, made in pages():
        (GOLDEN / path).parent.mkdir(parents=True, exist_ok=True)
        (GOLDEN / path).write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    main()
