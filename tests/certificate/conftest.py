"""A certificate that no test changes, and copies of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import nnspec
from tests.certificate.bare import packages

SPEC = """
nnspec: 1
name: Certified
inputs:
  x: {shape: [6]}
layers:
  - {name: hidden, type: dense, units: 5, activation: tanh}
  - {name: norm, type: batch_normalization}
  - {name: scores, type: dense, units: 3}
  - {name: probabilities, type: softmax}
training: {task: multiclass, optimizer: {type: adam, learning_rate: 0.01}}
"""


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packages(tmp_path_factory.mktemp("bare") / "packages")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate, which no test changes."""
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "net.yaml").write_text(SPEC)
    found = nnspec.certify(
        folder / "net.yaml", folder / "m.json", exporters=False, steps=2, batch=4
    )
    assert found.written, found.reason
    return folder / "m.json"


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made.parent / "m", tmp_path / "m")
    return Path(shutil.copy(made, tmp_path))
