"""Mistakes of specs that are Python objects: the words that YAML's get, at the place they stand.

Only a mistake needs this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from nnspec.errors import Problem, SpecError
from nnspec.language.paths import Path, joined
from nnspec.language.validation import problems_of
from nnspec.layers import LAYERS
from nnspec.layers.fields import Frozen
from nnspec.layers.signatures import ordered
from nnspec.layers.words import layer_word
from nnspec.support.shown import shown

_OF_CALLS = frozenset({"repeat", "time_distributed", "unroll", "when"})


def constructor_error(
    record: type[Frozen], values: tuple[object, ...], given: dict[str, Any], error: Exception | None
) -> SpecError:
    """Return what is wrong with the arguments of a record's constructor."""
    name = record.__name__
    if values:
        return SpecError([_positional(record, values, given)])
    assert isinstance(error, ValidationError)
    found: list[tuple[Problem, Path]] = list(problems_of(error, given, record, name))
    problems = (_with_types(given, _at(name, problem, path)) for problem, path in found)
    return SpecError(_of_call(record, problem) for problem in problems)


def _of_call(record: type[Frozen], problem: Problem) -> Problem:
    """Lead to `nnspec.Call` for a key that an item of `layers` has and a layer's class has not."""
    key = (problem.path or "").partition(".")[2]
    kind = record.model_fields["type"].default if "type" in record.model_fields else None
    if problem.code != "unknown-key" or key not in _OF_CALLS or kind not in LAYERS:
        return problem
    message = f"{record.__name__} has no `{key}`: nnspec.Call has it"
    return problem._replace(
        message=message, hint=f'write nnspec.Call(type="{kind}", ..., {key}=...)'
    )


def _at(name: str, problem: Problem, path: Path) -> Problem:
    return problem._replace(path=f"{name}.{joined(path)}" if path else name, mark=None, fix=None)


def _with_types(given: Mapping[str, Any], problem: Problem) -> Problem:
    """Say of a number that is none of Python's own what it is."""
    value = given.get((problem.path or "").partition(".")[2])
    kind = type(value)
    if problem.code != "wrong-type" or kind.__module__ == "builtins" or isinstance(value, Frozen):
        return problem
    own = "int" if hasattr(value, "__index__") else "float" if hasattr(value, "__float__") else ""
    hint = f"it is a {kind.__module__}.{kind.__qualname__}" + (f": write {own}(...)" if own else "")
    return problem._replace(hint=hint)


def _positional(
    record: type[Frozen], values: tuple[object, ...], given: Mapping[str, Any]
) -> Problem:
    name = record.__name__
    fields = [field for field, _ in ordered(record) if field not in ("name", "inputs", *given)]
    named = {**dict(zip(fields, values, strict=False)), **given}
    shown_arguments = ", ".join(f"{key}={_written(value)}" for key, value in named.items())
    hint = f"write {name}({shown_arguments})" if len(values) <= len(fields) else ""
    word = layer_word(name)
    kind = record.model_fields["type"].default if "type" in record.model_fields else None
    if word is not None and word.meant in LAYERS and word.meant != kind:
        other = LAYERS.name_of(word.meant)
        hint = f"{name} is the layer `{kind}` here; what PyTorch and others call so is {other}"
    taken = ", ".join(map(_written, values))
    message = f"{name} takes its arguments by name, and got {name}({taken})"
    return Problem("wrong-type", message, hint, path=name)


def _written(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else shown(value)


def missing_layer(name: str) -> str:
    """Return what `nnspec.layers` has instead of a name that it has not."""
    from nnspec.language.suggestions import for_type

    found = for_type("layer", name, name, list(LAYERS), None, "type")
    classes = {kind: LAYERS.name_of(kind) for kind in LAYERS}
    suffix = found.suffix
    for kind, cls in classes.items():
        suffix = suffix.replace(f'"{kind}"', f'"{cls}"')
    return f'nnspec.layers has no "{name}"{suffix}' + (f"; {found.hint}" if found.hint else "")
