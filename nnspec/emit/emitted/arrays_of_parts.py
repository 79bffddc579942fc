"""Reads arrays for each part."""

from pathlib import Path

import numpy as np

from nnspec.emit.emitted.npz_rows import read_rows
from nnspec.emit.emitted.parts import Parts

FILES: dict[str, str] = {}


def read_parts(path: Path) -> tuple[dict[str, np.ndarray], Parts]:
    """Return the rows of all parts, one after the other, and their files."""
    files = [path, *(path.parent / file for file in FILES.values())]
    every = [read_rows(file) for file in files]
    for arrays, file in zip(every, files, strict=True):
        if len({array.shape[:1] for array in arrays.values()}) > 1:
            raise ValueError(f"{file}: its arrays differ in their rows")
    rows = {}
    for name in every[0]:
        for arrays, file in zip(every, files, strict=True):
            if name not in arrays:
                raise ValueError(f'{file}: there is no array "{name}"')
        try:
            rows[name] = np.concatenate([arrays[name] for arrays in every])
        except ValueError as error:
            raise ValueError(f'{path}: the parts differ in "{name}": {error}') from None
    return rows, Parts(
        files, [len(next(iter(arrays.values()), ())) for arrays in every]
    )
