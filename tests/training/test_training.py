import dataclasses
import json
from itertools import chain

import numpy as np
import pytest
from numpy_backend import LinearProgram, NumpyBackend

from nnspec.data.dataset import Part
from nnspec.data.files import read
from nnspec.data.preprocessing import KEY, Preprocessing
from nnspec.data.rows import load_data
from nnspec.errors import SpecError, UsageError, WeightsError
from nnspec.network.loader import loads
from nnspec.support import files
from nnspec.training.batches import batches, require_batches
from nnspec.training.epochs import train
from nnspec.training.history import Epoch
from nnspec.training.run import TrainingError, TrainingInterrupted
from nnspec.training.runs import Checkpoint, identity_of
from nnspec.training.watching import Watched
from nnspec.weights.canonical import check_weights, load_weights


@pytest.fixture
def backend(monkeypatch):
    backend = NumpyBackend()
    monkeypatch.setattr("nnspec.training.epochs.get_backend", lambda name: backend)
    return backend


def spec_in(folder, *, rows=50, units=3, name="Net", data=None, **training):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(rows, 2))
    label = np.minimum(
        (features.sum(axis=1) > 0) + (features[:, 0] > 1), 2 if units == 1 else units - 1
    )
    lines = [f"{a},{b},{y}" for (a, b), y in zip(features, label, strict=True)]
    (folder / "rows.csv").write_text("a,b,y\n" + "\n".join(lines) + "\n")
    document = {
        "nnspec": 1,
        "name": name,
        "inputs": {"features": {"shape": [2]}},
        "layers": [{"name": "scores", "type": "dense", "units": units}],
        "data": {
            "source": "rows.csv",
            "features": {"features": ["a", "b"]},
            "target": "y",
            "test": 0.1,
            **(data or {}),
        },
        "training": {
            "task": "multiclass",
            "epochs": 4,
            "batch_size": 8,
            "seed": 2,
            "optimizer": {"type": "sgd", "learning_rate": 0.1},
            **training,
        },
    }
    if units > 1:
        document["layers"].append({"type": "softmax"})
    return loads(json.dumps(document), path=folder / "net.json")


def without_seconds(path):
    return [{**epoch, "seconds": 0} for epoch in json.loads(path.read_text())]


