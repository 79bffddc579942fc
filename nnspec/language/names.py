"""Checks the names of a spec: what each backend's code calls otherwise, the backend renames."""

from __future__ import annotations

import re

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
MAX_LENGTH = 64


def problem_with(name: object, what: str) -> tuple[str, str, str]:
    """Return (code, message, hint) for a bad name, or three empty strings for a good one."""
    if not isinstance(name, str):
        return "wrong-type", f"{what} name is {name!r}, and a word is expected", "put it in quotes"
    if len(name) > MAX_LENGTH:
        return (
            "bad-name",
            f"{what} name has {len(name)} characters; at most {MAX_LENGTH}",
            "choose a shorter name",
        )
    if not _IDENTIFIER.match(name):
        return (
            "bad-name",
            f"{what} name {name!r} is no identifier",
            "use letters, digits and _, a letter first: the name becomes a name in the code",
        )
    return "", "", ""
