"""The cause of an error, in one line that is safe to print."""

from __future__ import annotations

import re

from nnspec.errors import NnspecError, printable

MAX_CAUSE = 2000
"""Characters of a cause: an exporter may print a whole program with what it could not do."""
MAX_WRAPPER = 500
"""Characters of an error that another caused."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_]?)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Told(RuntimeError):
    """Another process failed; the message is the cause that it told."""


def cause_of(error: BaseException) -> str:
    """Return what an error says, and what the one says that it was raised from.

    One line, without colours and control characters.
    """
    root = error
    seen = {id(error)}
    while root.__cause__ is not None and id(root.__cause__) not in seen:
        root = root.__cause__
        seen.add(id(root))
    if root is error:
        return _shortened(_told(error), MAX_CAUSE)
    own, cause = _told(error), _told(root)
    if plain(str(root)) in own:
        return _shortened(own, MAX_CAUSE)
    return f"{_shortened(own, MAX_WRAPPER)} (caused by {_shortened(cause, MAX_CAUSE)})"


def plain(text: str) -> str:
    """Return a text in one line, without colours and control characters."""
    return printable(" ".join(_CONTROL.sub(" ", _ESCAPES.sub("", text)).split()))


def _told(error: BaseException) -> str:
    message = plain(str(error))
    if isinstance(error, NnspecError | Told) and message:
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"
