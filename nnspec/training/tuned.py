"""Tunings that have ended: their trials, the spec of the best, and what made the difference."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nnspec.errors import UsageError
from nnspec.language.read_files import moved
from nnspec.language.writer import to_yaml
from nnspec.network.loader import Spec, load
from nnspec.support import files, html
from nnspec.training.runs import write_record
from nnspec.training.watching import Watched

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

RECORD, JOURNAL, BEST, PICTURE = "tune.json", "study.journal", "best.yaml", "importance.png"


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


def ended(study: optuna.Study) -> list[Tried]:
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


def concluded(
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
    tried = tuple(ended(study))
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
    home = found.folder.resolve()
    data = moved(data, lambda path: os.path.relpath((best.folder / path).resolve(), home))
    model = best.model.model_copy(update={"data": data})
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
