"""Makes numbers of NumPy, and of what is like it, Python's own; NumPy itself is not imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DEPTH = 64


def plain(value: Any) -> Any:
    """Return a scalar or an array of NumPy as a number or a list, anything else as it is."""
    if type(value).__module__ == "builtins":
        return value
    listed = getattr(type(value), "tolist", None)
    return listed(value) if callable(listed) else value


def all_plain(value: Any, depth: int = 0) -> Any:
    """Return lists and mappings with all numbers Python's own; the value itself if they are."""
    if depth > _DEPTH:
        return value
    if type(value) in (list, tuple):
        items = [all_plain(each, depth + 1) for each in value]
        changed = any(one is not other for one, other in zip(items, value, strict=True))
        return type(value)(items) if changed else value
    if type(value) is dict:
        made = {key: all_plain(each, depth + 1) for key, each in value.items()}
        return made if any(made[key] is not value[key] for key in made) else value
    return value if isinstance(value, Mapping) else plain(value)
