"""The script that is emitted for several processes, run by torchrun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file

import nnspec
from nnspec.cli import main
from nnspec.weights.canonical import initial_weights, save_weights

ROWS = 43


def spec_in(folder: Path) -> Path:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(ROWS, 8)).astype("float32")
    np.savez(folder / "rows.npz", x=x, y=(x[:, 0] > 0).astype(int) + (x[:, 1] > 0.5))
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"share": {"shape": [1, 2, 4]}},
        "layers": [
            {"type": "conv2d", "filters": 3, "kernel_size": 2, "use_bias": False},
            {"type": "batch_normalization"},
            {"name": "seen", "type": "relu"},
            {"type": "flatten"},
            {"type": "dense", "units": 3},
            {"type": "softmax"},
        ],
        "data": {
            "source": "rows.npz",
            "features": {"share": "x"},
            "target": "y",
            "validation": 0.1,
            "test": 0.1,
        },
        "training": {
            "task": "multiclass",
            "epochs": 3,
            "batch_size": 11,
            "optimizer": {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9},
            "clip": {"norm": 0.5},
            "regularization": [
                {"type": "l2", "factor": 0.01},
                {"type": "l1", "factor": 0.001, "activity": "seen"},
            ],
        },
    }
    path = folder / "spec.json"
    path.write_text(json.dumps(document))
    return path


def ran(*words: object) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    found = subprocess.run(
        [sys.executable, *map(str, words)], env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    return found.stdout


def compiled(spec: Path, name: str, *more: str) -> Path:
    script = spec.with_name(name)
    words = ["compile", str(spec), "--to", "torch", "--training", "-o", str(script), *more]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    return script


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--sharded",)])
def test_two_processes_of_the_script_learn_what_one_does(
    more: tuple[str, ...], tmp_path: Path
) -> None:
    path = spec_in(tmp_path)
    if more:  # penalties take whole weights
        document = json.loads(path.read_text())
        document["training"].pop("regularization")
        path.write_text(json.dumps(document))
    spec = nnspec.load(path)
    first = tmp_path / "first.safetensors"
    save_weights(first, initial_weights(spec.graph, 0), {})
    alone, shared = compiled(path, "alone.py"), compiled(path, "shared.py", "--processes", *more)
    told = ran(alone, "--weights", first, "--output", tmp_path / "one.safetensors")
    run = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    said = ran(*run, shared, "--weights", first, "--output", tmp_path / "two.safetensors")
    assert len(said.splitlines()) == len(told.splitlines()) == 4  # the first process alone prints
    one, two = (load_file(tmp_path / f"{name}.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, array in one.items():
        # 12 steps of float32, in which sums round by parts of 6e-8 that momentum adds up.
        np.testing.assert_allclose(two[name], array, rtol=1e-4, atol=1e-5, err_msg=name)


NOTING = """\
import math, os, runpy, sys

is_finite = math.isfinite


def noted(number):
    with open(f"seen{os.environ['RANK']}", "a") as file:
        print(repr(number), file=file)
    return is_finite(number)


math.isfinite = noted
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow
def test_all_processes_go_by_what_one_has_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A last batch of one row is computed by each, with a dropout of its own: else one may stop."""
    path = spec_in(tmp_path)
    document = json.loads(path.read_text())
    document["layers"].insert(3, {"type": "dropout", "rate": 0.5})
    document["data"]["validation"] = 0
    document["training"] |= {"batch_size": 19, "stop": {"metric": "loss", "patience": 1}}
    document["training"].pop("regularization")
    path.write_text(json.dumps(document))
    script = compiled(path, "shared.py", "--processes")
    (tmp_path / "noting.py").write_text(NOTING)
    monkeypatch.chdir(tmp_path)
    run = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    ran(*run, "noting.py", script, "--output", tmp_path / "net.safetensors", "--epochs", 4)
    one, two = ((tmp_path / f"seen{rank}").read_text() for rank in (0, 1))
    assert one == two
    assert len(one.splitlines()) >= 2


@pytest.mark.slow
def test_torchrun_trains_by_the_command_too(tmp_path: Path) -> None:
    path = spec_in(tmp_path)
    run = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    ran(*run, "-m", "nnspec", "train", path, "-o", tmp_path / "two", "--dtype", "float64")
    nnspec.train(path, "torch", tmp_path / "one", dtype="float64")
    one, two = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, array in one.items():
        np.testing.assert_allclose(two[name], array, rtol=0, atol=1e-7, err_msg=name)
    assert json.loads((tmp_path / "two" / "run.json").read_text())["devices"] == 2


def test_shares_of_weights_are_of_several_processes(tmp_path: Path) -> None:
    path = spec_in(tmp_path)
    words = ["compile", str(path), "--to", "torch", "--training", "-o", str(tmp_path / "net.py")]
    for more, told in (([], "add --processes"), (["--processes"], "regularization: it takes")):
        result = CliRunner().invoke(main, [*words, "--sharded", *more])
        assert (result.exit_code, told in result.output) == (2, True), result.output


def test_the_sharded_script_passes_ruff(tmp_path: Path) -> None:
    path = spec_in(tmp_path)
    document = json.loads(path.read_text())
    document["training"].pop("regularization")
    path.write_text(json.dumps(document))
    script = compiled(path, "shared.py", "--processes", "--sharded")
    for words in (("check",), ("format", "--check")):
        ran("-m", "ruff", *words, "--isolated", script)


@pytest.mark.parametrize("precision", ["32", "bf16-mixed", "16-mixed"])
def test_the_script_passes_ruff(tmp_path: Path, precision: str) -> None:
    script = compiled(spec_in(tmp_path), "shared.py", "--processes", "--precision", precision)
    for words in (("check",), ("format", "--check")):
        ran("-m", "ruff", *words, "--isolated", script)
