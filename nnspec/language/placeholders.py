"""Other languages' ways to write what is computed: `$width`, `{{ width }}`, a size of None."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from nnspec.errors import Change, Fix, Mark, Problem
from nnspec.language.edits import written
from nnspec.language.tree import Sequence

_STYLES = re.compile(
    r"\s*(?:\$([A-Za-z_]\w*)|\{\{\s*([^{}]+?)\s*\}\}|\$\(\s*([^()]+?)\s*\)|\$\{\{\s*([^{}]+?)\s*\}\}|"
    r"<([A-Za-z_]\w*)>|\{([A-Za-z_]\w*)\}|%\(([A-Za-z_]\w*)\)s?)\s*\Z"
)


def meant(text: str, names: Collection[str]) -> str:
    """Return the expression that a text was meant to be, or an empty string."""
    match = _STYLES.match(text)
    if match is not None:
        return "${" + next(each for each in match.groups() if each is not None) + "}"
    return "${" + text + "}" if text in names else ""


def explained(
    problem: Problem, path: tuple[int | str, ...], given: object, names: Collection[str]
) -> Problem:
    """Return a problem with a value, and the help where that was meant to be computed.

    path: where the value is in `given`, whose expressions stand there as they are written.
    """
    value = _at(path, given)
    if isinstance(value, Mapping) and problem.code.startswith("unknown-"):
        value = value.get("type")
    is_of_value = problem.code.startswith(("wrong-", "unknown-")) and problem.code != "unknown-key"
    if not isinstance(value, str) or not is_of_value or not path:
        return problem
    if "${" in value and not _STYLES.match(value):
        if "a whole number is expected" not in problem.message:
            return problem
        hint = (
            "`/` and numbers with a point give one with a point: divide by `//`, which rounds down"
        )
        return problem._replace(hint=hint, fix=None)
    expression = meant(value, names)
    if not expression:
        return problem
    fix = None
    if problem.mark is not None:
        change = Change("value", problem.mark, expression)
        fix = Fix(f"write {expression}", (change,), expression[2:-1] in names)
    hint = f'a variable is written "{expression}"'
    return problem._replace(hint=hint, fix=fix)


def _at(path: tuple[int | str, ...], value: object) -> object:
    for part in path:
        if isinstance(value, Mapping):
            value = value.get(part, value)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
    return value


def without_batch(
    name: str, index: int, sizes: tuple[object, ...], shape: object
) -> tuple[str, str, Mark | None, str, Fix | None]:
    """Return the problem with a size of None, Python's word for any: the arguments of `add`."""
    message = f'`inputs.{name}.shape[{index}]` is "None", and a size or a name is expected'
    if not isinstance(shape, Sequence):
        return "bad-name", message, None, "a shape leaves the batch axis out", None
    mark, fix = shape.marks[index], None
    if index:
        return "bad-name", message, mark, "a dynamic axis has a name: [time, 16]", None
    if len(sizes) > 1:
        rest = list(sizes[1:])
        fix = Fix(f"write {written(rest)}", (Change("value", shape.mark, rest),))
    return "bad-name", message, mark, "a shape leaves the batch axis out", fix
