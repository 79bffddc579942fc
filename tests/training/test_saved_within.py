"""Runs that are saved in the middle of an epoch, and go on from there to the same weights."""

import json

import numpy as np
import polars as pl
import pytest

import nnspec
from nnspec.cli import main
from nnspec.errors import UsageError
from nnspec.network.loader import loads
from nnspec.training.run import TrainingError, TrainingInterrupted
from nnspec.training.runs import Checkpoint
from nnspec.weights.canonical import load_weights

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

HIDDEN = {"type": "dense", "units": 6, "activation": "tanh"}
DROPPED = [HIDDEN, {"type": "dropout", "rate": 0.4}, {"type": "gaussian_noise", "stddev": 0.1}]
CASES = {
    "plain": ([HIDDEN], {}, {}),
    "dropout": (DROPPED, {}, {}),
    "normalised": ([HIDDEN, {"type": "batch_normalization"}], {}, {}),
    "averaged": (DROPPED, {}, {"average": {"type": "ema", "decay": 0.9}, "accumulate": 2}),
    "in order": (DROPPED, {}, {"shuffle": False}),
    "resampled": (DROPPED, {"resample": "kind"}, {}),
    "streamed": (DROPPED, {"source": "rows.parquet", "stream": {"block": 8, "buffer": 2}}, {}),
    "changing": ([HIDDEN], {}, {"optimizer": {"type": "adamw", "learning_rate":
                 {"schedule": "cosine", "peak": 0.01, "warmup": 4, "steps": "100%"}}}),
    "last": (DROPPED, {"validation": 0}, {}),
}  # fmt: skip


def spec_of(folder, name="plain"):
    layers, data, training = CASES[name]
    folder.mkdir(exist_ok=True)
    draw = np.random.default_rng(2)
    table = pl.DataFrame({
        **{f"x{i}": draw.normal(size=75).astype(np.float32) for i in range(4)},
        "kind": draw.integers(0, 3, 75), "y": draw.normal(size=75).astype(np.float32),
    })  # fmt: skip
    table.write_csv(folder / "rows.csv")
    table.write_parquet(folder / "rows.parquet")
    document = {
        "nnspec": 1, "name": "Net", "inputs": {"x": {"shape": [4]}},
        "layers": [*layers, {"name": "out", "type": "dense", "units": 1}],
        "data": {"source": "rows.csv", "features": {"x": "x?"}, "target": "y", "validation": 0.2,
                 **data},
        "training": {"task": "regression", "epochs": 3, "batch_size": 5, "seed": 4,
                     "optimizer": {"type": "adam", "learning_rate": 0.01}, **training},
    }  # fmt: skip
    (folder / "net.json").write_text(json.dumps(document))
    return loads(json.dumps(document), path=folder / "net.json")


def cut(spec, backend, folder, epoch, step, **more):
    """Train until a step of an epoch, and stop there as Ctrl-C does."""

    def stop(number, taken, total, loss):
        if (number, taken) == (epoch, step):
            raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted):
        nnspec.train(spec, backend, folder, on_step=stop, **more)


