"""Takes a spec in the form of strict structured output, and gives it in its usual form.

Language models that are held to a JSON Schema write closed objects with every key, null for what
is not set, and lists of named records where a spec has mappings: `nnspec schema --compact`. A spec
is read in this way only where it does not read in its usual form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nnspec.errors import Mark
from nnspec.language.schema import Block, Call, Input, Model
from nnspec.language.training_schema import Data, Training
from nnspec.language.tree import Map, Sequence
from nnspec.layers import LAYERS
from nnspec.layers.extensions import brought

_MEANT = frozenset({"merge_mode"})
"""Keys of layers whose null means something in a framework, and is no key that is not set."""
ARGUMENTS = "arguments"
"""The key of a layer, or the use of a block, that lists further keys with their values."""


def usual_form(tree: Any) -> Any:
    """Return the spec with nulls dropped and lists of named records as mappings.

    None where it has neither. Places stay those of the text.
    """
    if not isinstance(tree, dict) or not _is_strict(tree):
        return None
    return _document(tree)


def _is_strict(value: Any) -> bool:
    """Whether there is a null anywhere, or a list where a mapping of names is expected."""
    pending = [value]
    while pending:
        each = pending.pop()
        if each is None:
            return True
        if isinstance(each, dict):
            if any(isinstance(each.get(key), list) for key in (ARGUMENTS, "variables", "blocks")):
                return True
            pending += each.values()
        elif isinstance(each, list):
            pending += each
    inputs = value.get("inputs")
    return isinstance(inputs, list) and all(isinstance(each, dict) for each in inputs)


def _document(tree: dict[str, Any]) -> dict[str, Any]:
    return _changed(
        _without_nulls(tree, Model.model_fields),
        variables=_values,
        inputs=lambda given: _named(given, _input),
        blocks=lambda given: _named(given, _block),
        layers=_layers,
        initializer=lambda given: _inner(given, given),
        data=_data,
        training=_training,
    )


def _metrics(given: Any) -> Any:
    if not isinstance(given, list):
        return given
    return _with_marks([_inner(each, each) for each in given], given)


def _input(given: Any) -> Any:
    return _without_nulls(given, Input.model_fields) if isinstance(given, dict) else given


def _block(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    block = _without_nulls(given, Block.model_fields)
    return _changed(block, variables=_values, layers=_layers)


def _data(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    return _changed(
        _without_nulls(given, Data.model_fields),
        features=lambda each: _named(each, None, key="input", value="columns"),
    )


def _training(given: Any) -> Any:
    record = _inner(given, Training.model_fields)
    if not isinstance(record, dict):
        return record
    # A record without a type, such as `clip`, is a list of its keys.
    listed = [key for key, each in record.items() if _are_named(each) and _have_values(each)]
    return _changed(record, **dict.fromkeys(listed, _values), metrics=_metrics)


def _have_values(given: Any) -> bool:
    return bool(given) and all("value" in each for each in given)


def _layers(given: Any) -> Any:
    if not isinstance(given, list):
        return given
    changed = [_layer(each) if isinstance(each, dict) else each for each in given]
    return _with_marks(changed, given)


def _layer(given: dict[str, Any]) -> dict[str, Any]:
    kind = given.get("type")
    layer = _with_arguments(given)
    known = LAYERS.get(kind) or brought("layer").get(kind) if isinstance(kind, str) else None
    if known is None:
        # A variable of a block may be given null.
        return _without_nulls(layer, Call.model_fields)
    every = {key for each in LAYERS.values() for key in each.model_fields}
    keys = {*every, *known.model_fields, "repeat", "time_distributed", "when"} - _MEANT
    filled: dict[str, Any] = _inner(layer, keys)
    return filled


def _with_arguments(given: dict[str, Any]) -> dict[str, Any]:
    """Return a layer, or another record, with the keys that its `arguments` list."""
    listed = given.get(ARGUMENTS)
    if ARGUMENTS not in given or not (listed is None or _are_named(listed)):
        return given
    layer = _without(given, [ARGUMENTS])
    for key, value, marks in _entries(listed or [], "name", "value"):
        _put(layer, key, value, marks)
    return layer


def _inner(given: Any, keys: Any) -> Any:
    """Return a record without nulls, nor those of the records in it."""
    if not isinstance(given, dict):
        return given
    record = _without_nulls(_with_arguments(given), keys)
    inner = {key: each for key, each in record.items() if isinstance(each, dict)}
    return _changed(record, **dict.fromkeys(inner, lambda each: _inner(each, each)))


def _values(given: Any) -> Any:
    """Return variables, each with its value."""
    return _named(given, None, value="value")


def _named(
    given: Any, change: Callable[[Any], Any] | None, *, key: str = "name", value: str | None = None
) -> Any:
    """Return a mapping for a list of named records; `value` is the key of what each holds.

    Without it that is the rest of the record.
    """
    if _are_named(given, key):
        result: dict[str, Any] = {}
        if isinstance(given, Sequence):
            result = Map()
            result.mark, result.marks, result.size, result.height = given.mark, {}, 1, 1
        for name, each, marks in _entries(given, key, value):
            _put(result, name, each, marks)
        given = result
    if not isinstance(given, dict) or change is None:
        return given
    return _changed(given, **dict.fromkeys(given, change))


def _are_named(given: Any, key: str = "name") -> bool:
    return isinstance(given, list) and all(
        isinstance(each, dict) and isinstance(each.get(key), str) for each in given
    )


def _entries(given: Any, key: str, value: str | None) -> Any:
    """Yield the name of each record, what it holds, and where both stand."""
    for each in given:
        held = _without(each, [key]) if value is None else each.get(value)
        marks = None
        if isinstance(each, Map):
            at = each.marks.get(value) if value is not None else None
            marks = each.marks[key][1], at[1] if at is not None else each.mark
        yield each[key], held, marks


def _put(target: dict[str, Any], key: str, value: Any, marks: tuple[Mark, Mark] | None) -> None:
    target[key] = value
    if isinstance(target, Map) and marks is not None:
        target.marks[key] = marks


def _without_nulls(given: dict[str, Any], keys: Any) -> dict[str, Any]:
    """Return a mapping without those of the keys that are null."""
    return _without(given, [key for key, each in given.items() if each is None and key in keys])


def _without(given: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    return _like(given, {key: each for key, each in given.items() if key not in keys})


def _changed(given: dict[str, Any], /, **changes: Callable[[Any], Any]) -> dict[str, Any]:
    """Return a mapping with the values of some keys changed."""
    values = {key: changes[key](each) if key in changes else each for key, each in given.items()}
    return _like(given, values)


def _like(given: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping with the places of another."""
    if not isinstance(given, Map):
        return values
    copy = Map(values)
    copy.mark, copy.marks, copy.size, copy.height = given.mark, {**given.marks}, given.size, 1
    return copy


def _with_marks(values: list[Any], given: list[Any]) -> list[Any]:
    if not isinstance(given, Sequence):
        return values
    copy = Sequence(values)
    copy.mark, copy.marks, copy.size, copy.height = given.mark, given.marks, given.size, 1
    return copy
