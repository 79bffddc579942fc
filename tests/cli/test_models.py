"""Every command says or does something sensible of a spec of several networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from versus_cases import text_of, write

import nnspec
from nnspec.cli import main
from nnspec.errors import UsageError
from nnspec.network.networks import Networks
from nnspec.training.versus_runs import VersusRun


@pytest.fixture
def spec(tmp_path: Path) -> str:
    return str(write(tmp_path, text_of()))


def ask(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_check_reads_the_rows_too(spec: str) -> None:
    assert ask("check", spec) == (0, f"{spec}: ok\n")
    assert ask("check", "--data", spec) == (0, f"{spec}: ok\n")
    Path(spec).with_name("rows.csv").write_text("pixel_0\n1\n")
    code, told = ask("check", "--data", spec)
    assert code == 2
    assert "wrong-data" in told


def test_summary_and_weights_are_of_all_or_of_one(spec: str) -> None:
    code, text = ask("summary", spec)
    assert code == 0
    assert "Maker" in text
    assert "Judge" in text
    found = json.loads(ask("summary", spec, "--json")[1])
    assert list(found["models"]) == ["maker", "judge"]
    assert json.loads(ask("summary", spec, "--json", "--model", "judge")[1])["name"] == "Judge"
    assert "judge.score.weight" in ask("weights", spec)[1]
    assert ask("weights", spec, "--model", "judge")[1].startswith("block.conv.weight")


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_compile_writes_one_file_or_one_network(spec: str, backend: str) -> None:
    code, source = ask("compile", spec, "--to", backend)
    assert code == 0
    assert "discriminator_step" not in source
    assert "discriminator_step" in ask("compile", spec, "--to", backend, "--training")[1]
    one = ask("compile", spec, "--to", backend, "--model", "judge")[1]
    assert "aker" not in one


def test_what_is_of_one_network_asks_which(spec: str, tmp_path: Path) -> None:
    output = str(tmp_path / "net.onnx")
    for arguments in (
        ("compile", spec, "--to", "onnx"),
        ("export", spec, "-o", output),
        ("plot", spec),
    ):
        code, told = ask(*arguments)
        assert code == 2
        assert "maker, judge" in told, told
        code, told = ask(*arguments, "--model", "judges")
        assert code == 2
        assert 'did you mean "judge"' in told
        assert ask(*arguments, "--model", "maker")[0] == 0
    code, told = ask("train", spec, "-o", str(tmp_path / "run"), "--diagnose")
    assert code == 2
    assert "--diagnose" in told
    code, told = ask("train", spec, "-o", str(tmp_path / "run"), "--compile")
    assert code == 2
    assert "--compile" in told
    code, told = ask("verify", spec, "--weights", output)
    assert code == 2
    assert "--model" in told


def test_predict_makes_rows_of_noise_by_an_exported_generator(spec: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert ask("train", spec, "-o", str(run), "--epochs", "1", "--backend", "torch")[0] == 0
    model, noise = str(tmp_path / "maker.onnx"), str(tmp_path / "noise.npz")
    weights = str(run / "maker.safetensors")
    assert ask("export", spec, "--model", "maker", "--weights", weights, "-o", model)[0] == 0
    import numpy as np

    np.savez(noise, noise=np.zeros((3, 6), np.float32))
    code, told = ask("predict", model, "--data", noise, "--json")
    assert code == 0
    assert json.loads(told)["rows"] == 3

    code, told = ask("predict", model, "--samples", "3", "--seed", "1", "--json")
    assert code == 0
    made = json.loads(told)["predictions"]
    assert len(made) == 3
    assert json.loads(ask("predict", model, "--samples", "3", "--seed", "1", "--json")[1]) == (
        json.loads(told)
    )
    assert json.loads(ask("predict", model, "--samples", "3", "--json")[1])["predictions"] != made
    judge = str(tmp_path / "judge.onnx")
    assert ask("export", spec, "--model", "judge", "-o", judge)[0] == 0
    for arguments, words in (
        ((judge, "--samples", "3"), "does not say that it makes rows of noise"),
        ((model,), "--samples N"),
        ((model, "--samples", "3", "--data", noise), "either"),
        ((model, "--data", noise, "--seed", "1"), "--seed"),
        ((model, "--samples", "0"), "from 1 to"),
        ((model, "--samples", "3", "--seed", "-1"), "a seed of 0 or more"),
    ):
        code, told = ask("predict", *arguments)
        assert code == 2
        assert words in told


def test_functions_take_several_networks_as_commands_do(spec: str, tmp_path: Path) -> None:
    """By their path, or as they were read; what is of one network asks which."""
    networks = nnspec.load_networks(spec)
    for given in (networks, spec):
        found: Any = given
        assert "class Maker" in nnspec.compile(found, "torch").source
        assert nnspec.summary(found, model="judge").name == "Judge"
        assert "<svg" in nnspec.plot(found, model="maker").svg
        nnspec.export(found, tmp_path / "maker.onnx", model="maker")
        for call in (nnspec.summary, nnspec.plot):
            with pytest.raises(UsageError, match="several networks"):
                call(found)
    assert isinstance(networks, Networks)
    with pytest.raises(UsageError, match="`diagnose` is of a network"):
        nnspec.train(spec, folder=tmp_path / "run", diagnose=True)
    run = nnspec.train(networks, "torch", tmp_path / "run", epochs=1)
    assert isinstance(run, VersusRun)
    assert nnspec.predict(tmp_path / "maker.onnx", samples=2).rows == 2
    report = nnspec.verify(networks, backends=["torch", "onnx"], exporters=False, steps=1)
    assert report.passed, report.to_json()
    assert list(report.reports) == ["maker", "judge", "training"]
    one = nnspec.verify(spec, model="judge", backends=["torch", "onnx"], exporters=False, steps=1)
    assert one.passed
