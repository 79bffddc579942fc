"""The lines of somebody's Python file that make the layers of a Keras network, and compute."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import keras


def line_in(
    folder: Path | None, frame: FrameType | None, *, skips: object = None,
    until: CodeType | None = None,
) -> str:  # fmt: skip
    """Return the innermost line of the files in a folder on the way to a frame, or nothing.

    skips: an object, the constructors of which are passed over. until: of a function that ends
    the way.
    """
    while folder is not None and frame is not None and frame.f_code is not until:
        name = frame.f_code.co_filename
        is_own = skips is not None and frame.f_locals.get("self") is skips
        if not is_own and name.endswith(".py") and Path(name).is_relative_to(folder):
            return f"{Path(name).relative_to(folder)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


@contextmanager
def noting(places: dict[int, str], folder: Path) -> Iterator[None]:
    """Note by its id at which line of the files in a folder each layer or operation was made."""
    before: Callable[..., None] = keras.Operation.__init__

    def init(self: Any, *arguments: Any, **named: Any) -> None:
        before(self, *arguments, **named)
        line = line_in(folder, sys._getframe(1), skips=self)
        if line:
            places[id(self)] = line

    keras.Operation.__init__ = init
    try:
        yield
    finally:
        keras.Operation.__init__ = before
