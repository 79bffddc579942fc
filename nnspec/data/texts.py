"""Texts as tokens, and tokens as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nnspec.language.texts import OTHER, PADDING, PATTERNS, Tokens

Array = NDArray[Any]


def tokens_of(texts: pl.Series, kind: Tokens, *, lower: bool) -> pl.Series:
    """Return the tokens of each text, as a list. Bytes are numbers from 1 to 256."""
    if lower:
        texts = texts.str.to_lowercase()
    if kind == "bytes":
        numbers = [[1 + byte for byte in text.encode()] for text in texts]
        return pl.Series(texts.name, numbers, dtype=pl.List(pl.Int64))
    return texts.str.extract_all(PATTERNS[kind])


def vocabulary_of(tokens: pl.Series, most: int | None, min_count: int) -> tuple[str, ...]:
    """Return the tokens of lists, the frequent ones first, then in the order of their signs."""
    counts = tokens.explode().drop_nulls().rename("token").value_counts(name="count")
    kept = counts.filter(counts["count"] >= min_count)
    ordered = kept.sort("count", "token", descending=[True, False])["token"].to_list()
    return tuple(ordered if most is None else ordered[:most])


def numbered(
    tokens: pl.Series,
    vocabulary: tuple[str, ...],
    length: int,
    *,
    keep: str,
    pad: str,
    fills: int = PADDING,
) -> Array:
    """Return the numbers of tokens, shaped (texts, length): 1 is of no vocabulary.

    tokens: lists, of numbers where they need no vocabulary.
    """
    kept = tokens.list.head(length) if keep == "start" else tokens.list.tail(length)
    counts = kept.list.len().to_numpy().astype(np.intp)
    flat = kept.filter(pl.Series(counts > 0)).explode()
    if flat.dtype == pl.String:
        known = list(range(OTHER + 1, OTHER + 1 + len(vocabulary)))
        flat = flat.replace_strict(list(vocabulary), known, default=OTHER, return_dtype=pl.Int64)
    rows = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    if pad == "start":
        places += np.repeat(length - counts, counts)
    found = np.full((len(counts), length), float(fills))
    found[rows, places] = flat.to_numpy()
    return found
