import json

import pytest
from numpy_backend import NumpyBackend
from test_training import spec_in

from nnspec.cli import main


@pytest.fixture
def backend(monkeypatch):
    backend = NumpyBackend()
    monkeypatch.setattr("nnspec.training.epochs.get_backend", lambda name: backend)
    return backend


def nnspec(*args):
    with pytest.raises(SystemExit) as caught:
        main([str(arg) for arg in args])
    return caught.value.code


@pytest.fixture
def spec(tmp_path):
    spec = spec_in(tmp_path)
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"features": {"shape": [2]}},
        "layers": [{"name": "scores", "type": "dense", "units": 3}, {"type": "softmax"}],
        "data": spec.model.data.model_dump(mode="json"),
        "training": spec.model.training.model_dump(mode="json", exclude_none=True),
    }
    path = tmp_path / "net.json"
    path.write_text(json.dumps(document))
    return path


def test_a_line_for_each_epoch_and_no_bar_without_a_terminal(spec, tmp_path, backend, capsys):
    assert nnspec("train", spec, "--backend", "numpy", "-o", tmp_path / "run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines[:4]] == [f"epoch {i}/4" for i in range(1, 5)]
    assert "val_accuracy" in lines[0]
    assert lines[4].endswith("best.safetensors")
    assert lines[5].startswith("on the test rows: loss")
    assert "\x1b" not in "".join(lines)


def test_json_is_the_only_output(spec, tmp_path, backend, capsys):
    assert nnspec("train", spec, "-o", tmp_path / "run", "--epochs", 2, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["epochs"] == 2
    assert len(result["history"]) == 2


def test_a_second_run_is_refused_then_resumed_then_replaced(spec, tmp_path, backend, capsys):
    call = ("train", spec, "-o", tmp_path / "run")
    assert nnspec(*call) == 0
    assert nnspec(*call) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert nnspec(*call, "--resume", "--epochs", 5) == 0
    assert capsys.readouterr().out.startswith("epoch 5/5")
    assert nnspec(*call, "--overwrite") == 0


def test_an_interruption_and_a_divergence_are_told_apart(spec, tmp_path, backend, capsys):
    backend.fail_at = 7
    assert nnspec("train", spec, "-o", tmp_path / "run") == 130
    assert "--resume" in capsys.readouterr().err
    backend.failure = float("nan")
    assert nnspec("train", spec, "-o", tmp_path / "other") == 1
    assert "the loss is nan in epoch 2" in capsys.readouterr().err


def test_wrong_calls(spec, tmp_path, backend, capsys):
    assert nnspec("train", tmp_path / "none.yaml", "-o", tmp_path / "run") == 2
    assert nnspec("train", spec) == 2
    (tmp_path / "rows.csv").unlink()
    assert nnspec("train", spec, "-o", tmp_path / "run") == 2
    assert "there is no such file" in capsys.readouterr().err
