"""Reads a group of Zarr."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from nnspec.emit.emitted.array_values import array_names


def packed_by(metadata: Any) -> set[str]:
    """Return the names of what packs arrays, by their metadata."""
    if isinstance(metadata, list):
        return {name for each in metadata for name in packed_by(each)}
    if not isinstance(metadata, dict):
        return set()
    found = set()
    for key, given in metadata.items():
        if key in ("codecs", "compressor", "filters", "index_codecs"):
            for each in given if isinstance(given, list) else [given]:
                if isinstance(each, dict):
                    found.add(str(each.get("id", each.get("name"))))
                elif each is not None:
                    found.add(str(each))
        # Of a node, and not the name of an array.
        if key != "attributes" or not isinstance(metadata.get("zarr_format"), int):
            found |= packed_by(given)
    return found


def require_codecs(folder: Path) -> None:
    """Refuse an array that is packed by what may run code, as pickle does."""
    known = {
        *("blosc", "bytes", "bz2", "crc32c", "delta", "endian", "gzip", "lz4", "lzma"),
        *("sharding_indexed", "shuffle", "transpose", "vlen-utf8", "zlib", "zstd"),
    }
    for name in (".zarray", ".zmetadata", "zarr.json"):
        if (folder / name).is_file():
            wrong = packed_by(json.loads((folder / name).read_bytes())) - known
            if wrong:
                raise ValueError(f"it is packed by {', '.join(sorted(wrong))}")


def read_rows(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a group that the network is made for."""
    try:
        for folder in (path, *(each for each in path.iterdir() if each.is_dir())):
            require_codecs(folder)
        group = zarr.open_group(path, mode="r", use_consolidated=False)
        found = {
            name: np.asarray(group[name]) for name in array_names() if name in group
        }
        return {
            name: np.array(array.tolist(), str) if array.dtype.kind in "OT" else array
            for name, array in found.items()
        }
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no readable group of Zarr: {error}") from None
