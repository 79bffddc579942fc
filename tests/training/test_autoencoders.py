"""Networks that give back their input: pictures of it, decoders cut out, the stated quality."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.backend import Options, get_backend
from nnspec.network.loader import Spec, loads
from nnspec.network.prior import decoder_of
from nnspec.training import results
from nnspec.training.reconstructions import drawn_rows
from nnspec.weights.canonical import initial_weights
from scripts.autoencoders import measured

STATED: dict[str, Callable[[dict[str, float]], bool]] = {
    "autoencoder": lambda found: found["mse"] <= 3.5 < found["mse of PCA"],
    "denoising": lambda found: found["mse"] <= 4.5 < found["mse of PCA"],
    "vae": lambda found: (
        found["mse"] <= 4.2
        and found["clear"] >= 0.65 > found["clear of PCA"]
        and found["least class"] >= 0.04
    ),
}
"""What docs/autoencoders.md says of each, on the test rows."""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("name", sorted(STATED))
def test_the_stated_quality_is_reached(name: str, backend: str, tmp_path: Path) -> None:
    found = measured(name, backend, tmp_path / "run")
    assert STATED[name](found), found


HALVES: list[dict[str, Any]] = [
    {"name": "mean", "type": "dense", "units": 2, "inputs": "flat"},
    {"name": "log_variance", "type": "dense", "units": 2, "inputs": "flat"},
    {"name": "code", "type": "sampling", "inputs": ["mean", "log_variance"]},
]
DECODED: list[dict[str, Any]] = [
    {"name": "wide", "type": "dense", "units": 6, "activation": "tanh"},
    {"name": "again", "type": "part", "repeat": 2},
    {"name": "pixels", "type": "dense", "units": 16},
    {"name": "image", "type": "reshape", "shape": [1, 4, 4]},
]


def vae(layers: list[dict[str, Any]], blocks: dict[str, Any] | None = None, **changes: Any) -> Spec:
    part = {"layers": [{"name": "inner", "type": "dense", "units": 6, "activation": "relu"}]}
    document = {
        "nnspec": 1,
        "name": "Vae",
        "inputs": {"x": {"shape": [1, 4, 4]}},
        "blocks": {"part": part, **(blocks or {})},
        "layers": [{"name": "flat", "type": "flatten"}, *layers],
        "outputs": ["image"],
        **changes,
    }
    return loads(json.dumps(document))


def test_a_decoder_gives_what_the_network_does_of_the_same_code() -> None:
    drawn = {
        "inputs": ["flat"],
        "layers": [*HALVES, {"name": "bent", "type": "tanh"}],
    }
    inside = [{"name": "codes", "type": "drawn"}, *DECODED]
    for spec, outer in (
        (vae([*HALVES, *DECODED], outputs=["image", "mean"]), "mean"),
        (vae(inside, {"drawn": drawn}, outputs=["image", "codes"]), "codes"),
    ):
        decoder = decoder_of(spec, "image")
        assert decoder is not None
        weights = initial_weights(spec.graph, 1)
        x = np.random.default_rng(0).normal(size=(3, 1, 4, 4)).astype(np.float32)
        whole = get_backend("torch").compile(spec, Options()).build(weights).forward({"x": x})
        own = {
            f"{name}.{each.removeprefix(f'{path}.')}": weights[each]
            for name, path in decoder.sources.items()
            for each in weights
            if each.startswith(f"{path}.")
        }
        assert set(own) == set(initial_weights(decoder.spec.graph, 1))
        (code,) = decoder.codes
        # At inference the code is its mean; of the second network what is seen of it is its tanh.
        given = whole[outer] if outer == "mean" else np.arctanh(whole[outer])
        for backend in ("torch", "keras"):
            program = get_backend(backend).compile(decoder.spec, Options()).build(own)
            (made,) = program.forward({code: given}).values()
            assert np.abs(made - whole["image"]).max() < 1e-5


def test_a_network_whose_input_goes_past_its_code_has_no_decoder() -> None:
    past = {"name": "image", "type": "add", "inputs": ["sized", "x"]}
    skipping = [*HALVES, *DECODED[:-1], {**DECODED[-1], "name": "sized"}, past]
    sharing = [
        {"name": "first", "type": "dense", "units": 16, "inputs": "flat"},
        {**HALVES[0], "inputs": "first"},
        *HALVES[1:],
        {"name": "wide", "type": "part", "repeat": 2},
        {"name": "sized", "type": "dense", "units": 16},
        {"name": "again", "type": "shared", "layer": "first"},
        DECODED[-1],
    ]
    for layers in (skipping, sharing, DECODED):
        assert decoder_of(vae(layers), "image") is None


def trained(spec: Spec, folder: Path) -> set[str]:
    folder.mkdir()
    draw = np.random.default_rng(0)
    np.savez(folder / "rows.npz", x=draw.uniform(size=(20, 1, 4, 4)).astype(np.float32))
    (folder / "spec.yaml").write_text(spec.to_yaml())
    run = nnspec.train(folder / "spec.yaml", "torch", folder / "run")
    return {path.name for path in run.folder.glob("*.png")} - {"history.png"}


def test_a_run_shows_what_is_given_back_and_what_is_made_of_drawn_codes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "DRAWS", True)
    data: dict[str, Any] = {"source": "rows.npz", "features": {"x": "x"}}
    alone = {"task": "autoencoder", "epochs": 1}
    plain = vae([{"type": "dense", "units": 2}, *DECODED], data=data, training=alone)
    assert trained(plain, tmp_path / "plain") == {"reconstructions.png"}
    data["target"] = {"image": {"input": "x"}}
    loss = {"image": "mse", "code": {"type": "value", "weight": 0.1}}
    # Metrics are of what has a target; of a value there is nothing to measure.
    training = {"loss": loss, "epochs": 1, "metrics": ["mse"]}
    several = vae([*HALVES, *DECODED], outputs=["image", "code"], data=data, training=training)
    found = {"reconstructions.png", "samples.png"}
    assert trained(several, tmp_path / "several") == found
    history = json.loads((tmp_path / "several" / "run" / "history.json").read_text())
    assert "code_mse" not in json.dumps(history)


def test_rows_that_are_drawn_are_the_same_in_every_backend() -> None:
    data = {"source": "rows.npz", "features": {"x": "x"}, "target": {"image": {"input": "x"}}}
    spec = vae([*HALVES, *DECODED], data=data, training={"loss": {"image": "mse"}})
    weights = initial_weights(spec.graph, 1)
    made = [drawn_rows(spec, backend, weights, "image", 5) for backend in ("torch", "keras")]
    assert made[0] is not None
    assert made[1] is not None
    assert made[0].shape == (5, 1, 4, 4)
    assert made[0].std() > 0.01
    assert np.abs(made[0] - made[1]).max() < 1e-5
