"""Source that reads targets that a loss takes other than those of the task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from nnspec.emit.code import literal, wrap
from nnspec.language.losses.targets import Wanted


class Source(NamedTuple):
    """The names of a target's columns or array, and its place, as Python has them."""

    names: str
    place: str
    is_table: bool


ONE = "[TARGET]", "f'{path}: \"{TARGET}\"'"
SEVERAL = "matching(rows, TARGETS, path)", 'f"{path}: the target"'


def read_wanted(choices: Sequence[Wanted], labelled: list[str], source: Source) -> list[str]:
    """Return the lines that read such a target; labelled: those before them that number labels,
    up to the `else` that they belong to.

    Of several forms the one is read that has as many axes as the array.
    """
    if source.is_table:
        choices = choices[:1]  # the other has an axis more than a table
    lines, depth = list(labelled), 4
    if labelled:
        depth = 8
    *others, last = choices
    indent = " " * depth
    for each in others:
        rank = len(each.shape) + 1
        lines.append(f"{indent}if TARGET not in rows or rows[TARGET].ndim == {rank}:")
        lines += _read(each, source, depth + 4)
        lines.append(f"{indent}else:")
        lines += _read(last, source, depth + 4)
    if not others:
        lines += _read(last, source, depth)
    dtypes = {"int64" if each.is_whole else "float32" for each in choices}
    dtype = f'"{dtypes.pop()}"'
    if dtypes:
        dtype = f'"int64" if target.ndim == {len(choices[0].shape) + 1} else "float32"'
    result = f"return target.astype({dtype}), {'labels' if labelled else 'None'}"
    return [*lines, *wrap(result, 4)]


def _read(wanted: Wanted, source: Source, depth: int) -> list[str]:
    low, high = wanted.least, wanted.most
    if wanted.among:
        low, high = min(wanted.among), max(wanted.among)
    is_outside = wanted.also is not None and not low <= wanted.also <= high
    if wanted.also is not None:
        low, high = min(low, wanted.also), max(high, wanted.also)
    whole = ", whole=True" if wanted.is_whole or wanted.among else ""
    limits = f"{_limit(low)}, {_limit(high)}"
    lines = wrap(f"target = numbers(rows, {source.names}, path, {limits}{whole})", depth)
    if wanted.is_padded:
        lines += _raised("target.ndim != 2", "has no labels for each row", source, depth)
    else:
        shape = literal(list(wanted.shape))
        lines += wrap(f"target = shaped(target, {shape}, {source.place})", depth)
    if is_outside or wanted.but is not None:
        outside = [f"(target < {_limit(wanted.least)})", f"(target > {_limit(wanted.most)})"]
        outside = [] if not is_outside else outside
        if wanted.but is not None and wanted.but != wanted.also:
            outside.append(f"(target == {wanted.but})")
        if outside:
            test = " | ".join(outside)
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
