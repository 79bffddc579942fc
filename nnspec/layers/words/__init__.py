"""Foreign names of our layers, activations and initializers, and of their keys.

A file stands for the family of the same name in `nnspec/layers/`: `WORDS`, foreign name -> what it
is here, and `KEYS`, our type -> its foreign keys. `elsewhere` holds what no family has. The language
has one spelling, and takes none of these: they are read only where a message needs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

from nnspec.layers.words.word import Key, Word
from nnspec.support.spelling import squashed

_FOLDER = Path(__file__).parent
_PREFIX = re.compile(
    r"(?:(?:torch|tf|tensorflow|keras|nn|functional|layers|activations?|initializers?|losses|optim|"
    r"optimizers?|init|modules|jax|flax|linen|ops|schedules|lr_scheduler|F|K|L)\.)+"
)
_CALL = re.compile(r"([\w.]+)\(\s*\)\Z")


def bare(name: str) -> str:
    """Return a name without the modules that it is imported from, and without `()`."""
    called = _CALL.match(name.strip())
    name = called[1] if called else name.strip()
    prefix = _PREFIX.match(name)
    return name[prefix.end() :] if prefix and prefix.end() < len(name) else name


def as_written(name: str) -> str:
    """Return a name as the tables have it: without modules, and without what is spelt in ways."""
    return squashed(bare(name))


def layer_word(name: str) -> Word | None:
    """Return what a foreign name of a layer or an activation says here."""
    return _layers()[0].get(as_written(name))


def layer_names() -> dict[str, Word]:
    """Return every foreign name of a layer as its file has it."""
    modules = (import_module(f"{__name__}.{file}") for file in _files())
    return {name: word for module in modules for name, word in module.WORDS.items()}


def initializer_names() -> dict[str, Word]:
    """Return every foreign name of an initializer as its file has it."""
    return dict(import_module(f"{__name__}.initializers").WORDS)


def layer_key(kind: str, key: str) -> Key | None:
    """Return what a foreign key of this type of layer says here."""
    return find_key(_layers()[1], kind, key)


def initializer_word(name: str) -> Word | None:
    """Return what a foreign name of an initializer says here."""
    return _initializers()[0].get(as_written(name))


def initializer_key(kind: str, key: str) -> Key | None:
    """Return what a foreign key of this type of initializer says here."""
    return find_key(_initializers()[1], kind, key)


Tables = tuple[dict[str, Word], dict[str, dict[str, Key]]]


def find_key(table: Mapping[str, Mapping[str, Key]], kind: str, key: str) -> Key | None:
    """Return what a key of this type says; "*" stands for every type."""
    given = squashed(key)
    return table.get(kind, {}).get(given) or table.get("*", {}).get(given)


def merged(modules: Iterable[str]) -> Tables:
    """Return the words and the keys of modules, by how people write them."""
    words: dict[str, Word] = {}
    keys: dict[str, dict[str, Key]] = {}
    for name in modules:
        module = import_module(name)
        words.update((as_written(given), word) for given, word in module.WORDS.items())
        for kind, records in module.KEYS.items():
            own = keys.setdefault(kind, {})
            own.update((squashed(given), record) for given, record in records.items())
    return words, keys


@cache
def _layers() -> Tables:
    return merged(f"{__name__}.{file}" for file in _files())


def _files() -> list[str]:
    others = ("__init__", "word", "initializers", "defaults")
    return sorted(path.stem for path in _FOLDER.glob("*.py") if path.stem not in others)


@cache
def _initializers() -> Tables:
    return merged([f"{__name__}.initializers"])


def note_of_null(kind: str, key: str) -> str:
    """Return how to say what null means elsewhere for a key of this type, if anything."""
    modules = (import_module(f"{__name__}.{file}") for file in _files())
    notes = (getattr(module, "NULLS", {}).get(kind, {}).get(key) for module in modules)
    return next((note for note in notes if note), "")


Values = dict[str, dict[str, dict[str, object]]]


def values() -> Values:
    """Return type -> key -> foreign value, as people write it -> ours."""
    return _layer_values()


@cache
def _layer_values() -> Values:
    return values_of(f"{__name__}.{file}" for file in _files())


def values_of(modules: Iterable[str]) -> Values:
    """Return the foreign values that modules list."""
    found: Values = {}
    for name in modules:
        for kind, fields in getattr(import_module(name), "VALUES", {}).items():
            own = found.setdefault(kind, {})
            for field, table in fields.items():
                own[field] = {squashed(given): ours for given, ours in table.items()}
    return found
