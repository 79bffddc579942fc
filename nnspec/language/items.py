"""Suggestions for an item of `layers` that is no record with a type, such as `nn.ReLU()` alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from nnspec.errors import Change, Fix, Mark
from nnspec.language.suggestions import CALL, Suggestion, arguments_of, for_type, short


def for_item(given: object, known: Collection[str], mark: Mark | None) -> Suggestion:
    """Return what an item of `layers` without a type was meant to be, such as `relu` alone."""
    if isinstance(given, str):
        called = CALL.match(given)
        inner: object = arguments_of(called[2]) if called else {}
        name = called[1] if called else given
    else:
        name, inner = _named(given)
    if name and inner is None:
        return Suggestion("", for_type("layer", str(given), given, known, None, "type").hint)
    if not name or not isinstance(inner, Mapping):
        return Suggestion()
    claims: tuple[Any, ...] = ()
    if name in known:
        guess: dict[str, Any] = {"type": name, **inner}
    else:
        found = for_type("layer", name, {"type": name, **inner}, known, None, "type")
        if found.guess is None:
            return Suggestion("", found.hint)
        guess = found.guess
        claims = tuple(each._replace(mark=mark) for each in found.claims)
    hint = f"write {short(guess)}"
    if mark is None or "type" in inner:
        return Suggestion("", hint)
    return Suggestion("", hint, Fix(hint, (Change("value", mark, guess),), claims=claims), guess)


_TYPES = ("layer_type", "class_name", "class", "op", "kind", "module", "cls", "operator", "op_type")


def _named(given: object) -> tuple[str, object]:
    """Return the type of `{dense: {units: 3}}`, `{class_name: Dense, ...}`, and its keys."""
    if not isinstance(given, Mapping):
        return "", None
    for key in _TYPES:
        if isinstance(given.get(key), str):
            rest = {name: value for name, value in given.items() if name != key}
            config = rest.pop("config", {})
            inner = {**rest, **config} if isinstance(config, Mapping) else None
            return given[key], inner
    first = next(iter(given), None)
    if first is None or first in ("name", "inputs"):
        return "", None
    rest = {name: value for name, value in given.items() if name != first}
    inner = given[first] if given[first] is not None else {}
    is_record = isinstance(inner, Mapping) and rest.keys() <= {"name", "inputs"}
    return str(first), {**rest, **inner} if is_record else None
