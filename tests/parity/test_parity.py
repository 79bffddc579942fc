"""The parity table has what it says, and some of its rows; `make parity` trains them all."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from nnspec.language.optimizers import OPTIMIZERS
from nnspec.language.schedules import SCHEDULES
from tests.parity.drift import BEGIN, END, PAGE
from tests.parity.rows import ACCUMULATIONS, CLIPS, KINDS, PENALTIES, Row, rows
from tests.parity.training import compared

TABLE = list(rows())
SOME = TABLE[:: len(TABLE) // 5 + 1]
"""A few, of different optimizers: each takes some seconds."""


def test_the_table_has_each_optimizer_with_each_of_everything() -> None:
    assert {KINDS[kind]["type"] for kind in KINDS} == {*OPTIMIZERS}
    for place, of in enumerate((SCHEDULES, CLIPS, PENALTIES), start=1):
        missing = set(itertools.product(KINDS, (None, *of))).difference(
            (row.optimizer, row[place]) for row in TABLE
        )
        still = {kind for kind, record in KINDS.items() if not takes_schedule(record)}
        assert not {
            (kind, each) for kind, each in missing if of is not SCHEDULES or kind not in still
        }
    everything = itertools.product((None, *CLIPS), (None, *PENALTIES), ACCUMULATIONS)
    assert {row[2:] for row in TABLE} == set(everything)


def test_the_table_of_drift_has_every_optimizer() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = page.partition(BEGIN)[2].partition(END)[0].splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [*OPTIMIZERS]


def takes_schedule(record: dict[str, Any]) -> bool:
    return OPTIMIZERS[record["type"]].takes_schedule


@pytest.mark.parametrize("row", SOME, ids=lambda row: row.name)
def test_a_row_ends_with_the_same_weights(row: Row) -> None:
    result = compared(row)
    assert result.error <= 1e-7, result
