"""Reads one array of several."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

ARRAY = "rows"


def read_rows(path: Path) -> dict[str, np.ndarray]:
    """Return the array that the network is made for, if the file has it."""
    if path.is_file() and not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is no readable .npz file: it holds no arrays by name")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files if name == ARRAY}
    except (EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is no readable .npz file: {error}") from None
