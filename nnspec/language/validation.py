"""Turns pydantic's errors into problems: one for each mistake, at its place, in our words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from nnspec.errors import Mark, Problem
from nnspec.language.paths import Path, item, joined, mark_at, value_at
from nnspec.language.spelled import enclosed, spelling, without_batch
from nnspec.language.suggestions import (
    Suggestion,
    for_key,
    for_list,
    for_option,
    for_type,
    for_value,
)
from nnspec.layers.base import Layer
from nnspec.layers.fields import FLOAT32_MAX
from nnspec.layers.records import ByType
from nnspec.layers.words import note_of_null
from nnspec.support.shown import MERGE_HINT, shown

_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_WORD = re.compile(r'"(\w+)"')
_BASES = {
    "Layer": "layer",
    "InitializerBase": "initializer",
    "Loss": "loss",
    "Metric": "metric",
    "Optimizer": "optimizer",
    "Schedule": "schedule",
}
"""Base class -> what messages call its records."""
_CODES = {
    "wrong_type": "wrong-type",
    "out_of_range": "bad-size",
    "surplus_key": "unknown-key",
}
_LENGTHS = {
    "too_short": ("missing-argument", "is empty, and at least one item is expected"),
    "string_too_short": ("missing-argument", "is empty, and a text is expected"),
    "too_long": ("too-large", "has {actual_length:,} items; at most {max_length:,} are allowed"),
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def problems_of(
    error: ValidationError,
    given: object,
    model: type[BaseModel],
    owner: str,
    default: Mark | None = None,
) -> Iterator[tuple[Problem, Path]]:
    """Yield a problem and its path for each mistake; `given` is what was validated, with its marks.

    `owner` names what the fields belong to, `default` is the place where none is known.
    """
    seen: set[Path] = set()
    # Far more than anybody is shown.
    details = error.errors(include_url=False)[:1000]
    misspelt = _misspelt(details, given, model)
    kinds: dict[Path, list[str]] = {}
    for detail in details:
        loc = _real_path(detail["loc"], given, detail["type"])
        kinds.setdefault(loc, []).append(detail["type"])
    for detail in details:
        loc = _real_path(detail["loc"], given, detail["type"])
        if loc in seen or (detail["type"] == "missing" and loc in misspelt):
            continue
        if detail["type"] == "too_short" and any(path[: len(loc)] == loc != path for path in kinds):
            # Pydantic counts the good items alone.
            continue
        # A union reports each of its members; its path's first mistake stands for all.
        seen.add(loc)
        yield _problem(detail, kinds[loc], loc, given, model, owner, default), loc


def _misspelt(details: list[Any], given: object, model: type[BaseModel]) -> set[Path]:
    """Return the paths of missing keys that stand there misspelt: that is one mistake, not two."""
    missing: dict[Path, list[str]] = {}
    for detail in details:
        if detail["type"] == "missing":
            loc = _real_path(detail["loc"], given, "missing")
            missing.setdefault(loc[:-1], []).append(str(loc[-1]))
    result: set[Path] = set()
    for detail in details:
        if missing and detail["type"] == "extra_forbidden":
            loc = _real_path(detail["loc"], given, "extra_forbidden")
            meant = _key_suggestion(loc, given, model, "").suffix
            result.update(
                (*loc[:-1], key) for key in missing.get(loc[:-1], ()) if f'"{key}"' in meant
            )
    return result


def _real_path(loc: tuple[int | str, ...], given: object, kind: str) -> tuple[int | str, ...]:
    """Drop the parts of pydantic's path that name union members, not places of the document."""
    path: list[int | str] = []
    value = given
    for i, part in enumerate(loc):
        is_item = isinstance(value, list | tuple) and isinstance(part, int) and part < len(value)
        if is_item or (isinstance(value, Mapping) and part in value):
            path.append(part)
            value = item(value, part)
        elif isinstance(value, Mapping) and kind == "missing" and i == len(loc) - 1:
            path.append(part)
    return tuple(path)