def test_a_run_learns_and_leaves_its_files(tmp_path, backend):
    spec = spec_in(tmp_path, epochs=12)
    seen = []
    run = train(spec, "numpy", tmp_path / "run", on_epoch=seen.append)
    assert [epoch.number for epoch in seen] == list(range(1, 13))
    assert run.history == tuple(seen)
    assert list(seen[0].values) == ["loss", "val_loss", "val_accuracy"]
    assert seen[-1].values["loss"] < 0.7 * seen[0].values["loss"]
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "best.safetensors", "checkpoint.safetensors", "history.json", "history.png",
        "last.safetensors", "run.json",
    ]  # fmt: skip
    history = json.loads((run.folder / "history.json").read_text())
    assert history == [epoch.as_json() for epoch in seen]
    assert (run.folder / "history.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((run.folder / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["spec_sha256"] == spec.sha256
    assert record["rows"] == {"train": 35, "validation": 10, "test": 5}
    assert record["versions"]["numpy"] == np.__version__
    assert record["test"] == run.test
    assert set(run.test) == {"loss", "accuracy"}
    json.dumps(run.as_json())


def test_best_are_the_weights_of_the_lowest_validation_loss(tmp_path, backend):
    # A step this large overshoots, so the last epoch is not the best.
    optimizer = {"type": "sgd", "learning_rate": 3.0}
    spec = spec_in(tmp_path, epochs=8, optimizer=optimizer)
    run = train(spec, "numpy", tmp_path / "run")
    losses = [epoch.values["val_loss"] for epoch in run.history]
    assert run.best_epoch == 1 + int(np.argmin(losses))
    assert run.best_epoch < 8
    validation = load_data(spec).validation
    for path, expected in ((run.best, min(losses)), (run.last, losses[-1])):
        loss = LinearProgram(spec, load_weights(path)).loss(validation.inputs, validation.target)
        assert loss == pytest.approx(expected, rel=1e-5)
    test = load_data(spec).test
    best = LinearProgram(spec, load_weights(run.best)).loss(test.inputs, test.target)
    assert run.test["loss"] == pytest.approx(best, rel=1e-5)


def test_the_first_of_equal_epochs_is_the_best():
    epochs = [Epoch(i, {"loss": loss}, 0) for i, loss in [(1, 2.0), (2, 1.0), (3, 1.0)]]
    assert Watched("loss").best_of(epochs).number == 2


def test_the_weights_know_their_spec_and_their_preprocessing(tmp_path, backend):
    spec = spec_in(tmp_path, data={"standardize": True})
    run = train(spec, "numpy", tmp_path / "run")
    weights = load_weights(run.best)
    check_weights(spec.graph, weights)
    assert {value.dtype for value in weights.values()} == {np.dtype(np.float32)}
    assert weights.metadata["format"] == "nnspec"
    assert weights.metadata["spec_sha256"] == spec.sha256
    assert weights.metadata["inference_sha256"] == spec.inference_sha256
    assert weights.metadata["spec_name"] == "Net"
    assert weights.metadata["epoch"] == str(run.best_epoch)
    preprocessing = Preprocessing.from_json(weights.metadata[KEY])
    data = load_data(spec)
    assert preprocessing == data.preprocessing
    given = preprocessing.apply(read(tmp_path / "rows.csv"))["features"]
    assert {tuple(row) for row in data.train.inputs["features"]} < {tuple(row) for row in given}


def test_the_order_of_the_rows_depends_on_the_seed_and_the_epoch_alone(tmp_path, backend):
    train(spec_in(tmp_path, epochs=3), "numpy", tmp_path / "one")
    train(spec_in(tmp_path, epochs=2), "numpy", tmp_path / "two")
    first, second = (program.batches for program in backend.built)
    assert [len(batch) for batch in first[:5]] == [8, 8, 8, 8, 3]
    assert first[:10] == second
    epochs = [list(chain(*first[start : start + 5])) for start in (0, 5, 10)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(epochs[2])
    assert epochs[0] != epochs[1] != epochs[2]


def test_without_shuffling_the_order_stays(tmp_path, backend):
    spec = spec_in(tmp_path, epochs=2, shuffle=False)
    train(spec, "numpy", tmp_path / "run")
    seen = backend.built[0].batches
    rows = load_data(spec).train.inputs["features"][:, 0].tolist()
    assert list(chain(*seen[:5])) == list(chain(*seen[5:])) == rows


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows(tmp_path, backend):
    steps = []
    spec = spec_in(tmp_path, epochs=1)
    run = train(spec, "numpy", tmp_path / "run", on_step=lambda *step: steps.append(step))
    assert [step[:3] for step in steps] == [(1, i, 5) for i in range(1, 6)]
    sizes = [8, 8, 8, 8, 3]
    mean = sum(size * step[3] for size, step in zip(sizes, steps, strict=True)) / 35
    assert run.history[0].values["loss"] == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("fail_at", [1, 4, 6, 11, 20])
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path, backend, fail_at):
    spec = spec_in(tmp_path)
    whole = train(spec, "numpy", tmp_path / "whole")
    backend.fail_at = fail_at
    with pytest.raises(TrainingInterrupted, match="--resume"):
        train(spec, "numpy", tmp_path / "cut")
    record = json.loads((tmp_path / "cut" / "run.json").read_text())
    assert record["status"] == "interrupted"
    assert record["epochs"] == (fail_at - 1) // 5
    backend.fail_at = None
    cut = train(spec, "numpy", tmp_path / "cut", resume=True)
    for name in ("last.safetensors", "best.safetensors"):
        assert (whole.folder / name).read_bytes() == (cut.folder / name).read_bytes()
    assert without_seconds(whole.folder / "history.json") == without_seconds(
        cut.folder / "history.json"
    )
    assert whole.test == cut.test
    assert whole.best_epoch == cut.best_epoch


def test_noise_that_is_not_reseeded_would_be_seen(tmp_path, backend, monkeypatch):
    # Without this the test above could not fail by a lost random state.
    monkeypatch.setattr(LinearProgram, "reseed", lambda self, seed: None)
    runs = [train(spec_in(tmp_path), "numpy", tmp_path / name) for name in "ab"]
    assert runs[0].last.read_bytes() != runs[1].last.read_bytes()


@pytest.mark.parametrize("broken", ["last.", "best.", "checkpoint.", "history.json", "run.json"])
def test_a_kill_while_any_file_is_written_leaves_a_state_to_resume(
    tmp_path, backend, monkeypatch, broken
):
    spec = spec_in(tmp_path)
    whole = train(spec, "numpy", tmp_path / "whole")
    replacing = files.replacing

    class Killed(BaseException):
        pass

    def kill_in_epoch_two(path):
        current = backend.built[-1]
        if path.name.startswith(broken) and (current.steps >= 6 or broken == "run.json"):
            raise Killed
        return replacing(path)

    monkeypatch.setattr(files, "replacing", kill_in_epoch_two)
    with pytest.raises(Killed):
        train(spec, "numpy", tmp_path / "cut")
    monkeypatch.setattr(files, "replacing", replacing)
    cut = train(spec, "numpy", tmp_path / "cut", resume=True)
    for name in ("last.safetensors", "best.safetensors"):
        assert (whole.folder / name).read_bytes() == (cut.folder / name).read_bytes()


def test_more_epochs_go_on_from_a_finished_run(tmp_path, backend):
    spec = spec_in(tmp_path)
    whole = train(spec, "numpy", tmp_path / "whole", epochs=6)
    train(spec, "numpy", tmp_path / "run")
    longer = train(spec, "numpy", tmp_path / "run", resume=True, epochs=6)
    assert longer.last.read_bytes() == whole.last.read_bytes()
    again = train(spec, "numpy", tmp_path / "run", resume=True, epochs=6)
    assert again.test == whole.test
    with pytest.raises(UsageError, match="has trained for 6 epochs, more than 4"):
        train(spec, "numpy", tmp_path / "run", resume=True)


def test_a_folder_that_holds_a_run_is_not_overwritten_unasked(tmp_path, backend):
    spec = spec_in(tmp_path)
    train(spec, "numpy", tmp_path / "run")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    before = (tmp_path / "run" / "last.safetensors").read_bytes()
    with pytest.raises(UsageError, match=r"already holds a run.*--resume.*--overwrite"):
        train(spec, "numpy", tmp_path / "run")
    assert (tmp_path / "run" / "last.safetensors").read_bytes() == before
    run = train(spec, "numpy", tmp_path / "run", overwrite=True, epochs=1)
    assert len(run.history) == 1
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


def test_a_call_that_fails_leaves_the_old_run(tmp_path, backend, monkeypatch):
    spec = spec_in(tmp_path)
    train(spec, "numpy", tmp_path / "run")
    monkeypatch.setattr(backend, "program", None)
    with pytest.raises(TypeError):
        train(spec, "numpy", tmp_path / "run", overwrite=True)
    assert (tmp_path / "run" / "best.safetensors").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Other"}, "the network was"),
        ({"seed": 3}, "training.seed was 2 and is 3"),
        ({"batch_size": 9}, "training.batch_size was 8 and is 9"),
        ({"optimizer": {"type": "sgd", "learning_rate": 0.2}}, "training.optimizer was"),
        ({"rows": 60}, "the data was"),
        ({"data": {"standardize": True}}, "data.standardize was false and is true"),
    ],
)
def test_another_run_is_not_resumed(tmp_path, backend, change, message):
    train(spec_in(tmp_path), "numpy", tmp_path / "run")
    with pytest.raises(UsageError, match=message):
        train(spec_in(tmp_path, **change), "numpy", tmp_path / "run", resume=True)


