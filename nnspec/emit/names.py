"""Names of a spec in the emitted code: as they are, unless they mean something else there."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Collection
from string import ascii_lowercase, ascii_uppercase, digits

KEYWORDS = frozenset(keyword.kwlist)
ALL_BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("_"))
"""Names that no function or class of a file has: its helpers may use any of them."""
BUILTINS = frozenset(
    {
        *("abs", "all", "any", "bool", "dict", "enumerate", "float", "int", "isinstance", "len"),
        *("list", "map", "max", "min", "object", "print", "range", "repr", "round", "set", "slice"),
        *("sorted", "str", "sum", "super", "tuple", "type", "zip"),
    }
)
"""Names that the body of a network or a block may use, so that no variable of it has them."""


def freed(name: str, taken: Collection[str]) -> str:
    """Return the name, with one more underscore at its end where it is taken.

    No two names become one: `type` is `type_` then, and `type_` is `type__`.
    """
    return f"{name}_" if name.rstrip("_") in taken else name


def given_back(name: str, taken: Collection[str]) -> str:
    """Return the name that `freed` made this of."""
    return name[:-1] if name.endswith("_") and name.rstrip("_") in taken else name


_UPPER, _LOWER, _DIGITS = map(frozenset, (ascii_uppercase, ascii_lowercase, digits))


def snake(name: str) -> str:
    """Return a class's name as a function or a file has it: DigitsCNN as digits_cnn."""
    parts = [f"_{letter}" if _begins_word(name, i) else letter for i, letter in enumerate(name)]
    return "".join(parts).lower()


def _begins_word(name: str, i: int) -> bool:
    """Whether another word begins at this letter, as at both capitals C of MyCNNCell."""
    before, letter, after = name[i - 1 : i], name[i], name[i + 1 : i + 2]
    if letter not in _UPPER:
        return False
    return before in _LOWER | _DIGITS or (before in _UPPER and after in _LOWER)
