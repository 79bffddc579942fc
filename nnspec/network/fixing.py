"""Mends what a spec's text has wrong, by the fixes that are safe."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from nnspec.errors import Problem, SpecError
from nnspec.language.edits import applied
from nnspec.language.source import parse
from nnspec.language.tree import SourceError
from nnspec.network.loader import Spec, is_json_text, loads

ROUNDS = 20


class Mended(NamedTuple):
    """A text with its safe fixes, what they were, and what is wrong with it still."""

    text: str
    fixed: tuple[Problem, ...]
    problems: tuple[Problem, ...]
    spec: Spec | None


def mend(
    text: str,
    *,
    path: str | Path | None = None,
    variables: Mapping[str, object] | None = None,
    unsafe: bool = False,
    rounds: int = ROUNDS,
) -> Mended:
    """Return the text with every safe fix made, each whole or not at all.

    unsafe: make those as well whose author may have meant something else. rounds: how often the
    text is mended and checked again, for one mistake may hide another.
    """
    text = text.removeprefix("\ufeff")
    is_json = is_json_text(text, path)
    fixed: list[Problem] = []
    problems: tuple[Problem, ...] = ()
    for number in range(rounds + 1):
        try:
            spec = loads(text, path=path, is_json=is_json, variables=variables)
        except SpecError as error:
            problems = error.problems
        else:
            return Mended(text, tuple(fixed), spec.advice, spec)
        if number == rounds:
            break
        text, done = _mended(text, problems, is_json=is_json, unsafe=unsafe)
        fixed.extend(done)
        if not done:
            break
    return Mended(text, tuple(fixed), problems, None)


def _mended(
    text: str, problems: tuple[Problem, ...], *, is_json: bool, unsafe: bool
) -> tuple[str, list[Problem]]:
    """Return the text with those fixes that do not meet, and the problems that they mend."""
    chosen: list[Problem] = []
    for problem in problems:
        fix = problem.fix
        if fix is None or not fix.edits or not (fix.is_safe or unsafe):
            continue
        candidate = [*chosen, problem]
        if not _meet(candidate):
            chosen = candidate
    made = _applied(text, chosen)
    if _is_read(made, is_json=is_json):
        return made, chosen
    # Two that do not meet may still give a key twice: then one after another.
    done: list[Problem] = []
    for problem in chosen:
        made = _applied(text, [*done, problem])
        if _is_read(made, is_json=is_json):
            done.append(problem)
    return _applied(text, done), done


def _meet(problems: list[Problem]) -> bool:
    """Whether two fixes edit the same place; equal edits are one."""
    edits = sorted(
        (edit, number)
        for number, each in enumerate(problems)
        for edit in (each.fix.edits if each.fix is not None else ())
    )
    for (one, first), (other, second) in pairwise(edits):
        is_apart = one[2:4] <= other[:2] and one[:2] != other[:2]
        if first != second and one != other and not is_apart:
            return True
    return False


def _applied(text: str, problems: list[Problem]) -> str:
    edits = {edit for each in problems if each.fix is not None for edit in each.fix.edits}
    return applied(text, sorted(edits))


def _is_read(text: str, *, is_json: bool) -> bool:
    try:
        parse(text, is_json=is_json)
    except SourceError:
        return False
    return True
