"""Trains a generator against a discriminator by `nnspec train` and by the emitted script.

The script draws its noise and its first weights itself: it is given those of `nnspec train`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from nnspec.backend import Options, get_backend
from nnspec.language.adversarial import (
    ADVERSARIAL_LOSSES,
    AdversarialTraining,
    Discriminator,
    Generator,
)
from nnspec.network.loader import load_networks, loads_any
from nnspec.training import adversarial
from nnspec.weights.canonical import load_weights, save_weights
from tests.matrix.complete import fields_of, met_by
from tests.matrix.running import SUFFIX, Process, Result, furthest
from tests.versus_cases import LOSSES, text_of, write

CLASSES = {"torch": ("Maker", "Judge"), "keras": ("maker_model", "judge_model")}
"""What the scripts call what makes the two networks."""
DROPOUT = (("      - {type: dropout, rate: 0.25}\n", ""),)
"""Taken away: the framework draws what is dropped."""
RATE = "{schedule: cosine, peak: 0.02, steps: 6, warmup: 2}"
CASES: dict[str, dict[str, Any]] = {
    **{f"adversarial {loss}": {"loss": loss} for loss in LOSSES},
    "adversarial one step": {"steps": 1},
    "adversarial averaged": {"updates": "averaged"},
    "adversarial gathered": {"updates": "gathered", "loss": "hinge"},
    "adversarial schedule": {"optimizer": f"{{type: adamw, learning_rate: {RATE}}}"},
    "adversarial groups": {
        "optimizer": '{type: sgd, momentum: 0.9, groups: [{match: "*.bias", decay: 0.1}]}'
    },
    "adversarial uniform": {
        "changes": (("{model: maker,", "{model: maker, noise: uniform,"),),
    },
    "adversarial shuffle false": {
        "changes": (("  batch_size: 8", "  batch_size: 8\n  shuffle: false"),),
    },
}


def text(name: str) -> str:
    """Return the spec of a case."""
    case = dict(CASES[name])
    if case.get("loss") == "penalty":
        case["norm"] = "rms_normalization, axis: 0"
    return text_of(**{**case, "changes": (*DROPOUT, *case.get("changes", ()))})


def missing() -> set[tuple[str, str]]:
    """Return the fields of such a training, and its losses, that no case has."""
    classes = (AdversarialTraining, Generator, Discriminator, *ADVERSARIAL_LOSSES.values())
    found = set()
    for name in CASES:
        found |= met_by(loads_any(text(name)).training)  # type: ignore[union-attr]
    return fields_of(classes, ADVERSARIAL_LOSSES) - found - {("AdversarialTraining", "seed")}


def compared(name: str, backend: str, folder: Path, process: Process) -> Result:
    """Train both networks in both ways, from the same weights and of the same noise."""
    networks = load_networks(write(folder, text(name)))
    compiled = get_backend(backend).compile_networks(networks, Options(training=True))
    drawn: dict[str, list[Any]] = {"noise": [], "mix": []}
    with (
        patch.object(adversarial, "noise_for", _kept(adversarial.noise_for, drawn["noise"])),
        patch.object(adversarial, "mix_for", _kept(adversarial.mix_for, drawn["mix"])),
    ):
        run = adversarial.train_networks(networks, backend, folder / "run")
    output = folder / f"out.{SUFFIX[backend]}"
    arrays = {
        f"{kind}{i:05}": each for kind, found in drawn.items() for i, each in enumerate(found)
    }
    np.savez(folder / "noise.npz", **arrays)
    job: dict[str, Any] = {
        "script": str(compiled.write(folder / "script.py")),
        "output": str(output),
        "arguments": ["--data", str(folder / "rows.csv"), "--output", str(output)],
        "noise": str(folder / "noise.npz"),
        "first": dict(zip(CLASSES[backend], map(str, _first(compiled, networks, folder)),
                          strict=True)),
    }  # fmt: skip
    if backend == "keras":
        job["stored"] = str(folder / "stored.npz")
    answer = process.run(job)
    if answer["problem"]:
        return Result(float("inf"), "", answer["problem"])
    ours = dict(load_weights(run.weights["maker"]))
    if backend == "torch":
        ours = {f"maker.{key}": array for key, array in ours.items()}
        judge = load_weights(run.weights["judge"])
        ours |= {f"judge.{key}": judge[key] for key in judge}
        stored = load_weights(output)
        theirs = {key: stored[key] for key in stored if not key.endswith("num_batches_tracked")}
    else:
        program = compiled.build(adversarial.first_weights(networks)).generator
        with np.load(folder / "stored.npz") as arrays_of:
            program.model.set_weights([arrays_of[key] for key in sorted(arrays_of.files)])
        theirs = program.weights()
    return Result(*furthest(ours, theirs))


def _kept(draw: Callable[..., Any], found: list[Any]) -> Callable[..., Any]:
    def drawn(networks: Any, count: int, *key: Any) -> Any:
        made = draw(networks, count, *key)
        if key[0] != "samples":  # of which pictures are made
            found.append(made)
        return made

    return drawn


def _first(compiled: Any, networks: Any, folder: Path) -> Iterator[Path]:
    """Write the first weights of both networks as their framework loads them."""
    program = compiled.build(adversarial.first_weights(networks))
    for role in ("generator", "discriminator"):
        own = getattr(program, role)
        if hasattr(own.model, "save_weights"):
            path = folder / f"{role}.weights.h5"
            own.model.save_weights(path)
            yield path
        else:
            yield save_weights(folder / f"{role}.safetensors", own.weights())
