"""Every network of the zoo, small, is diagnosed on random rows, and few of them go wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.language.source import parse
from nnspec.network.loader import Spec, loads
from nnspec.verification.samples import dynamic_axes, random_goals, random_inputs
from tests.project.test_zoo import PATHS, REDUCED, reduced

ROWS, LENGTH = 64, 8
WRONG: dict[str, set[str]] = {
    # Seven layers of sigmoid; that they do not learn is shown in docs/training.md.
    "autoencoder": {"vanishing"},
}
LARGER: dict[str, dict[str, object]] = {"wavenet": {"skip": 16, "width": 8}}
"""Variables of a network that dies when it is as small as that: of three units all may."""
FAST = ("gru_forecaster", "autoencoder", "bilstm_tagger")


def spec_of(path: Path, folder: Path) -> Spec:
    """Return the network, small, with a training of two epochs on random rows."""
    document: dict[str, Any] = dict(parse(path.read_text(encoding="utf-8")))
    document["variables"] = {**document.get("variables", {}), **REDUCED[path.stem]}
    document["variables"].update(LARGER.get(path.stem, {}))
    outputs = reduced(path).graph.outputs
    usual: Any = {"task": "regression"} if len(outputs) == 1 else {
        "loss": dict.fromkeys(outputs, "mse")
    }  # fmt: skip
    training = {**document.get("training", usual), "epochs": 2, "batch_size": 16}
    optimizer = training.get("optimizer", {})
    if optimizer.get("type") == "sgd":
        # The rates of the papers are for wide layers and batches of 256 rows.
        training["optimizer"] = {**optimizer, "learning_rate": 0.01}
    document["training"] = training
    spec = loads(json.dumps(document), is_json=True)
    axes = dict.fromkeys(dynamic_axes(spec.graph), LENGTH)
    inputs = random_inputs(spec.graph, ROWS, axes, 0)
    goals = random_goals(spec, ROWS, axes, 0, inputs)
    named: dict[str, Any] = goals if isinstance(goals, dict) else {"": goals}
    targets = {name: f"target_{name}" for name in named}
    arrays: dict[str, Any] = {**inputs, **{targets[name]: named[name] for name in named}}
    np.savez(folder / "rows.npz", **arrays)
    document["data"] = {
        "source": "rows.npz",
        "features": {name: name for name in inputs},
        "target": targets if isinstance(goals, dict) else targets[""],
        "validation": 0,
    }
    return loads(json.dumps(document), path=folder / "net.json", is_json=True)


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=() if p.stem in FAST else pytest.mark.slow) for p in PATHS],
    ids=lambda path: path.stem,
)
def test_a_network_of_the_zoo_is_diagnosed(path: Path, tmp_path: Path) -> None:
    spec = spec_of(path, tmp_path)
    run = nnspec.train(spec, "torch", tmp_path / "run", diagnose=True)
    assert run.findings is not None
    assert {each.kind for each in run.findings} == WRONG.get(path.stem, set()), run.findings
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    for state in record["diagnosis"]["states"]:
        assert {*state["layers"]} == {at.path for at in spec.graph.walk()}
        assert all("mean" in each for path, each in state["layers"].items() if "gradient" in each)
