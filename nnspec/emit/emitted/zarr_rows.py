"""Reads a group of Zarr."""

from pathlib import Path
from typing import Any

import numpy as np
import zarr

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


def read_rows(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a group that the network is made for."""
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
    try:
        group = zarr.open_group(path, mode="r")
        return {name: np.asarray(group[name]) for name in wanted if name in group}
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no readable group of Zarr: {error}") from None
