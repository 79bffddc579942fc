"""Documents of Python's objects as trees whose marks are places in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any

from nnspec.errors import Mark, Problem, SpecError
from nnspec.language.schema import Block, Call, Model
from nnspec.language.tree import MAX_DEPTH, Map, Sequence
from nnspec.layers.fields import Frozen
from nnspec.support.plain import plain
from nnspec.support.shown import shown


class Place(Mark):
    """A place in an object: its number, in the order of the values, and its path."""

    path: str = ""

    @property
    def where(self) -> str:
        """The place in words."""
        return self.path


def placed(document: object) -> Any:
    """Return a document of Python's objects as a tree whose marks are places in it."""
    return _placed(document, "", count(), 0)


def _placed(value: Any, path: str, numbers: Iterator[int], depth: int) -> Any:
    if depth > MAX_DEPTH:
        message = f"values are nested deeper than {MAX_DEPTH} levels"
        raise SpecError([Problem("too-deep", message, "a spec needs about six levels", path=path)])
    if isinstance(value, Model | Block | Call):
        value = given_of(value)
    elif type(value).__module__ != "builtins":
        value = plain(value)
    if isinstance(value, Mapping) and not isinstance(value, Frozen):
        return _mapping(value, path, numbers, depth)
    if isinstance(value, list | tuple):
        return _list(value, path, numbers, depth)
    return value


def _mapping(value: Mapping[Any, Any], path: str, numbers: Iterator[int], depth: int) -> Map:
    made = Map()
    made.mark, made.marks = _place(path, numbers), {}
    for key, item in value.items():
        if not isinstance(key, str):
            message = f"a key is {shown(key)}, and a text is expected"
            raise SpecError([Problem("wrong-type", message, path=path)])
        inner = f"{path}.{key}" if path else key
        made.marks[key] = (_place(inner, numbers), _place(inner, numbers))
        made[key] = _placed(item, inner, numbers, depth + 1)
    made.size, made.height = _extent(made.values())
    return made


def _list(value: Iterable[Any], path: str, numbers: Iterator[int], depth: int) -> Sequence:
    made = Sequence()
    made.mark, made.marks = _place(path, numbers), []
    for i, item in enumerate(value):
        inner = f"{path}[{i}]"
        made.marks.append(_place(inner, numbers))
        made.append(_placed(item, inner, numbers, depth + 1))
    made.size, made.height = _extent(made)
    return made


def _extent(items: Iterable[object]) -> tuple[int, int]:
    """Return how many values there are, and in how many levels."""
    size, height = 1, 1
    for item in items:
        size += getattr(item, "size", 1) if isinstance(item, Map | Sequence) else 1
        height = max(height, 1 + item.height if isinstance(item, Map | Sequence) else 1)
    return size, height


def _place(path: str, numbers: Iterator[int]) -> Place:
    place = Place(next(numbers), 0)
    place.path = path
    return place


def given_of(record: Model | Block | Call) -> dict[str, Any]:
    """Return what a record says; a layout that a network does not say is open."""
    given = {key: value for key, value in record if value is not None}
    if isinstance(record, Model) and "data_format" not in record.model_fields_set:
        del given["data_format"]
    if isinstance(record, Call) and record.trainable:
        del given["trainable"]  # which a layer without weights has not
    return given


def at_places(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems of a placed tree, each with its path instead of a mark."""
    ordered_problems = sorted(problems, key=lambda each: each.mark or Mark(-1, 0))
    return [
        each._replace(path=each.mark.path, mark=None, fix=None)
        if isinstance(each.mark, Place)
        else each
        for each in ordered_problems
    ]
