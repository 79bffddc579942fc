"""Reads files of an array each, by a pattern."""

from pathlib import Path

import numpy as np

from nnspec.emit.emitted.array_values import array_names


def read_rows(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of files that a pattern names, each by the name of its file."""
    files = sorted(path.parent.glob(path.name))
    if not files:
        raise ValueError(f"{path}: there is no such file")
    wanted = array_names()  # others may hold anything
    arrays = {}
    for file in files:
        if file.stem not in wanted:
            continue
        try:
            # Mapped: of what is not asked for nothing is read.
            arrays[file.stem] = np.load(file, mmap_mode="r", allow_pickle=False)
        except (EOFError, OSError, ValueError) as error:
            is_cut = "mmap length" in str(error)
            reason = "it ends before its last row" if is_cut else error
            raise ValueError(f"{file} is no readable .npy file: {reason}") from None
    return arrays