def _problem(
    detail: Any,
    kinds: list[str],
    loc: tuple[int | str, ...],
    given: object,
    model: type[BaseModel],
    owner: str,
    default: Mark | None,
) -> Problem:
    kind, value = detail["type"], detail["input"]
    context = detail.get("ctx", {})
    key = str(loc[-1]) if loc else ""
    where = joined(loc)
    if kind == "extra_forbidden":
        found = _key_suggestion(loc, given, model, MERGE_HINT if key == "<<" else "")
        return Problem(
            "unknown-key",
            f'{owner if len(loc) < 2 else joined(loc[:-1])} has no key "{key}"{found.suffix}',
            found.hint,
            mark_at(loc, given, is_key=True) or default,
            fix=found.fix,
        )
    mark = mark_at(loc, given) or default
    if kind == "missing":
        inside = owner if len(loc) < 2 else joined(loc[:-1])
        return Problem(
            "missing-argument",
            f"{inside} needs `{key}`",
            _description(loc, given, model),
            default if len(loc) < 2 else mark or default,
        )
    text = shown(value)
    if kind == "unknown_type":
        name, known = context["name"], context["known"]
        place = mark_at((*loc, context["key"]), given) or mark
        found = for_type(context["kind"], name, value_at(loc, given), known, place, context["key"])
        return Problem(
            f"unknown-{context['kind'].rpartition(' ')[2]}",  # an adversarial loss is a loss
            f'no {context["kind"]} "{name}"{found.suffix}',
            found.hint or f"known: {', '.join(known)}",
            place,
            fix=found.fix,
        )
    if kind in _LENGTHS:
        code, words = _LENGTHS[kind]
        return Problem(
            code, f"`{where}` {words.format(**context)}", _description(loc, given, model), mark
        )
    if kind in _KINDS:
        expected = " or ".join(dict.fromkeys(_KINDS[each] for each in kinds if each in _KINDS))
        meant = for_value(_owner_at(loc, given, model), key, value, mark)
        if isinstance(value, list) and not meant.suffix:
            # Others call a list so: the weights of classes.
            record = _record_at(loc[:-1], given, model)
            known = _fields_at(loc[:-1], given, model)
            holder = value_at(loc[:-1], given)
            meant = for_list(_kind_of(record), _owner_of(record), key, holder, known)
        spelt, fix = spelling(value, expected, mark)
        if not spelt:
            spelt, fix = without_batch(loc, value, given) or enclosed(loc, value, expected, mark)
        return Problem(
            "wrong-type",
            f"`{where}` is {text}, and {expected} is expected{meant.suffix}",
            spelt or _description(loc, given, model),
            mark,
            fix=meant.fix or fix,
        )
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        bound = context[name]
        is_size = isinstance(bound, int) and name in ("gt", "ge")
        beyond = ", beyond what float32 holds" if abs(bound) == FLOAT32_MAX else ""
        batch, fix = without_batch(loc, value, given) or ("", None)
        return Problem(
            "bad-size" if is_size else "out-of-range",
            f"`{where}` is {text}{beyond}, and {words} {bound:g} is expected",
            batch or _description(loc, given, model),
            mark,
            fix=fix,
        )
    if kind == "literal_error":
        expected = context["expected"].replace("'", '"')
        options = [option.strip(' "') for option in expected.replace(" or ", ", ").split(",")]
        owner_type, field = _owner_at(loc, given, model), _field_of(loc)
        meant = for_option(owner_type, field, value, options, mark)
        note = note_of_null(owner_type, field) if value is None else ""
        return Problem(
            "wrong-value",
            f"`{where}` is {text}, and {expected} is expected{meant.suffix}",
            note or _description(loc, given, model),
            mark,
            fix=meant.fix,
        )
    code = _CODES.get(kind, "wrong-value")
    message = detail["msg"][:1].lower() + detail["msg"][1:]
    owner_type, field = _owner_at(loc, given, model), _field_of(loc)
    meant = for_option(owner_type, field, value, _WORD.findall(message), mark)
    if meant.fix is None and "whole number" in message:
        hint, fix = spelling(value, "a whole number", mark)
        meant = Suggestion(meant.suffix, hint, fix)
    return Problem(
        code,
        (f"`{where}` is {text}, and {message}" if where else f"{owner}: {message}") + meant.suffix,
        meant.hint or _description(loc, given, model),
        mark,
        fix=meant.fix,
    )


