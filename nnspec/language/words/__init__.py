"""Foreign names of losses, optimizers, schedules and metrics, and of the keys of a spec."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from nnspec.layers.words import (
    Tables,
    as_written,
    find_key,
    initializer_key,
    initializer_names,
    initializer_word,
    layer_key,
    layer_names,
    layer_word,
    merged,
)
from nnspec.layers.words.word import Key, Word
from nnspec.support.spelling import squashed

_FILES = {
    "loss": "losses",
    "metric": "metrics",
    "optimizer": "optimizers",
    "schedule": "schedules",
}


def find_word(kind: str, name: str) -> Word | None:
    """Return what a foreign name says here; kind is what messages call it: a layer, a loss."""
    if kind == "block":
        return _blocks()[0].get(as_written(name))
    if kind in ("layer", "activation", "recurrence"):
        return layer_word(name)
    if kind == "initializer":
        return initializer_word(name)
    if kind not in _FILES:
        return None
    return _tables(_FILES[kind])[0].get(as_written(name))


def foreign_words(kind: str) -> dict[str, Word]:
    """Return every foreign name of a kind as its file has it, for pages that list them."""
    if kind == "layer":
        return layer_names()
    if kind == "initializer":
        return initializer_names()
    return dict(import_module(f"{__name__}.{_FILES[kind]}").WORDS)


def find_record_key(kind: str, owner: str, key: str) -> Key | None:
    """Return what a foreign key of a record says; owner is the record's type, or its class."""
    if kind == "block":
        return find_key(_blocks()[1], owner, key)
    if kind in ("layer", "activation", "recurrence"):
        return layer_key(owner, key)
    if kind == "initializer":
        return initializer_key(owner, key)
    return find_key(_tables(_FILES.get(kind, "records"))[1], owner, key)


def find_value(owner: str, key: str, value: str) -> tuple[object] | None:
    """Return our value for a foreign one, as a tuple of one; None where there is none."""
    from nnspec.layers.words import values

    for table in (values(), _values()):
        found = table.get(owner, {}).get(key)
        if found is not None and squashed(value) in found:
            return (found[squashed(value)],)
    return None


@cache
def _tables(file: str) -> Tables:
    return merged([f"{__name__}.{file}"])


@cache
def _blocks() -> Tables:
    return merged(["nnspec.library.words"])  # by name: the library is above this


@cache
def _values() -> dict[str, dict[str, dict[str, object]]]:
    from nnspec.layers.words import values_of

    return values_of([f"{__name__}.records"])
