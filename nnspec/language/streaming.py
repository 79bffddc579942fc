"""Rows that are read while a network trains, because memory does not hold them."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from pydantic_core import PydanticCustomError

from nnspec.language.arrays import ARRAYS
from nnspec.layers.fields import Frozen, Size


class Stream(Frozen):
    """Rows read block by block; an epoch shuffles blocks, and the rows of `buffer` blocks at once.

    Rows that are far apart in the file are seldom in one batch: it should not be sorted by what is
    to be learnt. The law of the order is that of `block_permutation`.
    """

    block: Size = Field(default=8192, description="Training rows that are read at once.")
    buffer: Size = Field(default=16, description="Blocks among which rows are shuffled.")


TABLES = (".csv", ".parquet")
SUFFIXES = (*TABLES, *ARRAYS)
"""Of files of which a part is read without what is before it, a .csv once it lies in columns."""


def require_streamable(data: Any) -> None:
    """Raise an error for what the rows of a `Data` that are streamed do not go with."""
    if not data.source.lower().endswith(SUFFIXES):
        raise PydanticCustomError(
            "nnspec",
            "`stream` reads .csv, .parquet, .npz, .npy and .zarr in parts, and not {source}: write "
            'one, as by polars.scan_ndjson("rows.jsonl").sink_parquet("rows.parquet")',
            {"source": data.source},
        )
    reasons = {
        "resample": "rows of one class are all over the file",
        "windows": "a window is of rows that are far apart where several series are in one file",
        "augment": "images are read as they are needed without it",
    }
    for key, reason in reasons.items():
        if getattr(data, key) is not None:
            raise PydanticCustomError(
                "nnspec",
                "`stream` does not go with `{key}`: {reason}; leave one out",
                {"key": key, "reason": reason},
            )
    if any(each.image or each.sound for each in (data.prepare or {}).values()):
        raise PydanticCustomError(
            "nnspec", "images and sounds are read as they are needed without `stream`; leave it out"
        )
    if not data.targets:
        raise PydanticCustomError(
            "nnspec", "the target of rows that are streamed is a column or an array: name `target`"
        )
