"""Sets a value of a spec by the path to it, as `training.optimizer.learning_rate`."""

from __future__ import annotations

import copy
from typing import Any

from nnspec.errors import VariableError, nearest


def set_at(tree: Any, path: str, value: object) -> None:
    """Set what a path names in a document; raises VariableError where the path leads nowhere.

    Parts of a path are keys; in a list the name of what stands there, or its number from 0. A
    record that is written by its type alone, as `optimizer: adam`, becomes a mapping.
    """
    *parts, last = path.split(".")
    if not parts or not isinstance(tree, dict) or parts[0] not in tree:
        known = [key for key in tree if isinstance(tree[key], dict | list)] if tree else []
        raise VariableError(
            f'the spec has no "{parts[0] if parts else path}" that "{path}" could be of'
            f"{nearest(parts[0] if parts else path, known)}"
        )
    holder = tree
    for i, part in enumerate(parts):
        found = copy.copy(_inner(holder, part, ".".join(parts[: i + 1]), path))
        # What stands under an anchor of YAML is one object at every alias, and changes here alone.
        if isinstance(holder, list):
            holder[_place(holder, part, ".".join(parts[: i + 1]), path)] = found
        else:
            holder[part] = found
        holder = found
    if isinstance(holder, list):
        holder[_place(holder, last, path, path)] = value
    else:
        holder[last] = value


def _inner(holder: Any, part: str, so_far: str, path: str) -> Any:
    """Return the mapping or the list under a key, which is made where there is none."""
    if isinstance(holder, list):
        found = holder[_place(holder, part, so_far, path)]
        if isinstance(found, dict | list):
            return found
        raise VariableError(f'"{so_far}" is {found!r}, and has no keys: "{path}" leads nowhere')
    found = holder.get(part)
    if isinstance(found, str):
        found = holder[part] = {"type": found}
    elif found is None:
        found = holder[part] = {}
    if isinstance(found, dict | list):
        return found
    raise VariableError(f'"{so_far}" is {found!r}, and has no keys: "{path}" leads nowhere')


def _place(holder: list[Any], part: str, so_far: str, path: str) -> int:
    names = [each.get("name") if isinstance(each, dict) else None for each in holder]
    if part in names:
        return names.index(part)
    if part.isdecimal() and int(part) < len(holder):
        return int(part)
    known = [str(name) for name in names if name is not None]
    raise VariableError(
        f'nothing is "{so_far}": "{path}" leads nowhere{nearest(part, known)} '
        f"(names: {', '.join(known) or 'none'})"
    )
