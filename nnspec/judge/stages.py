"""The stages of a judgement, told to whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]
"""Is called with the name of each stage."""


def silent(stage: str) -> None:
    """Tell nobody."""
