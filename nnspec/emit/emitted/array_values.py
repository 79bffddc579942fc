"""The names of arrays, their values and the places of these."""

from pathlib import Path
from typing import Any

import numpy as np

from nnspec.emit.emitted.parts import Parts

INPUTS: dict[str, dict[str, Any]] = {}
TARGET = "target"
TARGETS: dict[str, str] = {}
SAMPLE_WEIGHT = "weight"
SPLIT = "group"
BALANCE = "label"
RESAMPLE = "label"
SERIES = "series"
ORDER = "time"
HAS_TARGET = True
HAS_TARGETS = False
HAS_WEIGHTS = False
HAS_SPLIT = False
HAS_BALANCE = False
HAS_RESAMPLE = False
HAS_SERIES = False
HAS_ORDER = False
HAS_PARTS = False


def array_names() -> set[str]:
    """Return the names of the arrays that the network is made for."""
    if HAS_TARGETS:
        wanted = {*TARGETS.values(), *(kind["columns"][0] for kind in INPUTS.values())}
    elif HAS_TARGET:
        wanted = {TARGET, *(kind["columns"][0] for kind in INPUTS.values())}
    else:
        wanted = {kind["columns"][0] for kind in INPUTS.values()}
    if HAS_WEIGHTS:
        wanted.add(SAMPLE_WEIGHT)
    if HAS_SPLIT:
        wanted.add(SPLIT)
    if HAS_BALANCE:
        wanted.add(BALANCE)
    if HAS_RESAMPLE:
        wanted.add(RESAMPLE)
    if HAS_SERIES:
        wanted.add(SERIES)
    if HAS_ORDER:
        wanted.add(ORDER)
    return wanted


def where(path: Path, name: str, row: int) -> str:
    """Return the place of a value."""
    if HAS_PARTS and isinstance(path, Parts):
        path, row = path.place(row)
    return f'{path}: array "{name}", row {row}'


def numbers(
    rows: dict[str, np.ndarray],
    names: list[str],
    path: Path,
    low: float,
    high: float,
    *,
    whole: bool = False,
) -> np.ndarray:
    """Return an array; refuse what is no number from low to high."""
    (name,) = names
    if name not in rows:
        raise ValueError(f'{path}: there is no array "{name}"')
    values = rows[name]
    if values.dtype.kind not in "biuf" or values.ndim == 0:
        raise ValueError(f'{path}: array "{name}" holds no numbers by row')
    exact = values
    if values.dtype.kind == "f" and (whole or values.itemsize < 4):
        exact = values.astype("float64")  # which holds both limits
    right = (exact >= low) & (exact <= high)
    if whole:
        right &= exact == np.rint(exact)
    if not right.all():
        at = tuple(np.argwhere(~right)[0])
        raise ValueError(
            f"{where(path, name, at[0] + 1)}: {values[at]} is not a "
            f"{'whole ' if whole else ''}number from {low:g} to {high:g}"
        )
    return values