def require_equal(ours, theirs, tolerance=0.0):
    for name in ("last", "best"):
        one, other = load_weights(getattr(ours, name)), load_weights(getattr(theirs, name))
        for path, value in one.items():
            np.testing.assert_allclose(other[path], value, rtol=tolerance, atol=tolerance)
    assert ours.best_epoch == theirs.best_epoch
    for one, other in zip(ours.history, theirs.history, strict=True):
        for name, value in one.values.items():
            np.testing.assert_allclose(other.values[name], value, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("name", CASES)
def test_it_goes_on_from_the_middle_of_an_epoch(tmp_path, backend, name):
    spec = spec_of(tmp_path, name)
    whole = nnspec.train(spec, backend, tmp_path / "whole", save_every=4)
    cut(spec, backend, tmp_path / "run", 1, 6, save_every=4)
    state = Checkpoint.load(tmp_path / "run" / "checkpoint.safetensors")
    assert (len(state.history), len(state.taken)) == (0, 4)
    cut(spec, backend, tmp_path / "run", 2, 10, resume=True)
    state = Checkpoint.load(tmp_path / "run" / "checkpoint.safetensors")
    assert (len(state.history), len(state.taken)) == (1, 8)
    steps = []
    run = nnspec.train(spec, backend, tmp_path / "run", resume=True,
                       on_step=lambda *taken: steps.append(taken[:2]))  # fmt: skip
    assert steps[0] == (2, 9)
    require_equal(whole, run)


@pytest.mark.parametrize("name", ["dropout", "averaged"])
def test_the_other_framework_goes_on_with_it(tmp_path, name):
    spec = spec_of(tmp_path, name)
    whole = nnspec.train(spec, "keras", tmp_path / "whole", save_every=3, dtype="float64")
    cut(spec, "torch", tmp_path / "run", 1, 8, save_every=3, dtype="float64")
    run = nnspec.train(spec, "keras", tmp_path / "run", resume=True)
    require_equal(whole, run, 1e-9)


@pytest.mark.parametrize("name", ["plain", "normalised", "changing"])
def test_what_draws_nothing_is_trained_as_without_saves(tmp_path, name):
    spec = spec_of(tmp_path, name)
    plain = nnspec.train(spec, "torch", tmp_path / "plain")
    require_equal(plain, nnspec.train(spec, "torch", tmp_path / "saved", save_every=2))
    # And another number of steps may be said when it goes on.
    cut(spec, "torch", tmp_path / "run", 2, 6, save_every=5)
    require_equal(plain, nnspec.train(spec, "torch", tmp_path / "run", resume=True, save_every=3))


@pytest.mark.slow
def test_two_processes_go_on_from_the_middle_of_an_epoch(tmp_path):
    spec = spec_of(tmp_path, "dropout")
    more = {"save_every": 4, "dtype": "float64"}
    whole = nnspec.train(spec, "torch", tmp_path / "whole", **more)
    cut(spec, "torch", tmp_path / "run", 2, 7, devices=2, **more)
    run = nnspec.train(spec, "torch", tmp_path / "run", resume=True, devices=2)
    require_equal(whole, run, 1e-7)


def test_a_lost_best_file_is_told_and_not_made_of_half_an_epoch(tmp_path):
    spec = spec_of(tmp_path, "plain")
    cut(spec, "torch", tmp_path / "run", 2, 6, save_every=4)
    for name in ("best", "last"):
        (tmp_path / "run" / f"{name}.safetensors").unlink()
    run = nnspec.train(spec, "torch", tmp_path / "run", resume=True)
    assert any("was lost: those of a later epoch stand in its place" in each for each in run.notes)
    kept = load_weights(run.best)
    assert int(kept.metadata["epoch"]) == run.best_epoch > 1
    require_equal(run, run)


def test_the_last_whole_epoch_stands_for_a_lost_best_file(tmp_path):
    spec = spec_of(tmp_path, "plain")
    cut(spec, "torch", tmp_path / "run", 3, 6, save_every=4)
    last = load_weights(tmp_path / "run" / "last.safetensors")
    (tmp_path / "run" / "best.safetensors").unlink()
    run = nnspec.train(spec, "torch", tmp_path / "run", resume=True, epochs=2)
    assert any("those of epoch 2 stand in its place" in each for each in run.notes)
    assert run.best_epoch == len(run.history) == 2
    for path, value in last.items():
        np.testing.assert_array_equal(load_weights(run.best)[path], value)


def test_half_an_epoch_alone_is_finished_by_no_fewer_epochs(tmp_path):
    spec = spec_of(tmp_path, "plain")
    cut(spec, "torch", tmp_path / "run", 2, 6, save_every=4)
    for name in ("best", "last"):
        (tmp_path / "run" / f"{name}.safetensors").unlink()
    with pytest.raises(TrainingError, match="holds epoch 2 half done: train for more epochs than"):
        nnspec.train(spec, "torch", tmp_path / "run", resume=True, epochs=1)
    assert not (tmp_path / "run" / "best.safetensors").exists()
    run = nnspec.train(spec, "torch", tmp_path / "run", resume=True, epochs=2)
    assert int(load_weights(run.best).metadata["epoch"]) == 2


def test_what_would_draw_otherwise_is_refused(tmp_path, capsys):
    spec = spec_of(tmp_path, "dropout")
    cut(spec, "torch", tmp_path / "run", 2, 6, save_every=4)
    with pytest.raises(UsageError, match="was saved every 4 steps, and its random layers would"):
        nnspec.train(spec, "torch", tmp_path / "run", resume=True, save_every=2)
    with pytest.raises(UsageError, match="a diagnosis is of whole epochs"):
        nnspec.train(spec, "torch", tmp_path / "run", resume=True, diagnose=True)
    with pytest.raises(UsageError, match="at least one step is expected, not 0"):
        nnspec.train(spec, "torch", tmp_path / "other", save_every=0)
    command = [
        "train",
        str(tmp_path / "net.json"),
        "-o",
        str(tmp_path / "cli"),
        "--save-every",
        "3",
    ]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--backend", "torch"])
    assert not ended.value.code
    assert Checkpoint.load(tmp_path / "cli" / "checkpoint.safetensors").every == 3
    capsys.readouterr()
