"""Trains specs/digits/student.yaml with its teacher and without, and compares what they reach.

`python -m scripts.distillation torch keras` writes the numbers of docs/likeness.md.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nnspec

SPECS = Path(__file__).parents[1] / "specs"
SEEDS = range(2)
"""Of the first weights and the order of the rows; the split depends on them too."""


def measured(backend: str, folder: Path, seeds: range = SEEDS) -> dict[str, float]:
    """Return accuracies and cross-entropies of the labels of the test rows, means over seeds.

    Each seed has a teacher of its own.
    """
    sums: dict[str, float] = {}
    for seed in seeds:
        for name, value in _once(backend, folder, seed).items():
            sums[name] = sums.get(name, 0.0) + value / len(seeds)
    return sums


def _once(backend: str, folder: Path, seed: int) -> dict[str, float]:
    teacher = nnspec.train(
        _seeded("digits_cnn.yaml", folder, seed), backend, folder / f"teacher{seed}"
    )
    text = _seeded("digits/student.yaml", folder, seed).read_text()
    text = text.replace("../../runs/digits_cnn/best.safetensors", str(teacher.best))
    text = text.replace("../digits_cnn.yaml", str(folder / f"digits_cnn{seed}.yaml"))
    (folder / "student.yaml").write_text(text)
    taught = nnspec.train(folder / "student.yaml", backend, folder / f"taught{seed}")
    # The same network and the same steps, by the labels alone.
    start, end = text.index("\n    softened: {type: kl"), text.index("\n  optimizer:")
    alone = text[:start] + text[end:]
    start, end = alone.index("\n    softened:\n      teacher"), alone.index("\n  validation:")
    alone = (alone[:start] + alone[end:]).replace("weight: 0.5", "weight: 1.0")
    (folder / "alone.yaml").write_text(alone)
    own = nnspec.train(folder / "alone.yaml", backend, folder / f"alone{seed}")
    assert teacher.test is not None
    assert taught.test is not None
    assert own.test is not None
    return {
        "teacher": teacher.test["accuracy"],
        "teacher's loss": teacher.test["loss"],
        "taught": taught.test["probabilities_accuracy"],
        "taught's loss": taught.test["probabilities_loss"],
        "alone": own.test["probabilities_accuracy"],
        "alone's loss": own.test["probabilities_loss"],
    }


def _seeded(name: str, folder: Path, seed: int) -> Path:
    text = (SPECS / name).read_text()
    for data in ("../data/", "source: data/"):
        start = data.removesuffix("data/").removesuffix("../")
        text = text.replace(data, f"{start}{SPECS / 'data'}/")
    text = text.replace("\n  epochs:", f"\n  seed: {seed}\n  epochs:")
    path = folder / f"{Path(name).stem}{seed}.yaml"
    path.write_text(text)
    return path


def main() -> None:
    """Train in each backend that is named, and print what was measured."""
    for backend in sys.argv[1:] or ("torch", "keras"):
        with tempfile.TemporaryDirectory() as folder:
            found = measured(backend, Path(folder))
        print(f"in {backend}: " + ", ".join(f"{key} {value:.4f}" for key, value in found.items()))


if __name__ == "__main__":
    main()
