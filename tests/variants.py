"""Records of a table of the spec language, made of its fields: at the defaults, and changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def variants(table: Mapping[str, type[Any]], key: str = "type") -> Iterator[dict[str, Any]]:
    """Yield each record of a table at its defaults, and with every field changed that can be."""
    for kind, record in table.items():
        fields = {name: field for name, field in record.model_fields.items() if name != key}
        required = {
            name: 9 if field.annotation is int else 0.03
            for name, field in fields.items()
            if field.is_required()
        }
        yield {key: kind, **required}
        others = {
            name: changed(field.get_default(call_default_factory=True))
            for name, field in fields.items()
            if name not in required
        }
        if others:
            yield {key: kind, **required, **others}


def changed(value: object) -> object:
    """Return another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 2
    assert isinstance(value, float), f"say how {value!r} is changed"
    return value / 2 if value else 0.01


def named(fields: Mapping[str, Any]) -> str:
    """Return the name of a record's case."""
    return "-".join(str(value) for value in fields.values())
