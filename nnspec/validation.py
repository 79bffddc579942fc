"""Turns pydantic's errors into problems: one for each mistake, at its place, in our words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from nnspec.errors import Mark, Problem, nearest
from nnspec.source import Map, Sequence

Path = tuple[int | str, ...]

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
    seen: set[tuple[object, ...]] = set()
    for detail in error.errors(include_url=False):
        loc = _real_path(detail["loc"], given, detail["type"])
        if loc in seen:
            continue
        # A union reports each of its members; its path's first mistake stands for all.
        seen.add(loc)
        yield _problem(detail, loc, given, model, owner, default), loc


def _real_path(loc: tuple[int | str, ...], given: object, kind: str) -> tuple[int | str, ...]:
    """Drop the parts of pydantic's path that name union members, not places of the document."""
    path: list[int | str] = []
    value: Any = given
    for i, part in enumerate(loc):
        if (isinstance(value, Mapping) and part in value) or (
            isinstance(value, list | tuple) and isinstance(part, int) and part < len(value)
        ):
            path.append(part)
            value = value[part]
        elif isinstance(value, Mapping) and kind == "missing" and i == len(loc) - 1:
            path.append(part)
    return tuple(path)


def _problem(
    detail: Any,
    loc: tuple[int | str, ...],
    given: object,
    model: type[BaseModel],
    owner: str,
    default: Mark | None,
) -> Problem:
    kind, value = detail["type"], detail["input"]
    context = detail.get("ctx", {})
    key = str(loc[-1]) if loc else ""
    where = _joined(loc)
    if kind == "extra_forbidden":
        known = _fields_at(loc[:-1], model)
        return Problem(
            "unknown-key",
            f'{owner if len(loc) < 2 else _joined(loc[:-1])} has no key "{key}"'
            f"{nearest(key, known)}",
            f"its keys: {', '.join(sorted(known))}" if known else "",
            _mark_at(loc, given, is_key=True) or default,
        )
    mark = _mark_at(loc, given) or default
    if kind == "missing":
        inside = owner if len(loc) < 2 else _joined(loc[:-1])
        return Problem(
            "missing-argument",
            f"{inside} needs `{key}`",
            _description(loc, model),
            default if len(loc) < 2 else mark or default,
        )
    text = shown(value)
    if kind == "unknown_type":
        name, known = context["name"], context["known"]
        return Problem(
            f"unknown-{context['kind']}",
            f'no {context["kind"]} "{name}"{nearest(name, known)}',
            f"known: {', '.join(known)}",
            _mark_at((*loc, "type"), given) or mark,
        )
    if kind in _KINDS:
        return Problem(
            "wrong-type",
            f"`{where}` is {text}, and {_KINDS[kind]} is expected",
            _description(loc, model),
            mark,
        )
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        is_size = isinstance(value, int) and name in ("gt", "ge")
        return Problem(
            "bad-size" if is_size else "out-of-range",
            f"`{where}` is {text}, and {words} {context[name]} is expected",
            _description(loc, model),
            mark,
        )
    if kind == "literal_error":
        expected = context["expected"].replace("'", '"')
        if where == "nnspec":
            return Problem(
                "unsupported-version",
                f"this spec has format version {text}, and this nnspec reads {expected}",
                "write `nnspec: 1`, or install the release that reads that version",
                mark,
            )
        options = [option.strip(' "') for option in expected.replace(" or ", ", ").split(",")]
        close = nearest(value, options) if isinstance(value, str) else ""
        return Problem(
            "wrong-value",
            f"`{where}` is {text}, and {expected} is expected{close}",
            _description(loc, model),
            mark,
        )
    code = {"wrong_type": "wrong-type", "out_of_range": "bad-size"}.get(kind, "wrong-value")
    message = detail["msg"][:1].lower() + detail["msg"][1:]
    return Problem(
        code,
        f"`{where}` is {text}: {message}" if where else f"{owner}: {message}",
        _description(loc, model),
        mark,
    )


def _joined(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _mark_at(loc: tuple[int | str, ...], given: object, *, is_key: bool = False) -> Mark | None:
    mark: Mark | None = None
    value = given
    for i, part in enumerate(loc):
        if isinstance(value, Map) and part in value.marks:
            marks = value.marks[str(part)]
            mark = marks[0] if is_key and i == len(loc) - 1 else marks[1]
            value = value[str(part)]
        elif isinstance(value, Sequence) and isinstance(part, int) and part < len(value.marks):
            mark = value.marks[part]
            value = value[part]
        elif isinstance(value, Mapping | list | tuple):
            break
    return mark


def _fields_at(loc: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """Return the keys that the record at `loc` has, as far as plain nesting shows them."""
    current: Any = model
    for part in loc:
        if not (isinstance(current, type) and issubclass(current, BaseModel)):
            return []
        field = current.model_fields.get(str(part))
        current = _record_of(field.annotation) if field is not None else None
    if isinstance(current, type) and issubclass(current, BaseModel):
        return list(current.model_fields)
    return []


def _record_of(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        record = _record_of(part)
        if record is not None:
            return record
    return None


def _description(loc: tuple[int | str, ...], model: type[BaseModel]) -> str:
    if not loc:
        return ""
    current: Any = model
    description = ""
    for part in loc:
        if isinstance(part, int) or not (
            isinstance(current, type) and issubclass(current, BaseModel)
        ):
            break
        field = current.model_fields.get(part)
        if field is None:
            break
        description = field.description or ""
        current = _record_of(field.annotation)
    return f"`{_joined(loc)}`: {description}" if description else ""


def shown(value: object) -> str:
    """Return a value as a message may show it."""
    if isinstance(value, str):
        text = f'"{value}"'
    elif value is None:
        text = "empty"
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, Mapping):
        text = "a mapping"
    elif isinstance(value, list | tuple):
        text = f"[{', '.join(map(str, value))}]"
    else:
        text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
