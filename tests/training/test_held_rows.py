"""Rows that a program holds give what single batches give, however often a run is resumed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.backend import HoldsRows, Options, Trainable, get_backend
from nnspec.data.dataset import Dataset
from nnspec.data.rows import load_data
from nnspec.errors import UsageError
from nnspec.network.loader import Spec, loads
from nnspec.training.batches import evaluate, positions
from nnspec.training.epoch import run_epoch
from nnspec.training.runs import Checkpoint, identity_of
from nnspec.weights.canonical import load_weights

BACKENDS = ("torch", "keras")


class BatchByBatch:
    """A program without what a backend may offer beside `Trainable`."""

    def __init__(self, program: Any) -> None:
        self._program = program

    def __getattr__(self, name: str) -> Any:
        if name in ("stepper", "measurer"):
            raise AttributeError(name)
        return getattr(self._program, name)


def network(folder: Path, rows: int, task: str = "multiclass") -> tuple[Spec, Dataset]:
    """Return a network with dropout, statistics, ids and a schedule, and its rows."""
    rng = np.random.default_rng(2)
    image = rng.normal(size=(rows, 1, 4, 4)).astype("float32")
    word = rng.integers(0, 5, size=(rows, 2))
    number = (image.mean(axis=(1, 2, 3)) > 0) + (word[:, 0] > 2)
    np.savez(folder / "rows.npz", image=image, word=word, y=number)
    last = 3 if task == "multiclass" else 1
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {
            "image": {"shape": [1, 4, 4]},
            "word": {"shape": [2], "dtype": "int64"},
        },
        "layers": [
            {
                "type": "conv2d",
                "filters": 2,
                "kernel_size": 3,
                "use_bias": False,  # else Adam makes steps of what rounding leaves of no gradient
                "inputs": ["image"],
            },
            {"type": "batch_normalization"},
            {"name": "seen", "type": "flatten"},
            {"type": "embedding", "input_dim": 5, "output_dim": 2, "inputs": ["word"]},
            {"name": "read", "type": "flatten"},
            {"type": "concatenate", "inputs": ["seen", "read"]},
            {"type": "dropout", "rate": 0.3},
            {"name": "scores", "type": "dense", "units": last},
            *([{"type": "softmax"}] if task == "multiclass" else []),
        ],
        "data": {
            "source": "rows.npz",
            "features": {"image": "image", "word": "word"},
            "target": "y",
        },
        "training": {
            "task": task,
            "optimizer": {
                "type": "adam",
                "learning_rate": {"schedule": "cosine", "peak": 0.02, "steps": 60, "warmup": 5},
            },
            "epochs": 3,
            "batch_size": 4,
        },
    }
    spec = loads(json.dumps(document), path=folder / "net.json", is_json=True)
    return spec, load_data(spec)


def built(spec: Spec, backend: str) -> Trainable:
    program = get_backend(backend).compile(spec, Options(training=True)).build()
    assert isinstance(program, Trainable)
    return program


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_held_rows_train_and_measure_as_batch_by_batch(
    backend: str, task: str, tmp_path: Path
) -> None:
    spec, data = network(tmp_path, 47, task)
    held, plain = built(spec, backend), built(spec, backend)
    assert isinstance(held, HoldsRows)
    other: Any = BatchByBatch(plain)
    assert not isinstance(other, HoldsRows)
    for number in (1, 2):
        ours = run_epoch(held, spec, data, number)
        theirs = run_epoch(other, spec, data, number)
        assert ours == pytest.approx(theirs, rel=1e-4)
    # A graph may round otherwise than step by step; torch computes the very same.
    bound = 0.0 if backend == "torch" else 1e-5
    for name, array in held.weights().items():
        assert np.abs(array - plain.weights()[name]).max() <= bound, name
    training = spec.model.training
    assert training is not None
    assert evaluate(held, spec.graph, training, data.train) == pytest.approx(
        evaluate(other, spec.graph, training, data.train), rel=1e-4
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_resumed_run_takes_the_same_path_where_steps_are_a_graph(
    backend: str, tmp_path: Path
) -> None:
    spec, _ = network(tmp_path, 45)
    whole = nnspec.train(spec, backend, tmp_path / "whole")
    for epochs in (1, 2, 3):
        run = nnspec.train(spec, backend, tmp_path / "parts", epochs=epochs, resume=epochs > 1)
    for file in ("best", "last"):
        ours, theirs = (load_weights(getattr(each, file)) for each in (run, whole))
        for name, array in theirs.items():
            assert (ours[name] == array).all(), name
    assert [each.values for each in run.history] == [each.values for each in whole.history]


def test_a_graph_is_made_once_for_all_epochs(tmp_path: Path) -> None:
    spec, data = network(tmp_path, 45)
    program: Any = built(spec, "keras")
    for number in (1, 2, 3):
        run_epoch(program, spec, data, number)
    assert program._rows._step.experimental_get_tracing_count() <= 2  # one more for the last batch
    assert program._rows._measure.experimental_get_tracing_count() <= 2


def test_few_batches_are_worth_no_graph(tmp_path: Path) -> None:
    spec, data = network(tmp_path, 20)
    program: Any = built(spec, "keras")
    run_epoch(program, spec, data, 1)
    assert not {"_step", "_measure"} & program._rows.__dict__.keys()


def test_every_row_is_in_one_batch_of_its_size() -> None:
    order = np.random.default_rng(1).permutation(11)
    for given in (None, order):
        found = list(positions(11, 4, given))
        assert [count for _, count in found] == [4, 4, 3]
        taken = np.concatenate([np.arange(11)[rows] for rows, _ in found])
        assert (taken == (np.arange(11) if given is None else order)).all()


def test_a_run_from_before_a_setting_came_is_resumed_where_that_is_at_its_default(
    tmp_path: Path,
) -> None:
    spec, data = network(tmp_path, 20)
    identity = identity_of(spec, "float32", data)
    older = {name: value for name, value in identity.items() if name != "data.standardize_target"}
    assert older != identity
    Checkpoint(older, "torch", (), {}, {}).require(identity, tmp_path)
    changed = {**identity, "data.standardize_target": True}
    with pytest.raises(UsageError, match="standardize_target was false and is true"):
        Checkpoint(older, "torch", (), {}, {}).require(changed, tmp_path)
