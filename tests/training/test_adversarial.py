"""A generator trained against a discriminator: the same in every backend, each step by its law."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from versus_cases import LOSSES, batch, networks_of, text_of, write

from nnspec.backend import Options, get_backend
from nnspec.backend.versus import Versus, of_models
from nnspec.emit.loading import load_source
from nnspec.errors import UnsupportedError
from nnspec.network.loader import load_networks, loads_any
from nnspec.network.networks import Networks
from nnspec.training.adversarial import first_weights, rounds, train_networks
from nnspec.verification.noise import without_noise
from nnspec.weights.canonical import load_weights

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]
BACKENDS = ("torch", "keras")
ROUNDS = 10


def built(networks: Networks, backend: str, *, noise: int | None = None) -> Versus:
    """Return the networks in float64; noise: the seed of what dropout draws, else it is off."""
    if noise is None:
        models = {
            name: dataclasses.replace(spec, graph=without_noise(spec.graph))
            for name, spec in networks.models.items()
        }
        networks = dataclasses.replace(networks, models=models)
    compiled = get_backend(backend).compile_networks(networks, Options(training=True))
    program = compiled.build(first_weights(networks), dtype="float64")
    if noise is not None:
        program.take_noise(noise)
    return program


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Return the networks of which anything is changed."""
    names = {name for name, array in before.items() if not np.array_equal(array, after[name])}
    return {name.partition(".")[0] for name in names}


def play(program: Versus, turn: int, parts: int = 1) -> tuple[list[float], dict[str, Any]]:
    """Take ten rounds; each step may move its own network alone, statistics included.

    turn, parts: batches of the discriminator and of the generator to a round.
    """
    losses = []
    for number in range(ROUNDS):
        for step in range(turn):
            before = program.weights()
            losses.append(program.discriminator_step(*batch(number, step)))
            assert changed(before, program.weights()) == {"judge"}
        for part in range(parts):
            before = program.weights()
            losses.append(program.generator_step(batch(number, "noise", part)[1]))
            assert changed(before, program.weights()) == {"maker"}
    return losses, program.weights()


