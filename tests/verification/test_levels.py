"""Levels: which of them are checked, which are required, and the verdict of each."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import nnspec
from nnspec.cli import main
from nnspec.errors import UsageError
from nnspec.network.loader import Spec, loads
from nnspec.verification.checks import TITLES, Check, difference
from nnspec.verification.comparison import kinked_errors
from nnspec.verification.levels import KINDS, LEVELS, levels_named
from nnspec.verification.report import Report
from nnspec.verification.trained import batches_of

DOCUMENT = {
    "nnspec": 1,
    "name": "Small",
    "inputs": {"x": {"shape": ["time", 3]}},
    "layers": [
        {"name": "hidden", "type": "dense", "units": 4, "activation": "relu"},
        {"name": "mean", "type": "global_average_pooling1d"},
        {"name": "out", "type": "dense", "units": 2},
    ],
}


def spec() -> Spec:
    return loads(json.dumps(DOCUMENT | {"data_format": "channels_last"}), is_json=True)


def verified(*backends: str, **settings: object) -> Report:
    return nnspec.verify(spec(), backends=backends, exporters=False, steps=2, **settings)  # type: ignore[arg-type]


def test_every_kind_of_check_is_of_one_level() -> None:
    kinds = [kind for each in KINDS.values() for kind in each]
    assert sorted(kinds) == sorted(TITLES)


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_that_is_chosen_runs_alone(level: str) -> None:
    report = verified("torch", "keras", "onnx", levels=[level])
    assert report.passed
    found = report.as_json()["levels"]
    assert {name for name, each in found.items() if each["verdict"] == "same"} == {level}
    assert {name for name, each in found.items() if each["is_chosen"]} == {level}
    assert {check.kind for check in report.checks} <= set(KINDS[level])  # type: ignore[index]
    said = {each.kind: each.reason for each in report.not_checked if each.by_call}
    for other, kinds in KINDS.items():
        for kind in kinds:
            if other != level and kind not in ("adversarial", "random", "weights"):
                assert said[kind] == f'the level "{other}" is not chosen'


def test_what_two_sources_are_needed_for_is_not_checked_with_one() -> None:
    report = verified("torch", "onnx", require="gradient,training")
    assert not report.passed
    assert all(check.passed for check in report.checks)
    assert report.verdict == "not checked as required"
    assert [each.split(" ")[0] for each in report.unmet()] == ["gradients", "training"]
    assert "here is only torch" in report.unmet()[0]
    assert report.verdict_of("training") == "not checked"
    assert "gradients is required" in report.to_html()
    # What the call itself names is no omission of it.
    assert verified("torch", "onnx", require="outputs").passed
    assert verified("torch", "keras", require=["gradients", "training"]).passed


def test_what_an_engine_refuses_is_not_checked_as_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def build(*given: object, **options: object) -> None:
        raise nnspec.UnsupportedError("no such thing")

    monkeypatch.setattr("nnspec.verification.engines.DirectOnnx.build", build)
    assert verified("torch", "keras", "onnx").passed
    report = verified("torch", "keras", "onnx", require="outputs")
    assert not report.passed
    assert "everything of onnx: no such thing" in report.unmet()[0]


def test_an_engine_that_does_not_run_fails_whatever_is_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def build(*given: object, **options: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr("nnspec.verification.engines.DirectOnnx.build", build)
    report = verified("torch", "keras", "onnx", levels="gradients")
    assert [check.detail for check in report.failures()] == ["onnx does not run: ValueError: no"]


@pytest.mark.parametrize("method", ["train_step", "gradients"])
@pytest.mark.parametrize("levels", ["outputs,gradients", "training"])
def test_a_source_that_does_not_train_fails_whatever_is_chosen(
    method: str, levels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What breaks for a level that was not asked for is no reason to say nothing."""

    def fails(*given: object, **options: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(f"nnspec_keras.runtime.KerasProgram.{method}", fails)
    report = verified("torch", "keras", levels=levels)
    assert report.verdict == "not the same"
    told = [check.detail for check in report.failures()]
    assert "keras does not run in training: ValueError: no" in told


def test_steps_are_of_the_optimizer() -> None:
    """Each has as many batches as the spec accumulates: else there would be one step alone."""
    document = DOCUMENT | {
        "data_format": "channels_last",
        "training": {"task": "regression", "accumulate": 3, "optimizer": "adam"},
        "data": {"source": "rows.csv", "features": {"x": "*"}, "target": ["a", "b"]},
    }
    trained = loads(json.dumps(document), is_json=True)
    assert batches_of(4, trained) == 12
    assert batches_of(4, spec()) == 4
    report = nnspec.verify(
        trained, backends=("torch", "keras"), exporters=False, steps=4, levels="training"
    )
    assert report.passed, report.to_json()


def command(*arguments: str, spec: Path) -> Result:
    return CliRunner().invoke(main, ["verify", str(spec), "--no-processes", *arguments])


def test_the_command_fails_by_what_is_required(tmp_path: Path) -> None:
    path = tmp_path / "small.json"
    path.write_text(json.dumps(DOCUMENT | {"data_format": "channels_last"}))
    given = ("--backends", "torch,onnx", "--no-exporters", "--steps", "1")
    done = command(*given, spec=path)
    assert done.exit_code == 0, done.output
    assert "gradients not checked" in " ".join(done.output.split())
    done = command(*given, "--require", "gradient,training", spec=path)
    assert done.exit_code == 1
    assert "required: gradients is required, and not checked" in " ".join(done.output.split())
    done = command(*given, "--level", "interface", "--json", spec=path)
    assert done.exit_code == 0
    assert {check["kind"] for check in json.loads(done.stdout)["checks"]} == {"interface"}
    done = command("--level", "outputs", "--require", "training", spec=path)
    assert done.exit_code == 2
    assert "training is required, and level leaves it out" in done.output


def test_levels_are_named_in_order_and_checked() -> None:
    assert levels_named("training, output", option="level") == ("outputs", "training")
    with pytest.raises(UsageError, match='no level "trainin"; did you mean "training"'):
        levels_named("trainin", option="level")
    with pytest.raises(UsageError, match='no level ""'):
        levels_named("", option="require")


@pytest.mark.parametrize(
    ("error", "tolerance", "dtype", "detail", "told"),
    [
        (0.5, 1e-9, "float64", "Why.", "outputs as at inference (float64): 0.5 > 1e-09. Why."),
        (math.inf, 1e-9, "float32", "Why.", "outputs as at inference (float32): inf > 1e-09. Why."),
        (math.inf, 0.0, "float64", "It does not run.",
         "outputs as at inference (float64): It does not run."),
        (math.inf, 0.0, "", "It has no y.", "outputs as at inference: It has no y."),
        (0.25, 0.0, "", "", "outputs as at inference: 0.25 > 0."),
    ],
)  # fmt: skip
def test_a_failed_check_is_told_with_what_it_measured(
    error: float, tolerance: float, dtype: str, detail: str, told: str
) -> None:
    check = Check("forward", ("a", "b"), dtype, error, tolerance, False, None, detail)
    assert difference(check) == f"a – b differ in {told}"


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_loss_that_is_finite_with_one_alone_is_infinitely_far(wrong: float) -> None:
    gradients = {"w": np.ones(2)}
    assert kinked_errors((1.0, gradients), (wrong, gradients))["loss"] == float("inf")
    assert kinked_errors((1.0, gradients), (1.0, gradients))["loss"] == 0
