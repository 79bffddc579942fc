"""A run for MLflow: in the store that MLflow's own variables name, such as MLFLOW_TRACKING_URI."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from nnspec.errors import MissingDependencyError, UsageError
from nnspec.support import files
from nnspec.training.logged import LoggedRun
from nnspec.training.runs import RunFolder

_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
"""MLflow would try for minutes, in which nothing trains."""
_ENDED = {"finished": "FINISHED", "interrupted": "KILLED"}
_MOST = 500
"""Characters of a setting, as older servers take them."""
_AT_ONCE = 100
"""Settings of a call, the most that MLflow takes."""

T = TypeVar("T")


class MLflow:
    """Writes metrics, parameters and the spec as an artifact, by MLflow's client.

    The folder of the run keeps the name of MLflow's run, so that a resumed one goes on with it.
    Raises UsageError where the store cannot be reached, MissingDependencyError without MLflow.
    """

    def __init__(self) -> None:
        try:
            from mlflow.tracking import MlflowClient
        except ImportError:
            raise MissingDependencyError("MLflow", "mlflow") from None
        with _patient():
            try:
                self._client = MlflowClient()
                self._client.search_experiments(max_results=1)
            except Exception as error:
                raise UsageError(f"the store of MLflow cannot be reached: {_told(error)}") from None
        self._run = ""
        self._known: dict[str, set[int]] = {}
        self._last = 0

    def begin(self, run: LoggedRun) -> None:
        """Begin a run, or go on with that of the folder, and log the epochs that it lacks."""
        path = RunFolder(run.folder).mlflow
        with _patient(), _plainly():
            if not (run.history and self._go_on(_read(path))):
                self._begin(run)
                files.write_text(path, json.dumps({"run_id": self._run}) + "\n")
            for number, values in run.history:
                self.epoch(number, values)

    def _go_on(self, number: str | None) -> bool:
        """Take up a run by its name, unless the store has none, and learn what it has."""
        from mlflow.exceptions import MlflowException

        if number is None:
            return False
        try:
            known = self._client.get_run(number)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        if known.info.lifecycle_stage != "active":
            return False
        self._run = number
        self._client.update_run(number, status="RUNNING")
        for name in known.data.metrics:
            history = self._client.get_metric_history(number, name)
            self._known[name] = {each.step for each in history}
        return True

    def _begin(self, run: LoggedRun) -> None:
        from mlflow.entities import Param

        experiment = os.environ.get("MLFLOW_EXPERIMENT_ID") or self._experiment(
            os.environ.get("MLFLOW_EXPERIMENT_NAME") or run.name
        )
        name = run.folder.resolve().name
        self._run = self._client.create_run(experiment, run_name=name).info.run_id
        settings = {**run.settings, "backend": run.backend}
        found = [Param(_named(name), _text(value)) for name, value in settings.items()]
        for some in _parts(found, _AT_ONCE):
            self._client.log_batch(self._run, params=some)
        self._client.log_text(self._run, run.spec, "spec.yaml")

    def _experiment(self, name: str) -> str:
        known = self._client.get_experiment_by_name(name)
        if known is None:
            return str(self._client.create_experiment(name))
        if known.lifecycle_stage != "active":
            raise UsageError(
                f'the experiment "{name}" of MLflow is deleted; restore it, or name another by '
                "MLFLOW_EXPERIMENT_NAME"
            )
        return str(known.experiment_id)

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Log the measures of an epoch as metrics, its number as their step."""
        from mlflow.entities import Metric

        self._last = number
        now = int(time.time() * 1000)
        new = [
            Metric(name, value, now, number)
            for name, value in ((_named(name), value) for name, value in values.items())
            if number not in self._known.setdefault(name, set())
        ]
        with _patient(), _plainly():
            if new:
                self._client.log_batch(self._run, metrics=new)
        for each in new:
            self._known[each.key].add(number)

    def end(self, status: str, values: Mapping[str, float]) -> None:
        """Log what is measured at the end, at the step of the last epoch, and close the run."""
        self.epoch(self._last, values)
        with _patient(), _plainly():
            self._client.set_terminated(self._run, _ENDED.get(status, "FAILED"))


@contextmanager
def _patient() -> Iterator[None]:
    """Have MLflow give up on a server within a minute, unless the user says otherwise."""
    given = {name: value for name, value in _PATIENCE.items() if name not in os.environ}
    os.environ.update(given)
    try:
        yield
    finally:
        for name in given:
            os.environ.pop(name, None)


@contextmanager
def _plainly() -> Iterator[None]:
    """Keep what an address may hold out of what is told."""
    try:
        yield
    except Exception as error:
        raise UsageError(_told(error)) from None


def _told(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r"//[^/@\s]*@", "//", first)[:500]


def _read(path: Any) -> str | None:
    """Return the name of MLflow's run that a folder keeps, if it does."""
    try:
        name = json.loads(path.read_text(encoding="utf-8"))["run_id"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return name if isinstance(name, str) else None


def _named(name: str) -> str:
    """Return a name as MLflow takes it."""
    return re.sub(r"[^\w./ -]", "_", name)[:250]


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _MOST else f"{text[: _MOST - 3]}..."


def _parts(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for i in range(0, len(values), size):
        yield values[i : i + size]
