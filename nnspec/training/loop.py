"""The epochs of a run, one after the other, each with what it leaves in the folder."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from nnspec.backend import Trainable, versions
from nnspec.data.dataset import Dataset
from nnspec.errors import NnspecError
from nnspec.language.training_schema import Training
from nnspec.network.loader import Spec
from nnspec.training.epoch import NotFinite, OnStep, averaged, measured, run_epoch
from nnspec.training.history import Epoch, plot_history, trained_by, write_history
from nnspec.training.logged import LoggedRun, settings_of, told_of
from nnspec.training.loggers import Logs
from nnspec.training.pacing import rate_of, rates_of, set_rate
from nnspec.training.results import show_results
from nnspec.training.run import Run, TrainingError, TrainingInterrupted
from nnspec.training.runs import (
    Checkpoint,
    RunFolder,
    weights_metadata,
    write_record,
)
from nnspec.training.watching import watched_by
from nnspec.training.within import Saving, Taken
from nnspec.weights.canonical import Array, load_weights, save_weights

if TYPE_CHECKING:
    from nnspec.training.crew import Crew
    from nnspec.training.diagnosis import Recorder
    from nnspec.training.diagnosis_words import Finding

OnEpoch = Callable[[Epoch], None]
"""Called after each epoch, when its files are written."""


class Loop:
    """A run that goes on: its epochs, and what its folder holds after each."""

    def __init__(
        self,
        spec: Spec,
        training: Training,
        backend: str,
        program: Trainable,
        data: Dataset,
        paths: RunFolder,
        identity: dict[str, Any],
        crew: Crew | None = None,
    ) -> None:
        """crew: the other processes, where several share each batch."""
        self.spec = spec
        self.training = training
        self.backend = backend
        self.program = program
        self.data = data
        self.paths = paths
        self.identity = identity
        self.crew = crew
        self.hardware: dict[str, Any] = {}
        self.history: list[Epoch] = []
        self.every: int | None = None
        """Steps from one save within an epoch to the next."""
        self._taken = Taken()
        """Steps of the next epoch that are taken."""
        self.notes: list[str] = []
        self.recorder: Recorder | None = None
        self.logs = Logs()
        self._diagnosis: dict[str, Any] = {}
        self._confusion: list[list[float]] | None = None
        self._status = ""
        self._best: Epoch | None = None
        self._ahead = 0
        """An epoch that the best file is of and the checkpoint does not know yet."""
        has_validation = data.validation is not None
        self._keeping = watched_by(training.keep, training, has_validation=has_validation)
        self._stopping = watched_by(training.stop, training, has_validation=has_validation)

    def begin(self, logs: Logs) -> None:
        """Let the epochs, and those that there are, be logged."""
        settings = {**settings_of(self.identity, self.spec.model.variables), **logs.settings}
        before = tuple(self._logged(epoch.number) for epoch in self.history)
        told = self.spec.name, self.backend, self.spec.to_yaml(), settings, before
        logs.begin(LoggedRun(self.paths.path, *told))
        logs.notes = self.notes
        self.logs = logs

    def _logged(self, number: int) -> tuple[int, dict[str, float]]:
        """Return an epoch with its measures and the learning rate of its last step."""
        rate = rate_of(self.training, self.history[:number], len(self.data.train))
        return number, {**self.history[number - 1].values, "learning_rate": rate}

    def go_on_from(self, state: Checkpoint) -> None:
        """Take up a run where it was saved last; a weights file that is lost is made anew.

        Where it was saved within an epoch, the best is that of the last whole epoch, or the next.
        """
        self.history, self._taken = list(state.history), state.taken
        if self.history or len(self._taken):
            self.program.load_optimizer_state(state.optimizer)
        if not self.history:
            return
        self._pace()
        last = len(self.history)
        metadata = weights_metadata(self.spec, last, self.data)
        if not self.paths.last.exists() and not len(self._taken):
            save_weights(self.paths.last, state.weights, metadata)
        kept = _epoch_of(self.paths.best)
        if kept is None and not len(self._taken):
            self._replace_best(state.weights)
        elif kept is None and _epoch_of(self.paths.last) == last:
            self._replace_best(load_weights(self.paths.last))
        elif kept is None:
            self.notes.append(
                f"{self.paths.best}, the weights of epoch {self._known_best.number}, was lost: "
                "those of a later epoch stand in its place"
            )
        else:
            # One that the checkpoint does not know yet is computed again, to the same weights.
            is_known = kept <= last
            self._best = self.history[kept - 1] if is_known else self._keeping.best_of(self.history)
            self._ahead = 0 if is_known else kept

    def _replace_best(self, weights: Mapping[str, Array]) -> None:
        """Let the last weights stand for the best ones, whose file is lost."""
        wanted = self._known_best.number
        self._best = self.history[-1]
        metadata = weights_metadata(self.spec, self._best.number, self.data)
        save_weights(self.paths.best, weights, metadata)
        self.notes.append(
            f"{self.paths.best}, the weights of epoch {wanted}, was lost: those of epoch "
            f"{self._best.number} stand in its place"
        )

    def run(self, total: int, on_step: OnStep | None, on_epoch: OnEpoch | None) -> Run:
        try:
            if not self.history and not len(self._taken):
                self._checkpoint()
            self._record("running")
            while len(self.history) < total and not self._has_ended():
                number = len(self.history) + 1
                self.history.append(self._epoch(number, on_step))
                self._pace()
                self._keep()
                self.logs.epoch(*self._logged(number))
                if on_epoch is not None:
                    on_epoch(self.history[-1])
            if self.crew is not None:
                self.crew.finish()
            return self._finish()
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
                title = f"{self.spec.name} ({self.backend})"
                best = self._known_best.number
                rates = rates_of(self.training, self.history, len(self.data.train))
                plot_history(self.paths.picture, self.history, best, title, rates)

    def _pace(self) -> None:
        has_validation = self.data.validation is not None
        set_rate(self.program, self.training, self.history, has_validation=has_validation)

    def _has_ended(self) -> bool:
        stop = self.training.stop
        return stop is not None and self._stopping.has_ended(self.history, stop.patience)

    def _epoch(self, number: int, on_step: OnStep | None) -> Epoch:
        start = time.perf_counter()
        if self.recorder is not None:
            on_step = self.recorder.watched(number, on_step)
        try:
            saving = None
            if self.every is not None:
                saving = Saving(self.every, self._taken, self._save_within)
            if self.crew is not None:
                self.crew.epoch(number, self.history, self.every, len(self._taken))
            values = run_epoch(self.program, self.spec, self.data, number, on_step, saving)
            self._taken = Taken()
        except NotFinite as error:
            self._diverged(str(error))
        except RuntimeError as error:
            lost = self.crew.lost(error) if self.crew is not None else ""
            if not lost:
                raise
            self._record("interrupted")
            raise TrainingError(
                f"in epoch {number}: {lost}; {self._kept()}. To go on, train into "
                f"{self.paths.path} again with --resume"
            ) from None
        return Epoch(number, values, time.perf_counter() - start, self.backend)

    def _keep(self) -> None:
        # The checkpoint is last: a kill before it repeats this epoch, to the same files.
        weights = self.program.weights()
        epoch = self.history[-1]
        metadata = weights_metadata(self.spec, epoch.number, self.data)
        save_weights(self.paths.last, weights, metadata)
        # What was better may be so no more where another backend computes it again: by rounding.
        is_best = epoch.number == self._ahead
        if self._best is None or is_best or self._keeping.is_better(epoch, self._best):
            with averaged(self.program, self.training):
                best = self.program.weights() if self.training.keeps_average else weights
            save_weights(self.paths.best, best, metadata)
            self._best = epoch
        self._checkpoint(weights)
        write_history(self.paths.history, self.history)

    def _save_within(self, taken: Taken) -> None:
        self._checkpoint(taken=taken)

    def _checkpoint(
        self, weights: dict[str, NDArray[np.generic]] | None = None, taken: Taken | None = None
    ) -> None:
        has_steps = bool(self.history) or taken is not None
        Checkpoint(
            self.identity,
            self.backend,
            tuple(self.history),
            self.program.weights() if weights is None else weights,
            self.program.optimizer_state() if has_steps else {},
            taken or Taken(),
            self.every,
        ).save(self.paths.checkpoint)

    def _finish(self) -> Run:
        test = None
        found = self._findings()
        if _epoch_of(self.paths.best) != self._known_best.number:
            if len(self._taken):
                raise TrainingError(
                    f"{self.paths.best} and {self.paths.last} were lost, and the checkpoint holds "
                    f"epoch {len(self.history) + 1} half done: train for more epochs than "
                    f"{len(self.history)} to finish it"
                )
            self._replace_best(self.program.weights())
        self.program.load_weights(load_weights(self.paths.best))
        if self.data.test is not None:
            test = measured(self.program, self.spec, self.data, self.data.test)
            if wrong := [name for name, value in test.items() if not math.isfinite(value)]:
                self.notes.append(
                    f"of the test rows {' and '.join(wrong)} is no finite number: what the network "
                    "gives for them is too large"
                )
        table = show_results(
            self.program, self.spec, self.training, self.data, self.paths, self.backend
        )
        if table is not None and any(
            each.type == "confusion_matrix" for each in self.training.resolved_metrics
        ):
            self._confusion = table
        write_history(self.paths.history, self.history)
        tested = {f"test_{name}": value for name, value in (test or {}).items()}
        self.logs.end("finished", {"best_epoch": self._known_best.number, **tested})
        self._record("finished", test)
        return Run(
            self.paths.path,
            self.backend,
            tuple(self.history),
            self._known_best.number,
            self.paths.best,
            self.paths.last,
            test,
            tuple(self.notes),
            found,
            self._confusion,
        )

    @property
    def _known_best(self) -> Epoch:
        """The epoch whose weights the best file holds."""
        return self._best or self._keeping.best_of(self.history)

    def _findings(self) -> tuple[Finding, ...] | None:
        """Return what the recorded layers show, after a last look at them; None without any."""
        if self.recorder is None:
            return None
        from nnspec.training.conclusions import concluded

        self.recorder.record(len(self.history) + 1)
        title = f"{self.spec.name} ({self.backend})"
        found, self._diagnosis = concluded(self.recorder, self.paths.diagnosis, title)
        return found

    def _diverged(self, what: str) -> NoReturn:
        found = self._findings()
        self.logs.end("diverged")
        self._record("diverged")
        told = "".join(f"\n{each.text}" for each in found or ())
        raise TrainingError(
            f"{what}; {self._kept()}. A smaller learning_rate, or `standardize: true` for "
            f"features of large values, may help{told}"
        )

    def _kept(self) -> str:
        if not self.history:
            return "no epoch was finished"
        best = self._known_best.number
        return (
            f"epoch {len(self.history)} is the last one finished, and the best weights, of epoch "
            f"{best}, are in {self.paths.best}"
        )

    def _record(
        self,
        status: str,
        test: dict[str, float] | None = None,
    ) -> None:
        best = self._known_best if self.history else None
        self._status = status
        write_record(
            self.paths.record,
            {
                "status": status,
                "name": self.spec.name,
                "spec": str(self.spec.path) if self.spec.path is not None else None,
                "spec_sha256": self.spec.sha256,
                "data_sha256": self.data.sha256,
                "backend": self.backend,
                "trained_by": trained_by(self.history),
                "versions": versions(),
                **self.hardware,
                **told_of(self.spec.model.variables),
                "seed": self.training.seed,
                "rows": self.data.sizes,
                "epochs": len(self.history),
                **({"stopped_early": True} if self._has_ended() else {}),
                "best": best.as_json() if best is not None else None,
                "test": test,
                **({"confusion_matrix": self._confusion} if self._confusion is not None else {}),
                **({"notes": self.notes} if self.notes else {}),
                **self._diagnosis,
            },
        )


def _epoch_of(file: Path) -> int | None:
    """Return the epoch whose weights a file holds, or None where it is lost."""
    try:
        return int(load_weights(file, mapped=True).metadata["epoch"])
    except (NnspecError, KeyError, ValueError):
        return None
