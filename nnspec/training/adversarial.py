"""Trains a generator against a discriminator on any backend: the same rows, the same noise."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from nnspec.backend import Options, Precision, default_trainer, get_backend, versions
from nnspec.backend.versus import Versus, of_models
from nnspec.data.unlabelled import load_rows as rows_of
from nnspec.errors import NnspecError, UsageError
from nnspec.network.networks import Networks
from nnspec.support.streams import derived_seed, permutation
from nnspec.training.batches import positions, require_batches
from nnspec.training.hardware import place_here
from nnspec.training.history import trained_by, write_history
from nnspec.training.logged import LoggedRun, settings_of, told_of
from nnspec.training.loggers import Log, Logs
from nnspec.training.run import TrainingError, TrainingInterrupted
from nnspec.training.runs import (
    Begun,
    begun,
    require_identity,
    weights_metadata,
    write_record,
)
from nnspec.training.sample_pictures import plot_losses, write_grid
from nnspec.training.streams import mix_for, noise_for
from nnspec.training.versus_runs import (
    ROLES,
    VersusCheckpoint,
    VersusEpoch,
    VersusFolder,
    VersusRun,
)
from nnspec.weights.canonical import Array, FirstWeights, save_weights

SAMPLES = 64
"""Rows of a picture of samples."""
OnStep = Callable[[int, int, int, float], None]
"""Called after each step of the discriminator, as in the training of one network."""
OnEpoch = Callable[[VersusEpoch], None]


def load_rows(networks: Networks) -> tuple[Array, str]:
    """Return the rows to train on; raises DataError or UsageError where they cannot be."""
    rows, sha256 = rows_of(networks)
    for spec in (networks.generator, networks.discriminator):
        require_batches(spec.graph, len(rows), networks.training.batch_size)
    return rows, sha256


def train_networks(
    networks: Networks,
    backend: str | None = None,
    folder: str | Path = "run",
    *,
    resume: bool = False,
    overwrite: bool = False,
    epochs: int | None = None,
    dtype: Precision | None = None,
    log: Log = (),
    on_step: OnStep | None = None,
    on_epoch: OnEpoch | None = None,
) -> VersusRun:
    """Train a generator against a discriminator, and keep what comes of it in `folder`.

    After every epoch the folder holds a state from which `resume` goes on to the very weights of a
    run that was never interrupted, on another backend too. Raises as `train` does.
    """
    training = networks.training
    if place_here() is not None:
        raise UsageError("torchrun begins one training in many processes, and two networks are "
                         "trained in one")  # fmt: skip
    logs = Logs(log)
    total = training.epochs if epochs is None else epochs
    if total < 1:
        raise UsageError(f"at least one epoch is expected, not {total}")
    paths = VersusFolder(folder, networks)
    known = begun(paths.checkpoint) if resume else Begun()
    backend = backend or known.backend or default_trainer()
    dtype = dtype or known.dtype or "float32"
    compiled = get_backend(backend).compile_networks(networks, Options(training=True))
    rows, sha256 = load_rows(networks)
    identity = _identity(networks, dtype, sha256)
    with paths.entered(resume=resume, overwrite=overwrite) as begin:
        state = None
        if resume:
            state = VersusCheckpoint.load(paths.checkpoint)
            require_identity(state.identity, identity, paths.path)
            paths.require_within(len(state.history), total)
        weights = first_weights(networks) if state is None else state.weights
        program = compiled.build(weights, dtype=dtype)
        begin()
        loop = _Loop(networks, backend, program, rows, sha256, paths, identity)
        if state is None:
            paths.clear()
        else:
            loop.go_on_from(state)
        loop.begin(logs)
        return loop.run(total, on_step, on_epoch)


def first_weights(networks: Networks) -> dict[str, Array]:
    """Return the first weights of every network, each by its name and its own path there."""
    return {
        f"{name}.{path}": array
        for name, spec in networks.models.items()
        for path, array in FirstWeights(spec.graph, networks.training.seed).items()
    }


def _identity(networks: Networks, dtype: str, sha256: str) -> dict[str, Any]:
    """Return what decides a run's weights, by name: all but the number of epochs."""
    settings = networks.training.model_dump(mode="json", exclude={"epochs", "pictures"})
    document = networks.document.data
    assert document is not None
    identity = {
        "the networks": networks.sha256,
        "dtype": dtype,
        "the data": sha256,
        **{f"training.{name}": value for name, value in settings.items()},
        "data.features": document.model_dump(mode="json")["features"],
    }
    # As the checkpoint will give it back, lists for tuples.
    return dict(json.loads(json.dumps(identity)))