@pytest.mark.parametrize("loss", ["non_saturating", "clipped"])
@pytest.mark.parametrize("updates", ["averaged", "gathered"])
def test_updates_of_both_networks_end_alike(updates: str, loss: str) -> None:
    """Clipped and accumulated gradients, and the generator's average, of which samples are made."""
    networks = networks_of(loss, updates=updates)
    training = networks.training
    found = []
    for backend in BACKENDS:
        program = built(networks, backend, noise=1)
        run = play(program, training.turn, training.generator.accumulate)
        state = program.optimizer_state()
        averages = {name: state[name] for name in state if ".average/" in name}
        deployed = of_models(program.deployed_weights(), "maker")
        for name, array in averages.items():
            own = name.removeprefix("generator.average/")
            np.testing.assert_array_equal(deployed[own], array)
            assert not np.array_equal(run[1][f"maker.{own}"], array)
        found.append((*run, averages))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-9, abs=1e-12)
    for first, second in ((found[0][i], found[1][i]) for i in (1, 2)):
        assert first.keys() == second.keys()
        for name, array in first.items():
            if not name.endswith("running_var") and name != "judge.score.bias":
                np.testing.assert_allclose(second[name], array, rtol=1e-7, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_are_gathered_before_they_are_clipped(backend: str) -> None:
    """The discriminator stands still until its step, and moves by no more than that allows."""
    settings = {"optimizer": "{type: sgd, learning_rate: 1.0}", "updates": "averaged"}
    program = built(networks_of(**settings), backend)
    before = of_models(program.weights(), "judge")
    moved = []
    for number in range(4):
        program.discriminator_step(*batch(number))
        after = of_models(program.weights(), "judge")
        steps = {n: after[n] - a for n, a in before.items() if "running" not in n}
        moved.append(float(np.sqrt(sum((step**2).sum() for step in steps.values()))))
        before = after
    assert moved[0] == moved[2] == 0
    assert moved[1] == pytest.approx(0.1, rel=1e-4)
    assert moved[3] == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_ten_rounds_end_alike_in_every_backend(loss: str) -> None:
    """Weights, losses and statistics, dropout at work; and no step moves the other network."""
    optimizers = {"hinge": "{type: sgd, learning_rate: 0.1, momentum: 0.5}", "clipped": "rms_prop"}
    settings = {"optimizer": optimizers[loss]} if loss in optimizers else {}
    networks = networks_of(loss, **settings)
    (first, weights), (second, others) = (
        play(built(networks, each, noise=1), 2) for each in BACKENDS
    )
    assert first == pytest.approx(second, rel=1e-9, abs=1e-12)
    for name, array in weights.items():
        # PyTorch's running variance is another (docs/divergences.md), and a constant that is added
        # to every score has no gradient under these losses but that of rounding.
        is_free = name == "judge.score.bias" and loss in ("penalty", "clipped")
        if not name.endswith("running_var") and not is_free:
            np.testing.assert_allclose(others[name], array, rtol=1e-7, atol=1e-9, err_msg=name)


def test_a_discriminator_that_ends_in_sigmoid_is_trained_on_logits() -> None:
    """The loss is finite at scores of thousands, and equal to that without the sigmoid."""
    with_end = networks_of(
        changes=(
            ("score, type: dense, units: 1", "score, type: dense, units: 1, activation: sigmoid"),
        )
    )
    for backend in BACKENDS:
        plain, ended = built(networks_of(), backend), built(with_end, backend)
        for program in (plain, ended):
            weights = program.weights()
            weights["judge.score.weight"] = weights["judge.score.weight"] * 1e4
            program.load_weights(weights)
        losses = [program.discriminator_step(*batch(0)) for program in (plain, ended)]
        assert np.isfinite(losses[0])
        assert losses[0] == losses[1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_losses_are_those_of_the_formulas(backend: str) -> None:
    """Of both steps, from the scores that the networks give in training."""
    real, noise, mix = batch(3)
    for loss, (s, of_both, of_fake) in {
        "non_saturating": (
            0.1,
            lambda r, f, s: _soft(-r) + s * r.mean() + _soft(f),
            lambda f: _soft(-f),
        ),
        "least_squares": (
            0.2,
            lambda r, f, s: ((r - 1 + s) ** 2).mean() / 2 + (f**2).mean() / 2,
            lambda f: ((f - 1) ** 2).mean() / 2,
        ),
        "hinge": (
            0.0,
            lambda r, f, s: np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean(),
            lambda f: -f.mean(),
        ),
        "clipped": (0.0, lambda r, f, s: f.mean() - r.mean(), lambda f: -f.mean()),
    }.items():
        program = built(networks_of(loss), backend)
        fake = program.outputs_in_training("maker", noise)
        scores = [program.outputs_in_training("judge", rows) for rows in (real, fake)]
        assert program.generator_step(noise) == pytest.approx(of_fake(scores[1]), rel=1e-12)
        program = built(networks_of(loss), backend)
        assert program.discriminator_step(real, noise, mix) == pytest.approx(
            of_both(*scores, s), rel=1e-12
        )


def _soft(scores: np.ndarray) -> float:
    return float(np.logaddexp(0, scores).mean())


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_penalty_is_of_the_slope_between_real_and_made_rows(backend: str) -> None:
    """By differences of the scores, at the share that each row has of the real one."""
    real, noise, mix = batch(5)
    program = built(networks_of("penalty"), backend)
    fake = program.outputs_in_training("maker", noise)
    mixed = mix[:, None, None, None] * real + (1 - mix[:, None, None, None]) * fake
    slopes = np.zeros_like(mixed)
    for place in np.ndindex(1, 4, 4):
        step = np.zeros((1, 1, 4, 4))
        step[(0, *place)] = 1e-5
        up, down = (
            program.outputs_in_training("judge", mixed + sign * step)[:, 0] for sign in (1, -1)
        )
        slopes[(slice(None), *place)] = (up - down) / 2e-5
    penalty = ((np.sqrt((slopes**2).sum((1, 2, 3))) - 1) ** 2).mean()
    scores = [program.outputs_in_training("judge", rows).mean() for rows in (fake, real)]
    found = program.discriminator_step(real, noise, mix)
    assert found == pytest.approx(scores[0] - scores[1] + 10 * penalty, rel=1e-7)


@pytest.mark.parametrize("order", [(True, False), (False, True)], ids=["made", "judged"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_one_network_alone_needs_of_a_definition_is_there(
    backend: str, order: tuple[bool, bool]
) -> None:
    """A class of attention holds what its uses need, of either network."""

    def attention(name: str, causal: bool) -> dict[str, Any]:
        return {"name": name, "type": "multi_head_attention", "num_heads": 2, "causal": causal}

    made, judged = order
    document = {
        "nnspec": 1,
        "name": "Pair",
        "models": {
            "generator": {
                "inputs": {"noise": {"shape": [4, 6]}},
                "layers": [attention("a", made), {"name": "g", "type": "dense", "units": 6}],
            },
            "discriminator": {
                "inputs": {"x": {"shape": [4, 6]}},
                "layers": [
                    attention("b", judged),
                    {"type": "flatten"},
                    {"name": "d", "type": "dense", "units": 1},
                ],
            },
        },
        "data": {"source": "rows.npz", "features": {"x": "x"}},
        "training": {"type": "adversarial"},
    }
    networks = loads_any(json.dumps(document))
    assert isinstance(networks, Networks)
    program = built(networks, backend)
    rows = np.random.default_rng(0).normal(size=(3, 4, 6))
    for name, spec in networks.models.items():
        alone = (
            get_backend(backend)
            .compile(spec)
            .build(of_models(program.weights(), name), dtype="float64")
        )
        ((given, _),) = spec.graph.inputs.items()
        (output,) = alone.forward({given: rows}).values()
        assert np.abs(program.outputs_in_training(name, rows) - output).max() < 1e-12


def test_clipped_weights_stay_within_their_limit() -> None:
    """Those that are trained: running statistics and frozen weights go beyond."""
    networks = networks_of(
        "clipped", changes=(("units: 8, activation", "units: 8, trainable: false, activation"),)
    )
    for backend in BACKENDS:
        program = built(networks, backend)
        before = program.weights()
        program.discriminator_step(*batch(1))
        after = of_models(program.weights(), "judge")
        assert np.abs(after["score.weight"]).max() <= 0.05
        assert np.array_equal(after["hidden.weight"], before["judge.hidden.weight"])
        assert np.abs(after["hidden.weight"]).max() > 0.05


def test_keras_refuses_a_penalty_through_moments() -> None:
    """TensorFlow's second derivatives of them are wrong (docs/divergences.md)."""
    for norm in ("batch_normalization", "layer_normalization, axis: 0"):
        networks = networks_of("penalty", norm=norm)
        get_backend("torch").compile_networks(networks, Options(training=True))
        with pytest.raises(UnsupportedError, match="second derivatives are wrong"):
            get_backend("keras").compile_networks(networks, Options(training=True))


def test_the_generator_follows_every_nth_step_over_the_whole_training(tmp_path: Path) -> None:
    """What is left at an epoch's end is carried into the next, as in the emitted scripts."""
    networks = load_networks(write(tmp_path, text_of(steps=2)))
    turns: list[str] = []
    program: Any = _Silent()
    rows, counts = np.zeros((22, 1, 4, 4), np.float32), [0, 0]
    for epoch in (1, 2):
        turns += [role[0] for role, _, _ in rounds(networks, program, rows, epoch, counts)]
    assert "".join(turns) == "ddgd" + "dgddg"
    assert counts == [6, 3]
    for backend in BACKENDS:
        emitted = load_source(
            get_backend(backend).compile_networks(networks, Options(training=True)).source, "x"
        )
        assert [emitted.is_generators_turn(step) for step in range(1, 7)] == [False, True] * 3


class _Silent:
    def __getattr__(self, name: str) -> Any:
        return lambda *given: 0.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_resumed_run_ends_as_one_that_was_not_interrupted(tmp_path: Path, backend: str) -> None:
    """With both networks, both optimizers, the noise and dropout; pictures and history too."""
    networks = load_networks(write(tmp_path, text_of(updates="gathered")))
    whole = train_networks(networks, backend, tmp_path / "whole", epochs=3)
    train_networks(networks, backend, tmp_path / "parts", epochs=1)
    left = tmp_path / "parts" / "samples" / ".epoch_00002.0123456789ab.png"  # by a kill
    left.write_bytes(b"half")
    resumed = train_networks(networks, backend, tmp_path / "parts", epochs=3, resume=True)
    assert not left.exists()
    for name, path in whole.weights.items():
        other = load_weights(resumed.weights[name])
        for key, array in load_weights(path).items():
            np.testing.assert_array_equal(other[key], array, err_msg=f"{name}.{key}")
    assert [path.name for path in whole.pictures] == [
        "epoch_00001.png", "epoch_00002.png", "epoch_00003.png", "real.png",
    ]  # fmt: skip
    for first, second in zip(whole.pictures, resumed.pictures, strict=True):
        assert first.read_bytes() == second.read_bytes()
    history = json.loads((tmp_path / "parts" / "history.json").read_text())
    # In the first epoch the generator has no turn yet.
    always = {"epoch", "discriminator", "seconds", "backend"}
    assert [set(epoch) - always for epoch in history] == [set(), {"generator"}, {"generator"}]
    assert (tmp_path / "parts" / "history.png").exists()


def test_a_run_goes_on_in_another_framework(tmp_path: Path) -> None:
    """With dropout; both networks and both optimizers move, and end where either would have."""
    networks = load_networks(write(tmp_path, text_of(updates="gathered")))
    whole = train_networks(networks, "torch", tmp_path / "whole", epochs=2, dtype="float64")
    train_networks(networks, "torch", tmp_path / "parts", epochs=1, dtype="float64")
    moved = train_networks(networks, "keras", tmp_path / "parts", epochs=2, resume=True)
    record = json.loads((tmp_path / "parts" / "run.json").read_text())
    both = [{"backend": "torch", "epochs": [1, 1]}, {"backend": "keras", "epochs": [2, 2]}]
    assert record["trained_by"] == both
    for name, path in whole.weights.items():
        other = load_weights(moved.weights[name])
        for key, array in load_weights(path).items():
            if not key.endswith("running_var"):
                np.testing.assert_allclose(other[key], array, rtol=1e-6, atol=1e-6, err_msg=key)


def test_a_run_that_an_error_ends_says_so(tmp_path: Path) -> None:
    networks = load_networks(write(tmp_path, text_of("non_saturating")))

    def fail(epoch: object) -> None:
        raise ValueError("of the caller")

    with pytest.raises(ValueError, match="of the caller"):
        train_networks(networks, "torch", tmp_path / "run", on_epoch=fail)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "stopped"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("loss", "updates"), [("non_saturating", "averaged"), ("penalty", ""), ("clipped", "gathered")]
)
def test_emitted_scripts_train_by_themselves(
    tmp_path: Path, backend: str, loss: str, updates: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losses are finite, weights are written, and rows are made in the shape of the data."""
    norm = "rms_normalization, axis: 0" if loss == "penalty" else "batch_normalization"
    networks = load_networks(write(tmp_path, text_of(loss, norm=norm, updates=updates)))
    compiled = get_backend(backend).compile_networks(networks, Options(training=True))
    assert "nnspec" not in compiled.source
    script = compiled.write(tmp_path / "script.py")
    suffix = {"torch": "safetensors", "keras": "keras"}[backend]
    module = load_source(compiled.source, "script")
    module.__file__ = str(script)
    output, samples = tmp_path / f"out.{suffix}", tmp_path / "samples.npy"
    asked = ["--data", tmp_path / "rows.csv", "--output", output, "--samples", samples]
    monkeypatch.setattr(sys, "argv", ["script.py", *map(str, asked)])
    output.write_bytes(b"older")
    calls: list[object] = []

    def ended(*told: object) -> None:
        calls.append(told)
        if len(calls) > 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "print", ended, raising=False)
    with pytest.raises(KeyboardInterrupt):
        module.main()
    assert output.read_bytes() == b"older"  # until the last epoch is done
    assert output.with_suffix(f".last.{suffix}").exists()
    monkeypatch.delattr(module, "print")
    module.main()
    assert not output.with_suffix(f".last.{suffix}").exists()
    assert np.load(samples).shape == (64, 1, 4, 4)
    assert module.sample(output, 3).shape == (3, 1, 4, 4)
