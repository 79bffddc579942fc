"""Source that reads targets that a loss takes other than those of the task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from nnspec.emit.code import literal, wrap
from nnspec.language.losses.targets import Wanted


class Source(NamedTuple):
    """Python for the name of a target's column or array, or for the names of its columns.

    has_categories: whether the type of a column may say that its text is of categories.
    """

    name: str
    is_table: bool
    is_one: bool = True
    has_categories: bool = False

    @property
    def names(self) -> str:
        """Python for the list of its names."""
        return f"[{self.name}]" if self.is_one else self.name

    @property
    def place(self) -> str:
        """Python for the place of the target."""
        return f"f'{{path}}: \"{{{self.name}}}\"'" if self.is_one else 'f"{path}: the target"'


ONE = "TARGET"


def several(without: str = "") -> str:
    """Return Python for the names of several columns. without: for those that are none."""
    more = f", {without}" if without else ""
    return f"matching(rows, TARGETS, path{more})"


def read_wanted(choices: Sequence[Wanted], labelled: list[str], source: Source) -> list[str]:
    """Return the lines that end in such a target; labelled: those before them that number labels,
    up to the `else` that they belong to.

    Of several forms the one is read that has as many axes as the array.
    """
    if source.is_table:
        choices = choices[:1]  # the other has an axis more than a table
    first, *others = choices
    if not others:
        labels = "labels" if labelled else "None"
        numbers = _numbers(first, source)
        lines = [*labelled, *wrap(numbers, 8 if labelled else 4), *_fitted(first, source, 4)]
        return [*lines, f'    return target.astype("{_dtype(first)}"), {labels}']
    name = source.name
    lines = [f"    if {name} not in rows or rows[{name}].ndim == {len(first.shape) + 1}:"]
    for each, depth in zip(choices, (8, 4), strict=True):
        lines += [*wrap(_numbers(each, source), depth), *_fitted(each, source, depth)]
        lines.append(f'{" " * depth}return target.astype("{_dtype(each)}"), None')
    return lines


def _dtype(wanted: Wanted) -> str:
    return "int64" if wanted.is_whole else "float32"


def _numbers(wanted: Wanted, source: Source) -> str:
    low, high = _limits(wanted)
    if wanted.also is not None:
        low, high = min(low, wanted.also), max(high, wanted.also)
    whole = ", whole=True" if wanted.is_discrete else ""
    limits = f"{_limit(low)}, {_limit(high)}"
    return f"target = numbers(rows, {source.names}, path, {limits}{whole})"


def _limits(wanted: Wanted) -> tuple[float, float]:
    if wanted.among:
        return min(wanted.among), max(wanted.among)
    return wanted.least, wanted.most


def _fitted(wanted: Wanted, source: Source, depth: int) -> list[str]:
    """Return the lines that shape a target, and refuse what its limits alone let through."""
    if wanted.is_padded:
        lines = _raised("target.ndim != 2", "has no labels for each row", source, depth)
    else:
        shape = literal(list(wanted.shape))
        lines = wrap(f"target = shaped(target, {shape}, {source.place})", depth)
    low, high = _limits(wanted)
    wrong = []
    if wanted.also is not None and not low <= wanted.also <= high:
        wrong = [f"(target < {_limit(low)})", f"(target > {_limit(high)})"]
    if wanted.but is not None and wanted.but != wanted.also:
        wrong.append(f"(target == {wanted.but})")
    if wrong:
        test = " | ".join(wrong)
        if wanted.also is not None:
            test = f"(target != {wanted.also}) & ({test})"
        lines += _raised(f"({test}).any()", f"holds other than {wanted.told}", source, depth)
    if wanted.shared is not None:
        axis = wanted.shared if wanted.shared < 0 else wanted.shared + 1
        test = f"(np.abs(target.sum(axis={axis}) - 1) > 1e-3).any()"
        lines += _raised(test, "holds probabilities that do not sum to 1", source, depth)
    return lines


def _raised(test: str, told: str, source: Source, depth: int) -> list[str]:
    message = f"{source.place[:-1]} {told}{source.place[-1]}"
    return [*wrap(f"if {test}:", depth), *wrap(f"raise ValueError({message})", depth + 4)]


def _limit(number: float) -> str:
    if math.isinf(number):
        return "LARGEST" if number > 0 else "-LARGEST"
    return f"{number:g}"
