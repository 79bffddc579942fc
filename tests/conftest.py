"""Shared by all tests."""

from __future__ import annotations

import os

# Before TensorFlow is first imported, or it greets with several lines of advice.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The networks are small: threads would cost more than they give.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

_COMPARISONS: list[int] = []


@pytest.fixture(scope="session")
def comparisons() -> list[int]:
    """How many comparisons each parity test made; their sum is printed at the end."""
    return _COMPARISONS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _COMPARISONS:
        terminalreporter.write_line(
            f"parity: {sum(_COMPARISONS):,} comparisons of backends over "
            f"{len(_COMPARISONS):,} networks of one layer"
        )
