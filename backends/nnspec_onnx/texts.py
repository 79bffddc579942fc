"""Texts as the numbers of their tokens, in operators of ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnspec.errors import UnsupportedError
from nnspec.language.texts import OTHER, PADDING

if TYPE_CHECKING:
    from nnspec.data.prepared import Prepared
    from nnspec_onnx.columns import Columns


def require_texts(by: Prepared, column: str) -> None:
    """Raise UnsupportedError for texts that no operator cuts into their tokens."""
    why = ""
    if by.tokenizer is not None:
        why = "is cut by a tokenizer, and operators of ONNX cut texts at spaces alone"
    elif by.tokens != "spaces":
        why = f"is cut into {by.tokens}, and operators of ONNX cut texts at spaces alone"
    elif by.lower:
        why = "is told in small letters, for which ONNX Runtime needs a locale of the machine"
    if why:
        raise UnsupportedError(
            f'the column "{column}" {why}: export it without its preprocessing, or prepare the '
            "texts before, and let `tokens` be spaces"
        )


def prepared_texts(made: Columns, by: Prepared, column: str) -> str:
    """Return the numbers of tokens, shaped (rows, length), in float64."""
    assert by.length is not None
    empty = made.node("Equal", column, made.text(""))
    if by.fill is not None:
        column = made.node("Where", empty, made.text(str(by.fill)), column)
    else:
        made.refused.append(empty)
    tokens, count = made.parts(column)
    # With a column of nothing more there is one, whatever the texts are.
    axis = made.constant([1], "int64")
    nothing = made.node("Unsqueeze", made.node("Where", empty, made.text(""), made.text("")), axis)
    tokens = made.node("Concat", tokens, nothing, axis=1)
    counts = made.node("Unsqueeze", count, axis)
    length = made.constant(by.length, "int64")
    zero = made.constant(0, "int64")
    place = made.constant(np.arange(by.length)[None], "int64")
    shift = zero
    if by.keep == "end":
        shift = made.node("Max", made.node("Sub", counts, length), zero)
    source = made.node("Add", place, shift)
    if by.pad == "start":
        source = made.node("Sub", source, made.node("Max", made.node("Sub", length, counts), zero))
    source = made.node("Add", source, made.node("Mul", counts, zero))  # of every row
    is_token = made.node(
        "And",
        made.node("GreaterOrEqual", source, zero),
        made.node("Less", source, counts),
    )
    chosen = made.node("Where", is_token, source, zero)
    taken = made.node("GatherElements", tokens, chosen, axis=1)
    numbers = made.labels(taken, by.vocabulary, OTHER + 1, OTHER)
    return made.cast(
        made.node("Where", is_token, numbers, made.constant(PADDING, "int64")), "float64"
    )
