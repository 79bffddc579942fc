"""Rows that are in two parts, where the file says which part each is in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nnspec.data.tables import Rows
from nnspec.language.training_schema import Data


def repeated(
    rows: Rows, data: Data, parts: Mapping[str, NDArray[np.intp]], file: object
) -> tuple[str, ...]:
    """Return a note for each part with rows that are training rows too, in every column.

    What is measured of them says nothing of rows that are new. Of tables alone whose parts
    are said: rows that are drawn may well be alike.
    """
    how = data.split
    if how is None or not how.names_parts or not isinstance(rows, pl.DataFrame):
        return ()
    compared = rows.drop(how.columns)
    left = [name for name, kind in compared.schema.items() if kind.is_nested()]
    told = compared.drop(left).select(pl.all().cast(pl.String, strict=False))
    if not told.width:
        return ()
    but = f" but {', '.join(left)}" if left else ""
    train, notes = told[parts["train"]].unique(), []
    for name in ("validation", "test"):
        own = told[parts.get(name, [])]
        if not own.height:
            continue
        count = own.join(train, on=told.columns, how="semi", nulls_equal=True).height
        if count:
            noun = "row is" if count == 1 else "rows are"
            notes.append(
                f"{file}: {count} of {own.height} {name} {noun} also for training, alike in every "
                f"column{but}: what is measured of them is too good"
            )
    return tuple(notes)
