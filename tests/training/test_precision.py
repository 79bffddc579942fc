"""Trainings in mixed precision, on the hardware at hand: those of 16 bits scale their loss."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_devices import require_equal, spec_in

import nnspec
from nnspec.backend import get_backend, make_options
from nnspec.training.runs import Checkpoint
from nnspec.weights.canonical import load_weights
from nnspec.weights.scaling import SCALE


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("case", ["clipped", pytest.param("averaged", marks=pytest.mark.slow)])
def test_a_mixed_training_learns_and_keeps_float32(
    tmp_path: Path, case: str, precision: str
) -> None:
    spec = spec_in(tmp_path, case)
    run = nnspec.train(spec, "torch", tmp_path / "run", precision=precision, epochs=8)
    assert run.history[-1].values["loss"] < run.history[0].values["loss"]
    plain = nnspec.train(spec, "torch", tmp_path / "plain", epochs=8)
    found, wanted = load_weights(run.last), load_weights(plain.last)
    assert all(array.dtype == np.float32 for array in found.values())
    assert any((found[name] != array).any() for name, array in wanted.items())
    if precision == "bf16-mixed":  # else the first steps are left out, until the scale fits
        losses = [each.history[0].values["loss"] for each in (run, plain)]
        # bfloat16 has 8 bits: numbers of a layer are off by 2⁻⁹ of themselves.
        assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_a_scale_is_resumed_and_left_out_where_nothing_is_scaled(tmp_path: Path) -> None:
    spec = spec_in(tmp_path, "clipped")
    given = {"precision": "16-mixed"}
    nnspec.train(spec, "torch", tmp_path / "whole", epochs=4, **given)
    nnspec.train(spec, "torch", tmp_path / "run", epochs=2, **given)
    state = Checkpoint.load(tmp_path / "run" / "checkpoint.safetensors")
    scale, steps = state.optimizer[SCALE]
    assert scale == 2.0**16  # as GradScaler begins
    assert steps == 2 * 7 // 2
    nnspec.train(spec, "torch", tmp_path / "run", epochs=4, resume=True, **given)
    require_equal(tmp_path / "run", tmp_path / "whole")
    nnspec.train(spec, "torch", tmp_path / "run", epochs=5, resume=True)
    state = Checkpoint.load(tmp_path / "run" / "checkpoint.safetensors")
    assert SCALE not in state.optimizer


def test_a_step_that_overflows_is_left_out_with_its_schedule(tmp_path: Path) -> None:
    spec = nnspec.load(
        spec_in(tmp_path, "dropout"),
        variables={
            "training.optimizer.learning_rate": {
                "schedule": "cosine", "peak": 0.1, "steps": 20, "warmup": 2,
            }
        },
    )  # fmt: skip
    backend = get_backend("torch")
    options = make_options(backend, {"precision": "16-mixed"}, training=True)
    program = backend.compile(spec, options).build()
    x = np.full((4, 8), 0.5, np.float32)
    y = np.zeros(4, np.int64)
    program.train_step({"x": x}, y)
    state = {**program.optimizer_state(), SCALE: np.array([3e38, 0.0])}
    program.load_optimizer_state(state)
    before, rate = program.weights(), program.optimizer.param_groups[0]["lr"]
    program.train_step({"x": x}, y)
    for name, array in program.weights().items():
        np.testing.assert_array_equal(array, before[name])
    assert program.optimizer.param_groups[0]["lr"] == rate
    assert program.optimizer_state()[SCALE][0] == pytest.approx(1.5e38)
    program.train_step({"x": x}, y)


@pytest.mark.parametrize(
    "optimizer",
    [{"type": "sgd", "l2": 5.0, "decay": 2.0}, {"type": "adamw", "l2": 5.0, "learning_rate": 0.01}],
)
def test_what_is_added_to_gradients_is_not_scaled(
    optimizer: dict[str, Any], tmp_path: Path
) -> None:
    """Nor is anything taken of weights in a step that is left out."""
    spec = nnspec.load(spec_in(tmp_path, "dropout"), variables={"training.optimizer": optimizer})
    backend = get_backend("torch")
    x, y = np.full((4, 8), 0.5, np.float32), np.zeros(4, np.int64)
    moved = []
    for precision in ("32", "16-mixed"):
        options = make_options(backend, {"precision": precision}, training=True)
        program = backend.compile(spec, options).build()
        before = program.weights()
        program.reseed(0)
        program.train_step({"x": x}, y)
        moved.append({name: array - before[name] for name, array in program.weights().items()})
        if precision == "16-mixed":
            state = {**program.optimizer_state(), SCALE: np.array([3e38, 0.0])}
            program.load_optimizer_state(state)
            before = program.weights()
            program.train_step({"x": x}, y)
            for name, array in program.weights().items():
                np.testing.assert_array_equal(array, before[name])
    for name, array in moved[0].items():
        largest = np.abs(array).max()
        assert largest > 0
        np.testing.assert_allclose(moved[1][name], array, atol=0.02 * largest, rtol=0)


def test_batches_that_wait_have_no_scale(tmp_path: Path) -> None:
    """They are of the loss, so that a run goes on with other hardware from the middle of a step."""
    spec = nnspec.load(spec_in(tmp_path, "dropout"), variables={"training.accumulate": 4})
    backend = get_backend("torch")
    x, y = np.full((4, 8), 0.5, np.float32), np.zeros(4, np.int64)
    programs, states = {}, {}
    for precision in ("32", "16-mixed"):
        options = make_options(backend, {"precision": precision}, training=True)
        program = programs[precision] = backend.compile(spec, options).build()
        program.reseed(0)
        program.train_step({"x": x}, y)
        states[precision] = program.optimizer_state()
    names = [name for name in states["32"] if name != SCALE]
    largest = max(np.abs(states["32"][name]).max() for name in names if "gradient" in name)
    assert 0 < largest < 10
    for name in names:
        np.testing.assert_allclose(
            states["16-mixed"][name], states["32"][name], atol=0.2 * largest, rtol=0
        )
    for own, other in (("32", "16-mixed"), ("16-mixed", "32")):
        programs[own].load_optimizer_state(states[other])
        again = programs[own].optimizer_state()
        for name in names:
            np.testing.assert_array_equal(again[name], states[other][name])


def test_wrong_scales_are_refused(tmp_path: Path) -> None:
    spec = nnspec.load(spec_in(tmp_path, "dropout"))
    backend = get_backend("torch")
    options = make_options(backend, {"precision": "16-mixed"}, training=True)
    program = backend.compile(spec, options).build()
    state = program.optimizer_state()
    for wrong in (np.array([1.0]), np.array([-1.0, 0.0]), np.array([1, 2])):
        with pytest.raises(nnspec.WeightsError, match="loss_scale"):
            program.load_optimizer_state({**state, SCALE: wrong})
    plain = backend.compile(spec, dataclasses.replace(options, precision="32")).build()
    plain.load_optimizer_state(state)
    assert SCALE not in plain.optimizer_state()
