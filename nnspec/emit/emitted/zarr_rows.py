"""Reads a group of Zarr."""

from pathlib import Path

import numpy as np
import zarr

from nnspec.emit.emitted.array_values import array_names


def read_rows(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a group that the network is made for."""
    try:
        group = zarr.open_group(path, mode="r")
        return {
            name: np.asarray(group[name]) for name in array_names() if name in group
        }
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no readable group of Zarr: {error}") from None
