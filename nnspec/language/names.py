"""Checks the names of a spec: what a backend's code calls otherwise, the backend spells anew."""

from __future__ import annotations

import re

from nnspec.errors import Change, Fix, Mark
from nnspec.language.problems import Problems
from nnspec.support.shown import MERGE_HINT

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_OPERATORS = frozenset("*/+%")
MAX_LENGTH = 64


def report_name(name: object, what: str, mark: Mark | None, problems: Problems) -> bool:
    """Report what is wrong with a name; return whether anything is."""
    if isinstance(name, str) and len(name) <= MAX_LENGTH and _IDENTIFIER.match(name):
        return False
    code, wrong = "bad-name", f"{name!r} {_fault_of(str(name))}"
    hint = "use letters, digits and _, a letter first"
    if not isinstance(name, str):
        code, wrong, hint = "wrong-type", f"is {name!r}, and a word is expected", "put it in quotes"
    elif name == "<<":
        hint = MERGE_HINT
    elif len(name) > MAX_LENGTH:
        wrong = f"has {len(name)} characters; at most {MAX_LENGTH}"
        hint = "choose a shorter name"
    meant = _meant_by(name)
    if what == "axis" and isinstance(name, str) and not _OPERATORS.isdisjoint(name):
        # A name would say nothing of the size that is meant.
        meant, hint = "", "name the axis, as height: a layer that divides it says what it may be"
    fix = None
    if meant and mark is not None and code == "bad-name" and len(str(name)) <= MAX_LENGTH:
        fix = Fix(f"call it {meant}", (Change("name", mark, meant),))
        hint = (
            f"call it {meant} wherever it is used: a name has letters, digits and _, a letter first"
        )
    problems.add(code, f"{what} name {wrong}", mark, hint, fix)
    return True


def _fault_of(name: str) -> str:
    """Return what a name has that it may not have."""
    other = next((sign for sign in name if not re.match("[A-Za-z0-9_]", sign)), None)
    if not name:
        return "is empty"
    if other is not None:
        return "has a space" if other == " " else f"has {other!r}"
    return f"begins with {name[0]!r}"


def _meant_by(name: object) -> str:
    """Return the good name that is closest to a bad one, or an empty string."""
    words = re.sub(r"[^A-Za-z0-9_]+", "_", str(name)).strip("_")
    return f"n{words}" if words[:1].isdigit() else words
