"""Values of arrays, and their places."""

from pathlib import Path

import numpy as np

from nnspec.emit.emitted.parts import Parts

HAS_PARTS = False


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