def test_the_record_says_which_backend_trained_which_epochs(tmp_path, backend):
    spec = spec_in(tmp_path)
    whole = train(spec, "numpy", tmp_path / "whole", epochs=4)
    train(spec, "numpy", tmp_path / "run", epochs=2)
    moved = train(spec, "other", tmp_path / "run", resume=True, epochs=3)
    assert moved.backend == "other"
    again = train(spec, None, tmp_path / "run", resume=True, epochs=4)
    assert again.backend == "other"  # which it was trained by last
    assert again.last.read_bytes() == whole.last.read_bytes()
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["trained_by"] == [
        {"backend": "numpy", "epochs": [1, 2]},
        {"backend": "other", "epochs": [3, 4]},
    ]
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert [epoch["backend"] for epoch in history] == ["numpy", "numpy", "other", "other"]


def test_what_kills_left_of_files_is_removed(tmp_path, backend):
    train(spec_in(tmp_path), "numpy", tmp_path / "run", epochs=1)
    left = tmp_path / "run" / ".checkpoint.0123456789ab.safetensors"
    mine = tmp_path / "run" / ".mine.0123456789ab.safetensors"
    left.touch()
    mine.touch()
    train(spec_in(tmp_path), "numpy", tmp_path / "run", resume=True)
    assert (left.exists(), mine.exists()) == (False, True)


