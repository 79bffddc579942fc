"""The parity table has what it says, and some of its rows; `make parity` trains them all."""

from __future__ import annotations

import itertools

import pytest

from nnspec.language.optimizers import OPTIMIZERS
from tests.parity.rows import Row, rows, schedules
from tests.parity.training import compared

TABLE = list(rows())
SOME = TABLE[:: len(TABLE) // 5 + 1]
"""A few, of different optimizers: each takes some seconds."""


def test_the_table_has_each_optimizer_with_each_schedule() -> None:
    names = {row.name.split(" with ")[0] for row in TABLE}
    pairs = itertools.product(OPTIMIZERS, (name for name, _ in schedules()))
    assert names >= {
        f"{kind}, {schedule}"
        for kind, schedule in pairs
        if OPTIMIZERS[kind].takes_schedule or schedule == "constant rate"
    }


@pytest.mark.parametrize("row", SOME, ids=lambda row: row.name)
def test_a_row_ends_with_the_same_weights(row: Row) -> None:
    result = compared(row)
    assert result.error <= 1e-7, result
