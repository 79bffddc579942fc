"""The levels of a verification: what `--level` chooses, and what `--require` insists on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from nnspec.errors import UsageError, nearest, printable

if TYPE_CHECKING:
    from nnspec.verification.checks import Kind

Level = Literal["interface", "outputs", "gradients", "training", "meaning"]
Verdict = Literal["same", "differs", "not checked"]

KINDS: dict[Level, tuple[Kind, ...]] = {
    "interface": ("interface", "weights"),
    "outputs": ("forward", "export"),
    "gradients": ("gradient",),
    "training": ("training", "optimizer", "random", "first_weights", "metrics", "adversarial"),
    "meaning": ("dynamic_shape", "range", "meaning"),
}
"""Level -> the kinds of checks that it is made of, in the order in which they are named."""
PRINCIPAL: dict[Level, tuple[Kind, ...]] = {"training": ("training", "adversarial")}
"""Kinds without which a level is not checked, whatever else of it is."""
LEVELS: tuple[Level, ...] = tuple(KINDS)
_LEVEL_OF: dict[Kind, Level] = {kind: level for level, kinds in KINDS.items() for kind in kinds}
_SINGULAR: dict[str, Level] = {"output": "outputs", "gradient": "gradients"}


def level_of(kind: Kind) -> Level:
    """Return the level that a kind of checks belongs to."""
    return _LEVEL_OF.get(kind, "meaning")


def levels_named(given: str | Iterable[str], *, option: str) -> tuple[Level, ...]:
    """Return the levels of a list, or of names between commas, in their order.

    Raises UsageError for a name that is none. option: that gave them.
    """
    names = given.split(",") if isinstance(given, str) else list(given)
    found: set[Level] = set()
    for name in (str(each).strip() for each in names):
        level = next((each for each in LEVELS if each == _SINGULAR.get(name, name)), None)
        if level is None:
            raise UsageError(
                f'{option}: no level "{printable(name)}"{nearest(name, LEVELS)} (the levels are '
                f"{', '.join(LEVELS)})"
            )
        found.add(level)
    if not found:
        raise UsageError(f"{option} names no level (the levels are {', '.join(LEVELS)})")
    return tuple(level for level in LEVELS if level in found)


def chosen(
    levels: str | Iterable[str] | None, required: str | Iterable[str] | None
) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Return the levels that are chosen, all by default, and those that are required.

    Raises UsageError for what is no level, and where what is required is not chosen.
    """
    taken = LEVELS if levels is None else levels_named(levels, option="level")
    needed = () if required is None else levels_named(required, option="require")
    if missing := [level for level in needed if level not in taken]:
        raise UsageError(f"require: {' and '.join(missing)} is required, and level leaves it out")
    return taken, needed
