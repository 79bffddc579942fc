"""Names that the frameworks and the emitted code keep for themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nnspec
from nnspec.language.names import RESERVED


def test_attributes_of_torch_modules_are_reserved() -> None:
    # In a process of its own: some packages give torch's modules more, as transformers does.
    command = "from torch import nn; print(*dir(nn.Module()))"
    listed = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    public = {name for name in listed.stdout.split() if not name.startswith("_")}
    assert "forward" in public, listed.stderr
    assert public <= RESERVED, sorted(public - RESERVED)


def test_attributes_of_keras_models_are_reserved() -> None:
    import keras

    public = {name for name in dir(keras.Model) if not name.startswith("_")}
    assert public <= RESERVED, sorted(public - RESERVED)


@pytest.mark.parametrize("name", ["x", "inputs", "data", "logits", "rows", "path", "order"])
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_an_input_may_have_an_everyday_name(name: str, backend: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", rows=np.ones((8, 3)), labels=np.arange(8) % 2)
    spec = {
        "nnspec": 1,
        "name": "Small",
        "inputs": {name: {"shape": [3]}},
        "layers": [
            {"name": "first", "type": "dense", "units": 3, "activation": "relu"},
            {"name": "total", "type": "add", "inputs": [name, "first"]},
            {"name": "scores", "type": "dense", "units": 2},
            {"name": "probabilities", "type": "softmax"},
        ],
        "data": {"source": "rows.npz", "features": {name: "rows"}, "target": "labels"},
        "training": {"task": "multiclass", "epochs": 1},
    }
    path = tmp_path / "small.json"
    path.write_text(json.dumps(spec))
    run = nnspec.train(path, backend, tmp_path / "run")
    assert run.history