def test_what_cannot_be_resumed(tmp_path, backend):
    spec = spec_in(tmp_path)
    with pytest.raises(UsageError, match="holds no run to resume"):
        train(spec, "numpy", tmp_path / "run", resume=True)
    with pytest.raises(UsageError, match="either resumed or overwritten"):
        train(spec, "numpy", tmp_path / "run", resume=True, overwrite=True)
    run = train(spec, "numpy", tmp_path / "run")
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(run.last.read_bytes())
    with pytest.raises(WeightsError, match="is no checkpoint of a run"):
        train(spec, "numpy", tmp_path / "run", resume=True)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file; give a folder"):
        train(spec, "numpy", tmp_path / "file")


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_run(tmp_path, backend, loss):
    backend.fail_at, backend.failure = 12, loss
    with pytest.raises(TrainingError, match=f"loss is {loss} in epoch 3, step 2 of 5.*of epoch"):
        train(spec_in(tmp_path), "numpy", tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (record["status"], record["epochs"]) == ("diverged", 2)
    assert int(load_weights(tmp_path / "run" / "best.safetensors").metadata["epoch"]) <= 2
    assert (tmp_path / "run" / "history.png").exists()


def test_a_validation_loss_that_is_no_number_stops_the_run(tmp_path, backend, monkeypatch):
    monkeypatch.setattr(LinearProgram, "loss", lambda self, inputs, target: float("nan"))
    monkeypatch.setattr(LinearProgram, "train_step", lambda self, inputs, target: 1.0)
    with pytest.raises(TrainingError, match="val_loss is nan after epoch 1; no epoch was finished"):
        train(spec_in(tmp_path), "numpy", tmp_path / "run")


def test_regression_without_validation(tmp_path, backend):
    spec = spec_in(
        tmp_path, units=1, task="regression", data={"validation": 0, "test": 0}, epochs=10
    )
    run = train(spec, "numpy", tmp_path / "run")
    assert list(run.history[0].values) == ["loss", "mae", "r2"]
    assert run.test is None
    assert run.history[-1].values["r2"] > 0
    assert run.best_epoch == Watched("loss").best_of(run.history).number


def test_calls_that_cannot_work(tmp_path, backend, monkeypatch):
    with pytest.raises(UsageError, match="at least one epoch"):
        train(spec_in(tmp_path), "numpy", tmp_path / "run", epochs=0)
    with pytest.raises(SpecError, match='the metric "r2" is not defined for one of several'):
        train(spec_in(tmp_path, metrics=["r2"]), "numpy", tmp_path / "run")
    spec = spec_in(tmp_path)
    bare = dataclasses.replace(spec, model=spec.model.model_copy(update={"training": None}))
    with pytest.raises(UsageError, match="no `training` section"):
        train(bare, "numpy", tmp_path / "run")
    monkeypatch.setattr(LinearProgram, "train_step", None)
    monkeypatch.delattr(LinearProgram, "optimizer_state")
    with pytest.raises(UsageError, match="runs networks, and trains none"):
        train(spec, "numpy", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def graph_of(shape, *layers):
    text = "{nnspec: 1, name: Net, inputs: {features: {shape: %s}}, layers: [%s]}"
    return loads(text % (list(shape), ", ".join(layers))).graph


def test_a_batch_of_one_row_and_batch_normalisation_are_refused():
    norm = "{name: norm, type: batch_normalization}"
    graph = graph_of([3], norm)
    with pytest.raises(UsageError, match=r'"norm".*batch_size 9 leaves more|batch_size 7') as hint:
        require_batches(graph, 33, 8)
    size = int(str(hint.value).split("batch_size ")[1].split()[0])
    require_batches(graph, 33, size)
    with pytest.raises(UsageError):
        require_batches(graph, 20, 1)
    with pytest.raises(UsageError):
        require_batches(graph, 1, 32)
    require_batches(graph, 32, 8)
    require_batches(graph, 5, 8)
    # An image gives each channel many values even in one row.
    require_batches(graph_of([3, 4, 4], norm), 33, 8)
    with pytest.raises(UsageError):
        require_batches(graph_of([3, 1, 1], norm), 33, 8)
    require_batches(graph_of([3], "{type: relu}"), 33, 8)


def test_a_batch_of_one_row_is_refused_before_anything_is_written(tmp_path, backend, monkeypatch):
    spec = spec_in(tmp_path)
    normed = graph_of([2], "{type: batch_normalization}", "{type: dense, units: 3}")
    with pytest.raises(UsageError, match="batch of one row"):
        train(
            dataclasses.replace(spec, graph=normed), "numpy", tmp_path / "run",
            data=dataclasses.replace(load_data(spec), train=load_data(spec).train.take(slice(9))),
        )  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_batches_keep_rows_together():
    part = Part({"x": np.arange(7), "y": np.arange(7) * 10}, np.arange(7) * 100)
    seen = list(batches(part, 3, np.array([6, 5, 4, 3, 2, 1, 0])))
    assert [len(batch) for batch in seen] == [3, 3, 1]
    assert seen[0].inputs["x"].tolist() == [6, 5, 4]
    assert (seen[1].inputs["y"] == seen[1].inputs["x"] * 10).all()
    assert (seen[1].target == seen[1].inputs["x"] * 100).all()


def test_a_damaged_checkpoint_is_never_a_traceback(tmp_path, backend):
    spec = spec_in(tmp_path, epochs=1)
    train(spec, "numpy", tmp_path / "run")
    path = tmp_path / "run" / "checkpoint.safetensors"
    whole = path.read_bytes()
    seed = 20261
    print("seed", seed)
    rng = np.random.default_rng(seed)
    refused = 0
    header = int.from_bytes(whole[:8], "little") + 8
    for _ in range(200):
        damaged = bytearray(whole)
        for at in rng.integers(0, header, size=2):
            damaged[at] = rng.integers(32, 127)
        path.write_bytes(damaged)
        try:
            Checkpoint.load(path).require(identity_of(spec, "float32", load_data(spec)), path)
        except (WeightsError, UsageError):
            refused += 1
    assert refused > 150
