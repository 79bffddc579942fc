"""Tuning: trainings with settings that Optuna chooses by what those before have reached.

Optuna's journal in the folder holds every trial, so that a tuning goes on after any end of its
process; what was running then is tried again.
"""

from __future__ import annotations

import functools
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nnspec.backend import Precision
from nnspec.data.rows import load_data
from nnspec.errors import MissingDependencyError, UsageError
from nnspec.language.read_files import paths_of
from nnspec.network.loader import Spec, load
from nnspec.support.files import require_apart
from nnspec.training.hardware import Arithmetic, Device
from nnspec.training.loggers import Logs
from nnspec.training.run import TrainingInterrupted
from nnspec.training.runs import RunFolder, write_record
from nnspec.training.search_space import Setting, read_space
from nnspec.training.trials import Outcome, Report, Task, Worker, tried
from nnspec.training.tuned import BEST, JOURNAL, PICTURE, RECORD, Tried, Tuning, concluded, ended
from nnspec.training.watching import Watched, watched_by

if TYPE_CHECKING:
    import optuna
    from optuna.trial import Trial

MOST = 100_000
"""Trials."""
SEEDS = 2**32
"""As many as Optuna's samplers take."""
MOST_JOBS = 256
"""Trials at a time."""
WARM = 5
"""Trials, and none is stopped early before so many have ended."""


OnTrial = Callable[[Tried, int], None]
"""Called when a trial has ended, with how many have."""


def trial_folder(folder: str | Path, number: int) -> Path:
    """Return the folder of the run of a trial."""
    return Path(folder) / f"trial{number:04}"


def tune(
    spec: str | Path,
    over: Mapping[str, Any],
    folder: str | Path = "tune",
    *,
    trials: int = 50,
    metric: str | None = None,
    mode: Literal["min", "max"] | None = None,
    backend: str | None = None,
    epochs: int | None = None,
    dtype: Precision | None = None,
    jobs: int = 1,
    prune: bool = True,
    seed: int = 0,
    log: str | Sequence[str] = (),
    device: Device | None = None,
    precision: Arithmetic | None = None,
    resume: bool = False,
    overwrite: bool = False,
    on_trial: OnTrial | None = None,
) -> Tuning:
    """Train a spec again and again with other settings, and keep the best.

    spec: its file. over: variables of the spec, or paths such as
    `training.optimizer.learning_rate` or `layers.hidden.units`, with what each may be: a range
    (`"16..256"`, `"1e-4..0.1:log"`, `"8..64:step=8"`) or choices (`["relu", "gelu"]`). trials: how
    many are to have ended. metric: as the history names it, by default what the spec keeps its
    best epoch by; mode: what is better. jobs: trials at a time, each in a process of its own where
    there are several; what is chosen depends then on which ends first. prune: stop trials that are
    worse, at the same epoch, than the median of those before (Optuna's MedianPruner). seed: of the
    choices, which Optuna's TPESampler draws (Bergstra et al. 2011). log: "tensorboard" or
    "mlflow", for each trial. device, precision: as `train` takes them, of every trial.

    The folder gets a run for each trial, `best.yaml`, the record `tune.json`, Optuna's journal,
    and a picture of how much each setting mattered. resume: go on until so many trials have
    ended. Raises UsageError, SpecError and DataError before the first step, what the first trials
    raise if none of them ends, TrainingInterrupted at Ctrl-C, MissingDependencyError without
    Optuna.
    """
    optuna = _optuna()
    logs = (log,) if isinstance(log, str) else tuple(log)
    Logs(logs)  # which fails here rather than in every trial
    space = read_space(over)
    if not 1 <= trials <= MOST:
        raise UsageError(f"1 to {MOST:,} trials are expected, not {trials}")
    if not 1 <= jobs <= MOST_JOBS:
        raise UsageError(f"1 to {MOST_JOBS} jobs are expected, not {jobs}")
    if not 0 <= seed < SEEDS:
        raise UsageError(f"a seed from 0 to {SEEDS - 1:,} is expected, not {seed}")
    given: dict[str, Any] = {}
    if metric is not None or mode is not None:
        kept = {"metric": metric, "mode": mode}
        given["training.keep"] = {name: value for name, value in kept.items() if value is not None}
    if epochs is not None:
        given["training.epochs"] = epochs
    spec = Path(spec)
    base = load(spec, variables={**given, **{name: each.first for name, each in space.items()}})
    watched = _watched(base)
    place = Path(folder)
    _require_folder(place, base, resume=resume, overwrite=overwrite)
    settings = _settings(base, space, given, backend, dtype, seed, precision)
    with RunFolder(place).held(new=not resume):
        if resume:
            _require_same(place, settings)
        else:
            _begin(place, settings)
        study = _study(optuna, place, watched, seed, prune=prune, is_parallel=jobs > 1)
        _again(optuna, study)
        tuner = _Tuner(optuna, study, space, trials, on_trial)
        tuner.task = lambda number, values: Task(
            spec,
            {**given, **values},
            trial_folder(place, number),
            watched.name,
            backend,
            dtype,
            logs,
            device,
            precision,
        )
        try:
            tuner.run(jobs)
        except KeyboardInterrupt:
            raise TrainingInterrupted(
                f"interrupted; the trials that have ended are kept. To go on, tune into {place} "
                "again with --resume"
            ) from None
        return concluded(optuna, study, place, watched, spec=spec, given=given, settings=settings)


