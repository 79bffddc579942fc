"""No size or rank that `check` passes ends the process, fails, or differs between backends."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

from tests.cases import CASES, Case
from tests.cases.sizes import failures, ranked, sized, valid

SLOW_SPECS = 1200
"""Of each kind: a quarter of an hour on one core."""


def degenerate(kind: str, shape: tuple[int, ...], **fields: object) -> dict[str, object]:
    return Case({"type": kind, **fields}, (shape,), (), "channels_last").spec()


@pytest.mark.slow
def test_axes_of_one_do_not_end_the_process(tmp_path: Path) -> None:
    """Windows as large as an axis, and strides that do not say which format a tensor has."""
    pools = [
        degenerate(f"adaptive_{kind}_pooling{axes}d", (*shape, 2), output_size=list(size))
        for kind in ("max", "average")
        for axes, shape, size in (
            (1, (1,), (1,)),
            (1, (1,), (4,)),
            (1, (5,), (1,)),
            (2, (1, 5), (3, 2)),
            (2, (5, 3), (1, 2)),
            (2, (2, 2), (2, 2)),
        )
    ]
    norms = [
        degenerate("group_normalization", shape, groups=groups)
        for shape, groups in (
            ((2, 3, 1), 1),
            ((1, 1, 4), 2),
            ((1, 1, 1, 4), 2),
            ((2, 3, 4), 2),
        )
    ]
    turned = Case({"type": "group_normalization", "groups": 1}, ((3, 4, 1),), ()).spec()
    turned["layers"].insert(0, {"name": "turned", "type": "permute", "axes": [2, 0, 1]})
    turned["layers"][0]["inputs"] = turned["layers"][1].pop("inputs")
    assert failures([*pools, *norms, turned], tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", [sized, ranked])
def test_no_size_or_rank_ends_the_process(kind: object, tmp_path: Path) -> None:
    specs = valid(itertools.chain.from_iterable(map(kind, CASES)))
    assert failures(random.Random(0).sample(specs, SLOW_SPECS), tmp_path) == []
