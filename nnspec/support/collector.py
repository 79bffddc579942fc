"""Python's collector of cycles, kept from slowing what makes none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect no cycles meanwhile; as a decorator, in every call of the function.

    What reads and compiles specs makes many objects and no cycles: looking for some while a long
    network grows doubles its time.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
