"""Files of arrays by name, whose rows lie along the first axis."""

ARRAYS = (".npz", ".npy", ".zarr")
"""An archive; files of one array each, by a pattern, named as they are; a group of Zarr."""

IN_FILES = (".npy", ".zarr")
"""Those of which each array has files of its own."""


def holds_arrays(source: str) -> bool:
    """Whether a source has arrays, and not the columns of a table."""
    return source.lower().endswith(ARRAYS)
