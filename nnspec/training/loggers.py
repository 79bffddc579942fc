"""Loggers follow a training as it runs: TensorBoard, MLflow, or what a caller has written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnspec.errors import NnspecError, UsageError, nearest, printable, quoted
from nnspec.training.logged import LoggedRun, Logger

NAMES = ("tensorboard", "mlflow")
"""Those that nnspec has."""


Log = str | Logger | Sequence[str | Logger]
"""Names of loggers, or loggers of one's own."""


class Logs:
    """All loggers of a run, which none of them can stop once it runs.

    settings: logged besides the run's own. Raises UsageError for what is no logger, or cannot be
    reached, MissingDependencyError for one whose package is not there.
    """

    def __init__(self, given: Log = (), settings: Mapping[str, Any] | None = None) -> None:
        several = [given] if isinstance(given, str | Logger) else list(given)
        names = [each for each in several if isinstance(each, str)]
        if len({*names}) < len(names):
            raise UsageError(f"a log is named twice: {', '.join(names)}")
        self._loggers = [_logger(each) for each in several]
        self.settings = dict(settings or {})
        self.notes: list[str] = []
        self._epoch = 0

    def begin(self, run: LoggedRun) -> None:
        """Let all take up a run; raises UsageError where one cannot."""
        self._epoch = len(run.history)
        given, self._loggers = self._loggers, []
        for each in given:
            try:
                each.begin(run)
            except Exception as error:
                self.end("stopped")
                if isinstance(error, NnspecError):
                    raise
                raise UsageError(f"{_name(each)} cannot log the run: {_told(error)}") from error
            self._loggers.append(each)

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Log an epoch, by those that still can."""
        self._epoch = number
        for each in self._loggers[:]:
            try:
                each.epoch(number, values)
            except Exception as error:
                self._failed(each, error)

    def end(self, status: str, values: Mapping[str, float] | None = None) -> None:
        """Close the logs that are open still."""
        loggers, self._loggers = self._loggers, []
        for each in loggers:
            try:
                each.end(status, values or {})
            except Exception as error:
                self._failed(each, error)

    def _failed(self, logger: Logger, error: Exception) -> None:
        if logger in self._loggers:
            self._loggers.remove(logger)
        after = f"at epoch {self._epoch}" if self._epoch else "before the first epoch"
        self.notes.append(f"{_name(logger)} has logged no more {after}: {_told(error)}")


def _logger(given: object) -> Logger:
    match given:
        case "tensorboard":
            from nnspec.training.tensorboard_log import TensorBoard

            return TensorBoard()
        case "mlflow":
            from nnspec.training.mlflow_log import MLflow

            return MLflow()
        case str():
            known = " or ".join(quoted(NAMES))
            raise UsageError(f'there is no log "{given}"{nearest(given, NAMES)}; give {known}')
        case Logger():
            return given
    raise UsageError(
        f"a log is a name, or has `begin`, `epoch` and `end` (nnspec.Logger): not {given!r:.80}"
    )


def _name(logger: Logger) -> str:
    return type(logger).__name__


def _told(error: Exception) -> str:
    text = str(error).strip()
    return printable(text.splitlines()[0][:500]) if text else type(error).__name__
