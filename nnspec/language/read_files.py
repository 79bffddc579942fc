"""The files that a spec names: its rows, those of a split, tokenizers, teachers and weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnspec.language.adversarial import AdversarialData
from nnspec.language.by_output import Taught
from nnspec.language.databases import is_server
from nnspec.language.training_schema import Data


def paths_of(data: Data | AdversarialData) -> tuple[str, ...]:
    """Return the paths as they are written, relative to the spec; of a server it is a URL."""
    found: list[str] = []

    def place(path: str) -> str:
        found.append(path)
        return path

    _changes(data, place)
    return tuple(found)


def moved(data: Data, place: Callable[[str], str]) -> Data:
    """Return the same data with other paths; the URL of a server stays what it is."""
    changes = _changes(data, lambda path: path if is_server(path) else place(path))
    return data.model_copy(update=changes)


def _changes(data: Data | AdversarialData, place: Callable[[str], str]) -> dict[str, Any]:
    """Return what of the data becomes something else with other paths."""
    changes: dict[str, Any] = {"source": place(data.source)}
    if isinstance(data, Data):
        if data.split is not None and data.split.files:
            files = {part: place(file) for part, file in data.split.files.items()}
            changes["split"] = data.split.model_copy(update=files)
        if data.prepare is not None:
            changes["prepare"] = {name: _prepared(how, place) for name, how in data.prepare.items()}
        if isinstance(data.target, Taught):
            changes["target"] = _taught(data.target, place)
        elif isinstance(data.target, Mapping):
            changes["target"] = {
                name: _taught(each, place) if isinstance(each, Taught) else each
                for name, each in data.target.items()
            }
    return changes


def _prepared(how: Any, place: Callable[[str], str]) -> Any:
    text = how.text
    if text is None or text.tokenizer is None:
        return how
    other = text.model_copy(update={"tokenizer": place(text.tokenizer)})
    return how.model_copy(update={"text": other})


def _taught(given: Taught, place: Callable[[str], str]) -> Taught:
    files = {"teacher": place(given.teacher), "weights": place(given.weights)}
    return given.model_copy(update=files)