def _key_suggestion(loc: Path, given: object, model: type[BaseModel], hint: str) -> Suggestion:
    """Return what the unknown key at the end of a path was meant to be."""
    known = _fields_at(loc[:-1], given, model)
    if len(loc) > 1 and issubclass(model, Layer):
        # An activation inside a layer has no place of its own in the network.
        known = [each for each in known if each not in ("name", "inputs")]
    if hint:
        return Suggestion("", hint)
    shown = f"its keys: {', '.join(sorted(known))}"
    if len(loc) == 1 and issubclass(model, Layer):
        known = [*known, "repeat", "time_distributed", "when"]
    record = _record_at(loc[:-1], given, model)
    return for_key(
        _kind_of(record),
        _owner_of(record),
        str(loc[-1]),
        value_at(loc[:-1], given),
        known,
        shown,
        is_inner=len(loc) > 1 and issubclass(model, Layer),
    )


def _owner_at(loc: Path, given: object, model: type[BaseModel]) -> str:
    """Return the type, or the class, of the record whose field a path leads to."""
    while loc and isinstance(loc[-1], int):
        loc = loc[:-1]
    return _owner_of(_record_at(loc[:-1], given, model))


def _field_of(loc: Path) -> str:
    return next((part for part in reversed(loc) if isinstance(part, str)), "")


def _owner_of(record: type[BaseModel] | None) -> str:
    """Return the type that a class of records stands for, or the name of a class that has none."""
    if record is None:
        return ""
    fields = record.model_fields
    kind = fields["type" if "type" in fields else "schedule"] if _kind_of(record) else None
    return str(kind.default) if kind is not None else record.__name__


def _kind_of(record: type[BaseModel] | None) -> str:
    """Return what messages call a record: a layer, a loss; empty for one without a type."""
    if record is None:
        return ""
    bases = {base.__name__ for base in record.__mro__}
    return next((kind for base, kind in _BASES.items() if base in bases), "")


def _fields_at(path: Path, given: object, model: type[BaseModel]) -> list[str]:
    """Return the keys that the record at `path` has."""
    record = _record_at(path, given, model)
    return list(record.model_fields) if record is not None else []


def _record_at(path: Path, given: object, model: type[BaseModel]) -> type[BaseModel] | None:
    current: Any = model
    value = given
    for part in path:
        value = item(value, part)
        current = _inside(current, part, value)
    return _record(current, value)


def _description(path: Path, given: object, model: type[BaseModel]) -> str:
    current: Any = model
    value = given
    description = ""
    for part in path:
        record = _record(current, value)
        if record is not None and part in record.model_fields:
            description = record.model_fields[str(part)].description or ""
        value = item(value, part)
        current = _inside(current, part, value)
    return f"`{joined(path)}`: {description}" if description else ""


def _inside(annotation: Any, part: int | str, value: object) -> Any:
    """Return what is expected at `part` of something that `annotation` describes."""
    record = _record(annotation, None)
    if record is not None:
        field = record.model_fields.get(str(part))
        if field is None:
            return None
        for mark in field.metadata:
            if isinstance(mark, ByType):
                return mark.record_of(value)
        return _by_type(field.annotation, value) or field.annotation
    arguments: tuple[Any, ...] = getattr(annotation, "__args__", ())
    origin = getattr(annotation, "__origin__", None)
    if origin in (dict, tuple, list):
        inner = arguments[1 if origin is dict else 0]
        return _by_type(inner, value) or inner
    for argument in arguments:
        inner = _inside(argument, part, value)
        if inner is not None:
            return inner
    return None


def _by_type(annotation: Any, value: object) -> type[BaseModel] | None:
    for mark in getattr(annotation, "__metadata__", ()):
        if isinstance(mark, ByType):
            return mark.record_of(value)
    if getattr(annotation, "__origin__", None) in (dict, tuple, list):
        return None  # Its items are records, and not it.
    for argument in getattr(annotation, "__args__", ()):
        record = _by_type(argument, value)
        if record is not None:
            return record
    return None


def _record(annotation: Any, value: object) -> type[BaseModel] | None:
    """Return the record among what `annotation` allows."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if getattr(annotation, "__origin__", None) in (dict, tuple, list):
        return None
    for argument in getattr(annotation, "__args__", ()):
        record = _record(argument, value)
        if record is not None:
            return record
    return None
