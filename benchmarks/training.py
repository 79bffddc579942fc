"""Epochs of training by nnspec and by hand: steps over the training rows, then the validation."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time

import nnspec
from benchmarks.measure import Action, Figure, interleaved, ratio
from nnspec.backend import Options, Trainable, get_backend
from nnspec.data.dataset import Dataset
from nnspec.data.rows import load_data
from nnspec.network.loader import Spec, load
from nnspec.training.epoch import run_epoch

ROUNDS = 9
EPOCHS = 4
"""In each round of an action: what `fit` prepares counts as little as in a longer training."""
NETWORKS = ("digits_mlp", "digits_cnn")

Peers = Callable[[Spec, Dataset, str], dict[str, Action]]
"""Of a network and its rows: what trains for EPOCHS epochs, by name; the first is the peer."""


def figures(backend: str, peers: Peers, targets: dict[tuple[str, str], float]) -> list[Figure]:
    """Return the ratios of nnspec, and of all peers but the first, by the first.

    targets: by network and what is compared.
    """
    found = []
    for name in NETWORKS:
        spec = load(f"specs/{name}.yaml")
        data = load_data(spec)
        program = get_backend(backend).compile(spec, Options(training=True)).build()
        assert isinstance(program, Trainable)
        by_hand = peers(spec, data, name)
        peer = next(iter(by_hand))
        actions = {"nnspec train": _epochs(program, spec, data), **by_hand}
        times = interleaved(actions, rounds=ROUNDS, clock=process_time)
        for which in actions:
            if which != peer:
                title = f"{backend} {name}: {which} by {peer}"
                target = targets.get((name, which))
                found.append(ratio(title, times[which], times[peer], target))
        runs = [_run(spec, backend, data) for _ in range(3)]
        title = f"{backend} {name}: nnspec train with the files of a run by {peer}"
        found.append(ratio(title, runs, [median(times[peer])] * len(runs), None))
    return found


def _epochs(program: Trainable, spec: Spec, data: Dataset) -> Action:
    def train() -> None:
        for number in range(1, EPOCHS + 1):
            run_epoch(program, spec, data, number)

    return train


def _run(spec: Spec, backend: str, data: Dataset) -> float:
    """Return the processor time of EPOCHS epochs of a run, after one in which all is prepared."""
    marks: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        nnspec.train(
            spec,
            backend,
            Path(folder) / "run",
            epochs=EPOCHS + 1,
            data=data,
            on_epoch=lambda _: marks.append(process_time()),
        )
    return marks[-1] - marks[0]
