"""A run as loggers are told of it, and the methods by which they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class LoggedRun:
    """A run that is about to train.

    folder: of its files. spec: as YAML. settings: by names such as
    `training.optimizer.learning_rate`, numbers, texts, lists and the like. history: the epochs that
    a resumed run has trained already, each its number, from 1, and its measures; a log that has
    them is not to have them twice.
    """

    folder: Path
    name: str
    backend: str
    spec: str
    settings: Mapping[str, Any]
    history: tuple[tuple[int, Mapping[str, float]], ...]


@runtime_checkable
class Logger(Protocol):
    """An object that follows a run.

    An error of `begin` ends the call before the first step. One of the others ends what this logger
    is told, and a note says so; the training goes on.
    """

    def begin(self, run: LoggedRun) -> None:
        """Take up a run before its first step."""

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Log an epoch, from 1: its measures by name, as `history.json` has them.

        `learning_rate` is that of its last step, before what optimizers do to it themselves.
        """

    def end(self, status: str, values: Mapping[str, float]) -> None:
        """Close the log of a run that is finished, interrupted, diverged or stopped.

        values: of a finished run, `best_epoch` and `test_...` of the test rows, as far as it has
        them.
        """


def settings_of(
    identity: Mapping[str, Any], variables: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the settings that decide a run, by names with dots instead of records in records.

    variables: of the spec, as `variables.NAME`; they are first, since others follow from them.
    """
    every = {**told_of(variables or {}), **identity}
    return dict(_leaves(every, "")) if every else {}


def told_of(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the record of a run says of a spec's variables: nothing where it has none."""
    return {"variables": dict(variables)} if variables else {}


def _leaves(value: object, name: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping) or not value:
        yield name, value
        return
    for key, inner in value.items():
        yield from _leaves(inner, f"{name}.{key}" if name else str(key))
