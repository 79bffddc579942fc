"""Tuning: trainings with settings that Optuna chooses by what those before have reached.

Optuna's journal in the folder holds every trial, so that a tuning goes on after any end of its
process; what was running then is tried again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nnspec.backend import Precision
from nnspec.errors import MissingDependencyError, NnspecError, UsageError
from nnspec.language.writer import to_yaml
from nnspec.network.loader import Spec, load
from nnspec.support import files, html
from nnspec.training.epochs import train
from nnspec.training.history import Epoch
from nnspec.training.run import TrainingError, TrainingInterrupted
from nnspec.training.runs import RunFolder, write_record
from nnspec.training.search_space import Setting, read_space
from nnspec.training.watching import Watched, watched_by

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial

RECORD, JOURNAL, BEST, PICTURE = "tune.json", "study.journal", "best.yaml", "importance.png"
MOST = 100_000
"""Trials."""
WARM = 5
"""Trials, and none is stopped early before so many have ended."""


class _PrunedError(Exception):
    """A trial is worse than those before were at the same epoch."""


@dataclass(frozen=True)
class Tried:
    """One trial: its settings, how it ended, and its measure at its best epoch.

    state: complete, pruned (stopped early, since it was worse than others), or failed; problem:
    why it failed.
    """

    number: int
    values: Mapping[str, Any]
    state: str
    score: float | None
    epochs: int = 0
    problem: str = ""


@dataclass(frozen=True, repr=False)
class Tuning:
    """The trials, and the best of them: its spec is `best_spec`, its run in the trial's folder."""

    folder: Path
    metric: str
    mode: Literal["min", "max"]
    trials: tuple[Tried, ...]
    importance: Mapping[str, float]

    @property
    def best(self) -> Tried:
        """The best of the trials that were completed, the first of equals."""
        sign = 1 if self.mode == "min" else -1
        ended = [
            each for each in self.trials if each.state == "complete" and each.score is not None
        ]
        return min(ended, key=lambda each: sign * float(each.score or 0.0))

    @property
    def best_spec(self) -> Path:
        """The spec with the settings of the best trial."""
        return self.folder / BEST

    def as_json(self) -> dict[str, Any]:
        """Return what `nnspec tune --json` prints."""
        return {
            "folder": str(self.folder),
            "metric": self.metric,
            "mode": self.mode,
            "best": {**dataclasses.asdict(self.best), "spec": str(self.best_spec)},
            "importance": dict(self.importance),
            "trials": [dataclasses.asdict(each) for each in self.trials],
        }

    def __repr__(self) -> str:
        best = self.best
        return (
            f"<Tuning {self.folder}: {len(self.trials)} trials, best {self.metric} "
            f"{best.score:.4g} of trial {best.number}>"
        )

    def _repr_html_(self) -> str:
        names = list(self.trials[0].values)
        rows = [
            (
                each.number,
                "" if each.score is None else f"{each.score:.4g}",
                each.state,
                *(each.values.get(name) for name in names),
            )
            for each in self.trials
        ]
        return html.titled(repr(self)[1:-1], html.table(("trial", self.metric, "", *names), rows))


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
    prune: bool = True,
    seed: int = 0,
    resume: bool = False,
    overwrite: bool = False,
    on_trial: OnTrial | None = None,
) -> Tuning:
    """Train a spec again and again with other settings, and keep the best.

    spec: its file. over: variables of the spec, or paths such as
    `training.optimizer.learning_rate` or `layers.hidden.units`, with what each may be: a range
    (`"16..256"`, `"1e-4..0.1:log"`, `"8..64:step=8"`) or choices (`["relu", "gelu"]`). trials: how
    many are to have ended. metric: as the history names it, by default what the spec keeps its
    best epoch by; mode: what is better. prune: stop trials that are worse, at the same epoch, than
    the median of those before (Optuna's MedianPruner). seed: of the choices, which Optuna's
    TPESampler draws (Bergstra et al. 2011).

    The folder gets a run for each trial, `best.yaml`, the record `tune.json`, Optuna's journal,
    and a picture of how much each setting mattered. resume: go on until so many trials have
    ended. Raises UsageError, SpecError and DataError before the first step, what the first trials
    raise if none of them ends, TrainingInterrupted at Ctrl-C, MissingDependencyError without
    Optuna.
    """
    optuna = _optuna()
    space = read_space(over)
    if not 1 <= trials <= MOST:
        raise UsageError(f"1 to {MOST:,} trials are expected, not {trials}")
    given: dict[str, Any] = {}
    if metric is not None or mode is not None:
        kept = {"metric": metric, "mode": mode}
        given["training.keep"] = {name: value for name, value in kept.items() if value is not None}
    if epochs is not None:
        given["training.epochs"] = epochs
    spec = Path(spec)
    base = load(spec, variables={**given, **{name: each.first for name, each in space.items()}})
    watched = _watched(base)
    settings = _settings(spec, space, given, backend, dtype, seed)
    place = Path(folder)
    _require_folder(place, resume=resume, overwrite=overwrite)
    with RunFolder(place).held(new=not resume):
        if resume:
            _require_same(place, settings)
        else:
            _begin(place, settings)
        study = _study(optuna, place, watched, seed, prune=prune)
        _again(optuna, study)
        ended = _ended(study)
        while len(ended) < trials:
            trial = study.ask()
            values = {name: each.chosen(trial, name) for name, each in space.items()}
            trial.set_user_attr("values", values)
            run = _Run(spec, {**given, **values}, place, watched, backend, dtype)
            try:
                _try(optuna, study, trial, run)
            except KeyboardInterrupt:
                raise TrainingInterrupted(
                    f"interrupted in trial {trial.number}; the others are kept. To go on, tune "
                    f"into {place} again with --resume"
                ) from None
            except NnspecError as error:
                trial.set_user_attr("problem", str(error))
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                if len(ended) + 1 >= WARM and all(each.state == "failed" for each in ended):
                    raise
            ended = _ended(study)
            if on_trial is not None:
                on_trial(ended[-1], len(ended))
        return _concluded(optuna, study, place, watched, spec=spec, given=given, settings=settings)


