"""Mends what a spec's text has wrong, by the fixes that are safe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nnspec.errors import VariableError
from nnspec.network.loader import attempts, is_json_text
from nnspec.network.mending import ROUNDS, Mended, mended

__all__ = ["Mended", "mend"]


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
    if paths := [name for name in variables or () if "." in name]:
        raise VariableError(
            f"a fix mends what stands in the text, and {paths[0]} is set to another value than "
            "stands there: leave out one of them"
        )
    text = text.removeprefix("\ufeff")
    is_json = is_json_text(text, path)
    attempt = attempts(path, variables, is_json=is_json)
    return mended(text, attempt, is_json=is_json, unsafe=unsafe, rounds=rounds)