class _Tuner:
    """Asks for trials, and tells what came of them: one at a time, whichever thread it is."""

    task: Callable[[int, Mapping[str, Any]], Task]

    def __init__(
        self,
        optuna: Any,
        study: optuna.Study,
        space: Mapping[str, Setting],
        trials: int,
        on_trial: OnTrial | None,
    ) -> None:
        self.optuna = optuna
        self.study = study
        self.space = space
        self.left = trials - len(ended(study))
        self.on_trial = on_trial
        self.lock = threading.Lock()
        self.is_over = False
        self.problem: BaseException | None = None

    def run(self, jobs: int) -> None:
        """Try until as many trials as wanted have ended, so many at a time; raises NnspecError."""
        if jobs == 1:
            self._work(tried)
        else:
            self._beside(min(jobs, max(self.left, 1)))
        if self.problem is not None:
            raise self.problem

    def _beside(self, jobs: int) -> None:
        workers = [Worker() for _ in range(jobs)]
        threads = [
            threading.Thread(target=self._work, args=(worker.tried,), daemon=True)
            for worker in workers
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():  # so that Ctrl-C is heard between
                    thread.join(0.1)
        finally:
            with self.lock:  # what is running then is tried again, and has not failed
                self.is_over = True
            for worker in workers:
                worker.end()

    def _work(self, run: Callable[[Task, Report], Outcome]) -> None:
        while True:
            with self.lock:
                if self.left <= 0 or self.is_over or self.problem is not None:
                    return
                self.left -= 1
                trial = self.study.ask()
                values = {name: each.chosen(trial, name) for name, each in self.space.items()}
                trial.set_user_attr("values", values)
            try:
                task = self.task(trial.number, values)
                outcome = run(task, functools.partial(self._report, trial))
                with self.lock:
                    if self.is_over:
                        return
                    self._tell(trial, outcome)
            except Exception as error:  # a callback's own
                self.problem = error

    def _report(self, trial: Trial, epoch: int, value: float) -> bool:
        with self.lock:
            trial.report(value, epoch)
            return bool(trial.should_prune())

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        states = self.optuna.trial.TrialState
        trial.set_user_attr("epochs", outcome.epochs)
        if outcome.problem:
            trial.set_user_attr("problem", outcome.problem)
        if outcome.state == "complete":
            self.study.tell(trial, outcome.score)
        else:
            is_pruned = outcome.state == "pruned"
            self.study.tell(trial, state=states.PRUNED if is_pruned else states.FAIL)
        known = ended(self.study)
        if self.on_trial is not None:
            (own,) = (each for each in known if each.number == trial.number)
            self.on_trial(own, len(known))
        if len(known) >= WARM and all(each.state == "failed" for each in known):
            self.problem = UsageError(f"every trial fails: {outcome.problem}")


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise MissingDependencyError("Optuna", "tune") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _watched(spec: Spec) -> Watched:
    """Return what tells how good a trial is; raises UsageError where nothing is trained."""
    training, data = spec.model.training, spec.model.data
    if training is None or data is None:
        absent = "data" if data is None else "training"
        raise UsageError(f'the spec "{spec.name}" has no `{absent}` section; tuning needs one')
    return watched_by(training.keep, training, has_validation=data.has_validation)


def _settings(
    spec: Spec,
    space: Mapping[str, Setting],
    given: Mapping[str, Any],
    backend: str | None,
    dtype: Precision | None,
    seed: int,
    precision: Arithmetic | None,
) -> dict[str, Any]:
    """Return what a tuning has to agree in with the one that it resumes; raises DataError."""
    assert spec.path is not None
    assert spec.model.data is not None
    digest = hashlib.sha256(load_data(spec).sha256.encode())
    # What the hash of the rows leaves out: teachers, and their weights.
    for file in (spec.folder / path for path in paths_of(spec.model.data)[1:]):
        if file.is_file():
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    return {
        "spec": hashlib.sha256(spec.path.read_bytes()).hexdigest(),
        "data": digest.hexdigest(),
        "over": {name: [type(each).__name__, *each] for name, each in space.items()},
        "given": dict(given),
        "backend": backend,
        "dtype": dtype,
        "seed": seed,
        **({"precision": precision} if precision is not None else {}),
    }


def _require_folder(folder: Path, spec: Spec, *, resume: bool, overwrite: bool) -> None:
    """Raise UsageError where a folder holds what must stay, or no tuning to resume."""
    if resume and overwrite:
        raise UsageError("a tuning is either resumed or overwritten, not both")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; give a folder")
    has_one = (folder / JOURNAL).exists()
    if resume and not (has_one and (folder / RECORD).exists()):
        raise UsageError(f"{folder} holds no tuning to resume")
    if has_one and not (resume or overwrite):
        raise UsageError(
            f"{folder} already holds a tuning; resume it (--resume), replace it (--overwrite), or "
            "give another folder"
        )
    held = [path for path in (*_files(folder), *_of_trials(folder)) if path.exists()]
    if held and not (resume or overwrite):
        raise UsageError(
            f"{folder} already holds {held[0].relative_to(folder)}, which a tuning would write; "
            "replace it (--overwrite), or give another folder"
        )
    assert spec.model.data is not None
    named = [spec.folder / path for path in paths_of(spec.model.data)]
    for path in held:
        require_apart(path, spec.path, *named)


def _files(folder: Path) -> tuple[Path, ...]:
    """Return what a tuning writes beside its trials."""
    return tuple(folder / name for name in (JOURNAL, BEST, PICTURE, RECORD))


def _of_trials(folder: Path) -> Iterator[Path]:
    """Yield what the trials of a folder wrote."""
    for place in sorted(folder.glob("trial[0-9][0-9][0-9][0-9]*")):
        run = RunFolder(place)
        if run.checkpoint.exists() or run.record.exists():
            yield from run.files


def _require_same(folder: Path, settings: Mapping[str, Any]) -> None:
    """Raise UsageError where the tuning that a folder holds is another."""
    record = folder / RECORD
    try:
        known = json.loads(record.read_text(encoding="utf-8"))["settings"]
        now = json.loads(json.dumps(settings))
        other = [n for n in sorted({*known, *now}) if known.get(n) != now.get(n)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(f"{record} is no record of a tuning: {error}") from None
    if other:
        raise UsageError(
            f"{folder} holds another tuning, which cannot be resumed as this one: another "
            f"{', another '.join(other)}"
        )


def _begin(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make room for a new tuning: what is there of another, which may be overwritten, goes."""
    try:
        for path in (*_of_trials(folder), *_files(folder)):
            path.unlink(missing_ok=True)
        for place in folder.glob("trial[0-9][0-9][0-9][0-9]*"):
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror or error}") from None
    write_record(folder / RECORD, {"settings": settings})


def _study(
    optuna: Any, folder: Path, watched: Watched, seed: int, *, prune: bool, is_parallel: bool
) -> optuna.Study:
    """Return the study of a folder, with the trials that it has."""
    backend = optuna.storages.journal.JournalFileBackend(str(folder / JOURNAL))
    storage = optuna.storages.JournalStorage(backend)
    pruner = (
        optuna.pruners.MedianPruner(n_startup_trials=WARM) if prune else optuna.pruners.NopPruner()
    )
    study = optuna.create_study(
        study_name="nnspec",
        storage=storage,
        load_if_exists=True,
        direction="minimize" if watched.is_less else "maximize",
        pruner=pruner,
    )
    # Another draw after each end of the process, and the same one for the same number of trials.
    begun = len(study.get_trials(deepcopy=False))
    # With trials that run beside one another none is near to what another tries already.
    own = (seed + begun) % SEEDS
    study.sampler = optuna.samplers.TPESampler(seed=own, constant_liar=is_parallel)
    return study  # type: ignore[no-any-return]


def _again(optuna: Any, study: optuna.Study) -> None:
    """Let trials that were running, when the process ended, be tried again."""
    for trial in study.get_trials(deepcopy=False):
        if trial.state == optuna.trial.TrialState.RUNNING:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            if trial.params:
                study.enqueue_trial(trial.params)