def rounds(
    networks: Networks, program: Versus, rows: Array, number: int, counts: list[int]
) -> Iterator[tuple[str, float, int]]:
    """Take the batches of one epoch; yield whose each was, its loss, and the rows that it took.

    counts: the batches of both so far, moved on. The generator follows every n-th step of the
    discriminator, counted over the whole training, with all the batches of its own step.
    Everything drawn depends on the seed and on the number of the batch alone.
    """
    training = networks.training
    program.reseed(derived_seed("epoch", training.seed, number))
    if any(spec.graph.is_random for spec in networks.models.values()):
        program.take_noise(derived_seed("noise", training.seed, number))
    order = permutation(len(rows), "order", training.seed, number) if training.shuffle else None
    for chosen, count in positions(len(rows), training.batch_size, order):
        noise = noise_for(networks, count, "discriminator", counts[0])
        mix = mix_for(networks, count, counts[0])
        yield "discriminator", program.discriminator_step(rows[chosen], noise, mix), count
        counts[0] += 1
        for _ in range(training.generator.accumulate if counts[0] % training.turn == 0 else 0):
            noise = noise_for(networks, count, "generator", counts[1])
            yield "generator", program.generator_step(noise), count
            counts[1] += 1


class _Loop:
    def __init__(
        self,
        networks: Networks,
        backend: str,
        program: Versus,
        rows: Array,
        sha256: str,
        paths: VersusFolder,
        identity: dict[str, Any],
    ) -> None:
        self.networks = networks
        self.training = networks.training
        self.backend = backend
        self.program = program
        self.rows = rows
        self.sha256 = sha256
        self.paths = paths
        self.identity = identity
        self.history: list[VersusEpoch] = []
        self.counts = [0, 0]
        self.logs = Logs()
        self._status = ""

    def begin(self, logs: Logs) -> None:
        """Let the epochs, and those that there are, be logged."""
        logs.begin(
            LoggedRun(
                self.paths.path,
                self.networks.name,
                self.backend,
                self.networks.to_yaml(),
                {
                    **settings_of(self.identity, self.networks.document.variables),
                    **logs.settings,
                },
                tuple((epoch.number, self._logged(epoch)) for epoch in self.history),
            )
        )
        self.logs = logs

    def _logged(self, epoch: VersusEpoch) -> dict[str, float]:
        """Return the measures of an epoch with the learning rate of each network's last step."""
        batches = epoch.number * math.ceil(len(self.rows) / self.training.batch_size)
        turns = batches // self.training.turn
        taken = (batches // self.training.discriminator.accumulate, turns)
        rates = {
            f"{role}_learning_rate": getattr(self.training, role).optimizer.rate(max(steps - 1, 0))
            for role, steps in zip(ROLES, taken, strict=True)
        }
        return {**epoch.values, **rates}

    def go_on_from(self, state: VersusCheckpoint) -> None:
        """Take up a run after its last whole epoch."""
        self.history = list(state.history)
        self.counts = list(state.counts)
        if self.history:
            self.program.load_optimizer_state(state.optimizers)

    def run(self, total: int, on_step: OnStep | None, on_epoch: OnEpoch | None) -> VersusRun:
        try:
            if not self.history:
                self._checkpoint(self.program.weights())
            self._record("running")
            self._picture("real", self.rows[:SAMPLES])
            for number in range(len(self.history) + 1, total + 1):
                self.history.append(self._epoch(number, on_step))
                self._keep(is_last=number == total)
                self.logs.epoch(number, self._logged(self.history[-1]))
                if on_epoch is not None:
                    on_epoch(self.history[-1])
            if not all(path.exists() for path in self.paths.weights.values()):
                self._keep(is_last=True)  # of a run that was finished, and lost them
            self.logs.end("finished")
            self._record("finished")
        except KeyboardInterrupt:
            self.logs.end("interrupted")
            self._record("interrupted")
            raise TrainingInterrupted(
                f"interrupted; {self._kept()}. To go on, train into {self.paths.path} again "
                "with --resume"
            ) from None
        except Exception:
            if self._status == "running":
                with suppress(NnspecError):  # the disk may be what fails
                    self._record("stopped")
            raise
        finally:
            self.logs.end("stopped")
            if self.history:
                title = f"{self.networks.name} ({self.backend})"
                plot_losses(self.paths.picture, self.history, title)
        pictures = tuple(
            path
            for path in self.paths.files
            if path.parent == self.paths.pictures and path.exists()
        )
        return VersusRun(
            self.paths.path,
            self.backend,
            tuple(self.history),
            self.paths.weights,
            pictures,
            tuple(self.logs.notes),
        )

    def _epoch(self, number: int, on_step: OnStep | None) -> VersusEpoch:
        start = time.perf_counter()
        steps = math.ceil(len(self.rows) / self.training.batch_size)
        losses: dict[str, list[float]] = {role: [] for role in ROLES}
        sizes: dict[str, list[int]] = {role: [] for role in ROLES}
        for role, loss, count in rounds(
            self.networks, self.program, self.rows, number, self.counts
        ):
            step = len(losses["discriminator"]) + (role == "discriminator")
            if not math.isfinite(loss):
                self._diverged(
                    f"the loss of the {role} is {loss} in epoch {number}, step {step} of {steps}"
                )
            losses[role].append(loss)
            sizes[role].append(count)
            if on_step is not None and role == "discriminator":
                on_step(number, step, steps, loss)
        values = {
            role: float(np.average(found, weights=sizes[role]))
            for role, found in losses.items()
            if found
        }
        return VersusEpoch(number, values, time.perf_counter() - start, self.backend)

    def _keep(self, *, is_last: bool) -> None:
        # The checkpoint is last: a kill before it repeats this epoch, to the same files.
        weights, epoch = self.program.weights(), self.history[-1]
        deployed = self.program.deployed_weights()
        for name, path in self.paths.weights.items():
            metadata = weights_metadata(self.networks.models[name], epoch.number)
            save_weights(path, of_models(deployed, name), metadata)
        if is_last or epoch.number % self.training.pictures == 0 or epoch.number == 1:
            made = self.program.sample(noise_for(self.networks, SAMPLES, "samples"))
            self._picture(f"epoch_{epoch.number:05}", made)
        self._checkpoint(weights)
        write_history(self.paths.history, self.history)

    def _picture(self, name: str, rows: Array) -> None:
        """Write rows as a picture, where they are pictures."""
        graph = self.networks.discriminator.graph
        write_grid(
            self.paths.pictures / f"{name}.png",
            rows,
            graph.data_format,
            (float(self.rows.min()), float(self.rows.max())),
        )

    def _checkpoint(self, weights: dict[str, Array]) -> None:
        VersusCheckpoint(
            self.identity,
            self.backend,
            tuple(self.history),
            (self.counts[0], self.counts[1]),
            weights,
            self.program.optimizer_state() if self.history else {},
        ).save(self.paths.checkpoint)

    def _diverged(self, what: str) -> NoReturn:
        self.logs.end("diverged")
        self._record("diverged")
        raise TrainingError(f"{what}; {self._kept()}. A smaller learning_rate may help")

    def _kept(self) -> str:
        if not self.history:
            return "no epoch was finished"
        return f"epoch {len(self.history)} is the last one finished"

    def _record(self, status: str) -> None:
        networks, self._status = self.networks, status
        write_record(
            self.paths.record,
            {
                "status": status,
                "name": networks.name,
                "spec": str(networks.path) if networks.path is not None else None,
                "spec_sha256": networks.sha256,
                "data_sha256": self.sha256,
                "backend": self.backend,
                "trained_by": trained_by(self.history),
                "versions": versions(),
                **told_of(networks.document.variables),
                "seed": self.training.seed,
                "rows": len(self.rows),
                "epochs": len(self.history),
                "steps": {
                    role: count // getattr(self.training, role).accumulate
                    for role, count in zip(ROLES, self.counts, strict=True)
                },
                **({"notes": self.logs.notes} if self.logs.notes else {}),
            },
        )
