"""Reads arrays."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from nnspec.emit.emitted.array_values import array_names


def read_rows(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file that the network is made for."""
    wanted = array_names()
    if path.is_file() and not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is no readable .npz file: it holds no arrays by name")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files if name in wanted}
    except (EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is no readable .npz file: {error}") from None