@dataclass(frozen=True)
class _Run:
    """The run of a trial, but for its number."""

    spec: Path
    values: Mapping[str, Any]
    folder: Path
    watched: Watched
    backend: str | None
    dtype: Precision | None


def _try(optuna: Any, study: optuna.Study, trial: Trial, run: _Run) -> None:
    """Train, and tell the study what came of it."""
    epochs: list[float] = []

    def on_epoch(epoch: Epoch) -> None:
        value = epoch.values[run.watched.name]
        epochs.append(value)
        trial.report(value, epoch.number)
        if trial.should_prune():
            raise _PrunedError

    own = load(run.spec, variables=run.values)
    folder = trial_folder(run.folder, trial.number)
    held = RunFolder(folder).record.exists() or RunFolder(folder).checkpoint.exists()
    try:
        found = train(own, run.backend, folder, overwrite=held, dtype=run.dtype, on_epoch=on_epoch)
    except _PrunedError:
        trial.set_user_attr("epochs", len(epochs))
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return
    except TrainingError as error:
        # As bad as can be, and no reason to stop.
        trial.set_user_attr("problem", str(error))
        trial.set_user_attr("epochs", len(epochs))
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return
    trial.set_user_attr("epochs", len(found.history))
    (best,) = (each for each in found.history if each.number == found.best_epoch)
    study.tell(trial, best.values[run.watched.name])


def _ended(study: optuna.Study) -> list[Tried]:
    """Return the trials that have ended by themselves: none that the end of the process lost."""
    found = map(_as_tried, study.get_trials(deepcopy=False))
    return [each for each in found if each.state in ("complete", "pruned") or each.problem]


def _as_tried(trial: FrozenTrial) -> Tried:
    states = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    told = trial.user_attrs
    score = trial.value if trial.state.name in ("COMPLETE", "PRUNED") else None
    return Tried(
        trial.number,
        told.get("values", {}),
        states.get(trial.state.name, "running"),
        None if score is None else float(score),
        int(told.get("epochs", 0)),
        str(told.get("problem", "")),
    )


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
    return watched_by(training.keep, training, has_validation=data.validation > 0)


