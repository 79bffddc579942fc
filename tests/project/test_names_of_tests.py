"""Files of tests of one name in two folders without packages, which pytest refuses as one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]
APART = {"parity"}
"""Folders that are run alone."""


def test_no_two_files_of_tests_have_one_name() -> None:
    found = Counter(
        path.name
        for path in TESTS.rglob("test_*.py")
        if path.relative_to(TESTS).parts[0] not in APART
    )
    assert not [name for name, count in found.items() if count > 1]
