"""What an emitted script refuses: before the first epoch, by name, and with nothing written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file
from script_cases import Case, run, script_of, spec_of

from nnspec.data.rows import load_data
from nnspec.errors import DataError
from nnspec.network.loader import Spec, loads

BACKENDS = ["torch", "keras"]
HEAD = "i_0,i_1,t\n"
GOOD = "1,2,0\n3,4,1\n5,6,1\n7,9,0\n"


def small(folder: Path, text: str = HEAD + GOOD, **more: object) -> Spec:
    (folder / "rows.csv").write_text(text)
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"i": {"shape": [2]}},
        "layers": [{"name": "o", "type": "dense", "units": 1}, {"type": "sigmoid"}],
        "data": {
            "source": "rows.csv",
            "features": {"i": ["i_0", "i_1"]},
            "target": "t",
            "validation": 0.25,
        },
        "training": {"task": "binary", "epochs": 2, "batch_size": 2},
        **more,
    }
    return loads(json.dumps(document), path=folder / "net.json", is_json=True)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + GOOD + "8,,1\n", 'rows.csv, line 6: column "i_1", row 5: the value is missing'),
        (HEAD + GOOD + "8,two,1\n", 'column "i_1", row 5: two is not a number'),
        (HEAD + GOOD + "8,inf,1\n", 'column "i_1", row 5: inf is not a number'),
        (HEAD + GOOD + "8,nan,1\n", 'column "i_1", row 5: nan is not a number'),
        (HEAD + GOOD + "8,1e39,1\n", 'column "i_1", row 5: 1e39 is not a number'),
        (HEAD + GOOD + "8,1,2\n", 'column "t", row 5: 2 is not a whole number from 0 to 1'),
        (HEAD + GOOD + "8,1,\n", 'column "t", row 5: the value is missing'),
        (HEAD + "1,2,no\n3,4,yes\n5,6,maybe\n7,8,no\n", '"t" holds 3 labels, and 2 are expected'),
        ("i_0,i_1,i_1,t\n1,2,2,0\n", 'the header has the column "i_1" twice'),
        ("i_0,j,t\n1,2,0\n", 'there is no column "i_1"'),
        (HEAD, "there are no rows"),
        (HEAD + "\n" + GOOD, 'column "i_0", row 1: the value is missing'),
        (HEAD + "1,2,0\n", "of 1 rows none is left for validation"),
        ("", "rows.csv is no readable .csv file: empty"),
        (HEAD + GOOD + "8,9,1,1\n", "no readable .csv file: line 6 has 4 values, not 3"),
        (HEAD + '1,2,0\n"3,4,1\n5,6,1\n', "the quotes of line 3 are not in order"),
        (
            HEAD + GOOD + f"{' ' * 140_000}8,9,1\n8,9,\n",
            'rows.csv, line 7: column "t", row 6: the value is missing',
        ),
        (HEAD + GOOD + f"{' ' * 140_000}8,9,1\n8,9,1,1\n", "line 7 has 4 values, not 3"),
        (HEAD + "1,2,0\n3,4,00\n5,6,1\n7,8,1\n", '"t" writes one class in two ways'),
        (HEAD + '1,2,0\n"\n\n3",4,1\n5,x,1\n', 'rows.csv, line 6: column "i_1", row 3'),
    ],
)
def test_rows_that_train_refuses_are_refused(
    tmp_path: Path, backend: str, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = small(tmp_path, text)
    with pytest.raises(DataError):
        load_data(spec)
    suffix = "keras" if backend == "keras" else "safetensors"
    output = tmp_path / f"out.{suffix}"
    with pytest.raises(SystemExit) as ended:
        run(script_of(spec, backend), "--output", output)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("out*"))


def test_blank_lines_at_the_end_are_no_rows(tmp_path: Path) -> None:
    spec = small(tmp_path, HEAD + GOOD + "\n\n")
    parts, _ = script_of(spec, "torch").load_data(tmp_path / "rows.csv")
    assert sum(len(part[-1]) for part in parts.values()) == 4


ARRAYS = {"i": np.ones((8, 2)), "j": np.ones((8, 3), "int64"), "t": np.arange(8) % 2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"i": np.ones((8, 3))}, 'input "i" is [3] a row, and [2] is expected'),
        ({"i": np.full((8, 2), np.nan)}, 'array "i", row 1: nan is not a number'),
        ({"i": np.ones((8, 2), "complex64")}, 'array "i" holds no numbers by row'),
        ({"j": np.full((8, 3), 6)}, 'array "j", row 1: 6 is not a whole number from 0 to 5'),
        ({"j": np.full((8, 3), -1)}, 'array "j", row 1: -1 is not a whole number from 0 to 5'),
        ({"j": np.full((8, 3), 2.0**40, "f4")}, 'array "j", row 1: 1099511627776.0 is not a whole'),
        ({"j": np.full((8, 3), 0.5)}, 'array "j", row 1: 0.5 is not a whole number'),
        ({"j": np.ones((7, 3), "int64")}, "inputs and target differ in their rows"),
        ({"j": None}, 'there is no array "j"'),
        ({"t": np.arange(8)}, 'array "t", row 4: 3 is not a whole number from 0 to 2'),
        ({"t": np.array(["a", "b"] * 4)}, '"t" holds 2 labels, and 3 are expected'),
        ({"t": np.array(["a", " ", "b", "a "] * 2)}, '"t" holds an empty label'),
        ({"t": np.full((8, 3), 0.5)}, '"t", row 1: the probabilities do not sum to 1'),
        ({"t": np.full((8, 2), 0.5)}, '"t" is [2] a row, and [3] is expected'),
    ],
)
def test_arrays_that_train_refuses_are_refused(
    tmp_path: Path, change: dict[str, np.ndarray], message: str
) -> None:
    arrays = {"unused": np.array([{}] * 8), **ARRAYS}
    layers = [
        {"type": "embedding", "inputs": ["j"], "input_dim": 6, "output_dim": 2},
        {"name": "flat", "type": "flatten"},
        {"type": "concatenate", "inputs": ["i", "flat"]},
        {"name": "o", "type": "dense", "units": 3},
        {"type": "softmax"},
    ]
    spec = small(
        tmp_path,
        inputs={"i": {"shape": [2]}, "j": {"shape": [3], "dtype": "int64"}},
        layers=layers,
        data={"source": "rows.npz", "features": {"i": "i", "j": "j"}, "target": "t"},
        training={"task": "multiclass"},
    )
    module = script_of(spec, "torch")
    np.savez(tmp_path / "rows.npz", **arrays)
    for dtype in ("float16", "float32"):
        same = {**arrays, "i": ARRAYS["i"].astype(dtype), "j": ARRAYS["j"].astype(dtype)}
        np.savez(tmp_path / "rows.npz", **same)
        assert module.load_data(tmp_path / "rows.npz")
    np.savez(tmp_path / "rows.npz", **arrays)
    assert module.load_data(tmp_path / "rows.npz")  # what is changed below is what is refused
    changed = {name: array for name, array in {**arrays, **change}.items() if array is not None}
    np.savez(tmp_path / "rows.npz", **changed)
    with pytest.raises(DataError):
        load_data(spec)
    with pytest.raises(ValueError, match="npz") as refused:
        module.load_data(tmp_path / "rows.npz")
    assert message in str(refused.value)


def test_sizes_and_lengths_outside_the_domain_are_refused(tmp_path: Path) -> None:
    spec = small(
        tmp_path,
        inputs={
            "length": {"shape": [], "dtype": "int32"},
            "s": {"shape": ["time", 3]},
            "w": {"shape": ["time"], "dtype": "int32"},
        },
        layers=[
            {"name": "e", "type": "embedding", "inputs": ["w"], "input_dim": 5, "output_dim": 3},
            {"type": "add", "inputs": ["s", "e"]},
            {"name": "p", "type": "position_embedding", "max_length": 6},
            {"type": "gru", "units": 2, "inputs": ["p", "length"]},
            {"name": "o", "type": "dense", "units": 1},
            {"type": "sigmoid"},
        ],
        data={
            "source": "rows.npz",
            "features": {"length": "length", "s": "s", "w": "w"},
            "target": "t",
        },
    )
    module = script_of(spec, "torch")

    def load(time: int, length: int, words: int | None = None) -> None:
        arrays = {
            "length": np.full(5, length),
            "s": np.ones((5, time, 3)),
            "w": np.ones((5, time if words is None else words), "int64"),
        }
        np.savez(tmp_path / "rows.npz", **arrays, t=np.arange(5) % 2)
        module.load_data(tmp_path / "rows.npz")

    load(6, 6)
    load(1, 1)
    for time, length, message in (
        (7, 3, "time is 7, and 1 to 6 is expected"),
        (4, 5, 'array "length", row 1: 5 is not a whole number from 1 to 4'),
        (4, 0, 'array "length", row 1: 0 is not a whole number from 1 to 4'),
        (0, 1, "size 0"),
    ):
        with pytest.raises(ValueError, match="npz") as refused:
            load(time, length)
        with pytest.raises(DataError):
            load_data(spec)
        assert message in str(refused.value)
    with pytest.raises(ValueError, match="w has time = 5, not"):
        load(4, 4, 5)


def test_ids_that_layers_move_before_a_table_are_bounded_too(tmp_path: Path) -> None:
    spec = small(
        tmp_path,
        "i_0,i_1,t\n1,4,0\n3,4,1\n0,1,1\n7,2,0\n",
        inputs={"i": {"shape": [2], "dtype": "int32"}},
        layers=[
            {"type": "reshape", "shape": [2, 1]},
            {"type": "embedding", "input_dim": 5, "output_dim": 1},
            {"type": "flatten"},
            {"name": "o", "type": "dense", "units": 1},
            {"type": "sigmoid"},
        ],
    )
    with pytest.raises(DataError):
        load_data(spec)
    wrong = r'column "i_0", row 4: 7 is not a whole number from 0 to 4'
    with pytest.raises(ValueError, match=wrong):
        script_of(spec, "torch").load_data(tmp_path / "rows.csv")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_last_row_alone_is_refused_before_batch_normalization(
    tmp_path: Path, backend: str
) -> None:
    spec = spec_of(Case("csv", 1, "binary"), tmp_path, training={"batch_size": 15})
    with pytest.raises(ValueError, match="46 rows in batches of 15 leave one row alone"):
        script_of(spec, backend).load_data(tmp_path / "rows.csv")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "--epochs: at least one is expected"),
        (["--output", "no/such/folder/out.{suffix}"], "there is no folder no/such/folder"),
        (["--output", "taken.{suffix}"], "is a folder, and a file is expected"),
        (["--data", "none.csv"], "No such file or directory"),
    ],
)
def test_calls_that_cannot_end_well_are_refused_first(
    tmp_path: Path,
    backend: str,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    suffix = "keras" if backend == "keras" else "safetensors"
    (tmp_path / f"taken.{suffix}").mkdir()
    module = script_of(small(tmp_path), backend)
    with pytest.raises(SystemExit) as ended:
        run(module, *(argument.replace("{suffix}", suffix) for argument in arguments))
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_the_keras_script_wants_a_name_that_it_can_save(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(script_of(small(tmp_path), "keras"), "--output", tmp_path / "result")
    assert "--output: the name has to end in .keras" in capsys.readouterr().err


# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    ("size", "rate", "more"),
    [(1e18, 1e3, {}), (30.0, 1.0, {}), (30.0, 1.0, {"keep": {"metric": "val_mae"}})],
    ids=["at once", "later", "by a metric"],
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_diverging_run_fails_and_leaves_the_older_result(
    tmp_path: Path, backend: str, size: float, rate: float, more: dict[str, Any]
) -> None:
    rows = pl.DataFrame({"i_0": [size, 2.0] * 8, "i_1": [3.0, size] * 8, "t": [size, -size] * 8})
    spec = small(
        tmp_path,
        rows.write_csv(),
        layers=[{"name": "o", "type": "dense", "units": 1}],
        training={
            "task": "regression",
            "optimizer": {"type": "sgd", "learning_rate": rate},
            "batch_size": 4,
            "epochs": 9,
            **more,
        },
    )
    output = tmp_path / ("out.keras" if backend == "keras" else "out.safetensors")
    output.write_text("an older run's")
    with pytest.raises(SystemExit, match=r"loss is (inf|nan)|no longer a finite") as ended:
        run(script_of(spec, backend), "--output", output)
    assert ended.value.code not in (0, None)
    assert output.read_text() == "an older run's"
    # The best so far is beside it, where an epoch ended well.
    kept = [*tmp_path.glob("out.best.*")]
    assert bool(kept) == (size < 100)
    if kept and backend == "torch":
        assert all(np.isfinite(array).all() for array in load_file(kept[0]).values())
    if kept and backend == "keras":
        model = script_of(spec, backend).net()
        model.load_weights(kept[0])
        assert all(np.isfinite(array).all() for array in model.get_weights())


# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loss_of_validation_alone_that_is_not_finite_ends_its_epoch(
    tmp_path: Path,
    backend: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = small(
        tmp_path,
        layers=[{"name": "o", "type": "dense", "units": 1}],
        training={"task": "regression", "epochs": 9, "batch_size": 4},
    )
    module = script_of(spec, backend)
    data, record = module.load_data(tmp_path / "rows.csv")
    data["validation"] = tuple(1e25 * values for values in data["validation"])
    monkeypatch.setattr(module, "load_data", lambda path: (data, record))
    output = tmp_path / ("out.keras" if backend == "keras" else "out.safetensors")
    with pytest.raises(SystemExit, match=r"^in epoch 1 the loss is \d.*loss': inf") as ended:
        run(module, "--output", output)
    assert ended.value.code not in (0, None)
    assert "Epoch 2/9" not in capsys.readouterr().out
    assert not [*tmp_path.glob("out*")]  # Keras would take -inf for the best


def test_a_loss_of_minus_infinity_is_said_in_full(tmp_path: Path) -> None:
    module = script_of(small(tmp_path), "keras")
    with pytest.raises(SystemExit, match=r"^in epoch 3 the loss is 0\.3, .*'val_loss': -inf"):
        module.require_finite(2, {"loss": 0.3, "val_loss": -np.inf, "lr": 0.1})
    module.require_finite(2, {"loss": 0.3, "val_loss": 0.2, "val_precision": np.nan})
