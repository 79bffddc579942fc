"""Records of a table of the spec language, made of its fields: at the defaults, and changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_OTHERS: Mapping[object, Any] = {
    "class_weights": [1.0, 0.5, 2.0],
    "positive_weight": [1.0, 0.5, 2.0],
    "ignore_index": 7,
    "axis": -1,
    ("value", "output"): "scores",
    "power": 2,
    ("polynomial", "power"): 0.5,
    ("plateau", "metric"): "loss",
    ("plateau", "mode"): "max",
    ("binary_focal", "alpha"): 0.25,
    ("categorical_focal", "alpha"): [1.0, 0.5, 2.0],
    ("ctc", "padding"): -3,
    ("asgd", "power"): 0.5,
    "beta_2_decay": -0.5,
    "clip_threshold": 1.5,
    ("muon", "scale"): "original",
    ("ftrl", "power"): -0.25,
    ("ftrl", "l1"): 1e-6,  # more, and directions of weights would be 0
}
"""Other values of fields, by name or by type and name, where no rule gives one."""
LISTS: dict[str, list[Any]] = {
    "milestones": [3, 7],
    "rates": [0.03, 0.01, 0.02],
    "schedules": [
        0.01,
        {"schedule": "linear", "initial": 0.02, "end": 0.03, "steps": 5, "warmup": 2},
        {"schedule": "chained", "lengths": [3], "schedules": [0.02, 0.01]},
    ],
    "lengths": [4, 9],
}
"""Values of fields that are lists."""

APART = {"nesterov": "dampening"}
"""Fields that exclude one another."""


def variants(table: Mapping[str, type[Any]], key: str = "type") -> Iterator[dict[str, Any]]:
    """Yield each record of a table at its defaults, and with every field changed that can be."""
    for kind, record in table.items():
        fields = {name: field for name, field in record.model_fields.items() if name != key}
        required = {
            name: LISTS.get(name, 9 if field.annotation is int else 0.03)
            for name, field in fields.items()
            if field.is_required()
        }
        yield {key: kind, **required}
        others = {
            name: _OTHERS.get((kind, name), _OTHERS.get(name))
            or changed(field.get_default(call_default_factory=True))
            for name, field in fields.items()
            if name not in required and name != "groups"
        }
        apart = [name for name in APART if APART[name] in others and name in others]
        for one in apart or [""]:
            given = {name: value for name, value in others.items() if name != one}
            if given:
                yield {key: kind, **required, **given}
        for one in apart:
            given = {name: value for name, value in others.items() if name != APART[one]}
            yield {key: kind, **required, **given}


def changed(value: object) -> object:
    """Return another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 2
    assert isinstance(value, float), f"say how {value!r} is changed"
    return value * 1.5 if value > 1 else value / 2 if value else 0.01


def named(fields: Mapping[str, Any]) -> str:
    """Return the name of a record's case."""
    return "-".join(str(value) for value in fields.values())