def _settings(
    spec: Path,
    space: Mapping[str, Setting],
    given: Mapping[str, Any],
    backend: str | None,
    dtype: Precision | None,
    seed: int,
) -> dict[str, Any]:
    """Return what a tuning has to agree in with the one that it resumes."""
    return {
        "spec": hashlib.sha256(spec.read_bytes()).hexdigest(),
        "over": {name: [type(each).__name__, *each] for name, each in space.items()},
        "given": dict(given),
        "backend": backend,
        "dtype": dtype,
        "seed": seed,
    }


def _require_folder(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """Raise UsageError where a folder holds a tuning that must stay, or none to resume."""
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


def _require_same(folder: Path, settings: Mapping[str, Any]) -> None:
    """Raise UsageError where the tuning that a folder holds is another."""
    record = folder / RECORD
    try:
        known = json.loads(record.read_text(encoding="utf-8"))["settings"]
        now = json.loads(json.dumps(settings))
        other = [name for name in now if known.get(name) != now[name]]
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
        for place in folder.glob("trial[0-9][0-9][0-9][0-9]*"):
            if RunFolder(place).checkpoint.exists() or RunFolder(place).record.exists():
                for path in RunFolder(place).files:
                    path.unlink(missing_ok=True)
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()
        for name in (JOURNAL, BEST, PICTURE):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror or error}") from None
    write_record(folder / RECORD, {"settings": settings})


def _study(optuna: Any, folder: Path, watched: Watched, seed: int, *, prune: bool) -> optuna.Study:
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
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.get_trials(deepcopy=False)))
    return study  # type: ignore[no-any-return]


def _again(optuna: Any, study: optuna.Study) -> None:
    """Let trials that were running, when the process ended, be tried again."""
    for trial in study.get_trials(deepcopy=False):
        if trial.state == optuna.trial.TrialState.RUNNING:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            if trial.params:
                study.enqueue_trial(trial.params)


def _concluded(
    optuna: Any,
    study: optuna.Study,
    folder: Path,
    watched: Watched,
    *,
    spec: Path,
    given: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> Tuning:
    """Return the tuning, its record, the best spec and the picture written."""
    tried = tuple(_ended(study))
    mode: Literal["min", "max"] = "min" if watched.is_less else "max"
    found = Tuning(folder, watched.name, mode, tried, _importance(optuna, study))
    if not any(each.state == "complete" for each in tried):
        problems = [each.problem for each in tried if each.problem]
        raise UsageError(
            f"none of {len(tried)} trials has ended well"
            + (f"; the last: {problems[-1]}" if problems else "")
        )
    best = load(spec, variables={**given, **found.best.values})
    files.write_text(found.best_spec, _told(found, best))
    write_record(folder / RECORD, {"settings": dict(settings), **found.as_json()})
    if found.importance:
        _draw(folder / PICTURE, found)
    return found


def _told(found: Tuning, best: Spec) -> str:
    """Return the text of the best spec, whose data are found from the folder of the tuning."""
    data = best.model.data
    assert data is not None
    source = os.path.relpath((best.folder / data.source).resolve(), found.folder.resolve())
    model = best.model.model_copy(update={"data": data.model_copy(update={"source": source})})
    score = f"{found.best.score:.6g}"
    return f"# The best of {len(found.trials)} trials: {found.metric} {score}.\n{to_yaml(model)}"


def _importance(optuna: Any, study: optuna.Study) -> dict[str, float]:
    """Return how much of what differs between trials each setting explains; {} if none is told."""
    ended = [each for each in study.get_trials(deepcopy=False) if each.state.name == "COMPLETE"]
    scores = {each.value for each in ended if each.value is not None and math.isfinite(each.value)}
    if len(ended) < 4 or len(scores) < 2:
        return {}
    found = optuna.importance.get_param_importances(study)
    return {name: float(share) for name, share in found.items()}


def _draw(path: Path, found: Tuning) -> None:
    """Draw the importance of each setting as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = sorted(found.importance, key=found.importance.__getitem__)
    figure = Figure(figsize=(7, 1.2 + 0.35 * len(names)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    bars = axes.barh(names, [found.importance[name] for name in names], color="#4477aa")
    axes.bar_label(bars, fmt="{:.0%}", padding=3)
    axes.set_xlim(0, 1.1 * max(found.importance.values()))
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.set_title(
        f"What makes the difference in {found.metric}, of {len(found.trials)} trials", loc="left"
    )
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
