"""Without shuffling a run sees the rows as the file has them: equal to loops written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nnspec.cli import main
from nnspec.data.splitting import split
from nnspec.language.training_schema import Data
from nnspec.weights.canonical import load_weights, save_weights

EPOCHS, BATCH, RATE, MOMENTUM = 3, 4, 0.05, 0.9
Weights = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    features = rng.normal(size=(23, 2)).round(3).astype("float32")
    # Neighbours in the file are alike, so that another order would end elsewhere.
    features = features[np.argsort(features[:, 0])]
    return features, (features[:, :1] * 2 - features[:, 1:]).round(3).astype("float32")


@pytest.fixture(scope="module")
def first() -> Weights:
    rng = np.random.default_rng(9)
    shapes = {"hidden.weight": (3, 2), "hidden.bias": (3,), "y.weight": (1, 3), "y.bias": (1,)}
    return {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}


def by_the_command_line(folder: Path, backend: str, rows, first: Weights) -> Weights:
    lines = [f"{a},{b},{y}" for (a, b), (y,) in zip(*rows, strict=True)]
    (folder / "rows.csv").write_text("a,b,y\n" + "\n".join(lines) + "\n")
    optimizer = {"type": "sgd", "learning_rate": RATE, "momentum": MOMENTUM}
    spec = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"ab": {"shape": [2]}},
        "layers": [
            {"name": "hidden", "type": "dense", "units": 3, "activation": "tanh"},
            {"name": "y", "type": "dense", "units": 1},
        ],
        "data": {
            "source": "rows.csv",
            "features": {"ab": ["a", "b"]},
            "target": "y",
            "validation": 0,
        },
        "training": {
            "task": "regression",
            "optimizer": optimizer,
            "epochs": EPOCHS,
            "batch_size": BATCH,
            "shuffle": False,
            "seed": 5,
        },
    }
    (folder / "net.json").write_text(json.dumps(spec))
    save_weights(folder / "first.safetensors", first)
    arguments = ["--backend", backend, "--weights", folder / "first.safetensors"]
    with pytest.raises(SystemExit) as ended:
        main(
            ["train", *map(str, (folder / "net.json", "-o", folder / "run", *arguments)), "--json"]
        )
    assert ended.value.code == 0
    return dict(load_weights(folder / "run" / "last.safetensors"))


def by_a_loop_in_torch(rows, first: Weights) -> Weights:
    import torch

    hidden, y = torch.nn.Linear(2, 3), torch.nn.Linear(3, 1)
    model = torch.nn.Sequential(hidden, torch.nn.Tanh(), y)
    with torch.no_grad():
        for name, parameter in zip(first, model.parameters(), strict=True):
            parameter.copy_(torch.from_numpy(first[name]))
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    features, target = map(torch.from_numpy, rows)
    for _ in range(EPOCHS):
        for start in range(0, len(target), BATCH):
            batch = slice(start, start + BATCH)
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(features[batch]), target[batch]).backward()
            optimizer.step()
    return dict(zip(first, (p.detach().numpy() for p in model.parameters()), strict=True))


def by_fit_in_keras(rows, first: Weights) -> Weights:
    import keras

    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3, activation="tanh"), keras.layers.Dense(1)]
    )
    model.set_weights([array.T for array in first.values()])
    optimizer = keras.optimizers.SGD(RATE, momentum=MOMENTUM)
    model.compile(optimizer, "mse", run_eagerly=True)
    model.fit(*rows, epochs=EPOCHS, batch_size=BATCH, shuffle=False, verbose=0)
    return dict(zip(first, (array.T for array in model.get_weights()), strict=True))


@pytest.mark.parametrize(
    ("backend", "by_hand"), [("torch", by_a_loop_in_torch), ("keras", by_fit_in_keras)]
)
def test_a_run_without_shuffling_is_the_loop_written_by_hand(
    tmp_path, backend, by_hand, rows, first
):
    ours = by_the_command_line(tmp_path, backend, rows, first)
    theirs = by_hand(rows, first)
    for name, array in theirs.items():
        assert np.abs(ours[name] - array).max() < 1e-5, name
    mixed = np.random.default_rng(1).permutation(len(rows[0]))
    other = by_hand(tuple(part[mixed] for part in rows), first)
    assert max(np.abs(other[name] - theirs[name]).max() for name in theirs) > 1e-2


def test_every_part_keeps_the_order_of_the_file():
    data = Data(source="s", features={}, target="t", validation=0.2, test=0.1)
    for rows in split(100, data, 1).values():
        assert (np.diff(rows) > 0).all()
