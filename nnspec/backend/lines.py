"""The lines of somebody's Python file that make parts of a network, and compute."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

_INSTALLED = tuple(
    Path(sysconfig.get_paths()[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
_OWN = Path(__file__).parents[1]


def is_file_in(folder: Path, name: str) -> bool:
    """Whether a file is one of a folder, and of no package in a `.venv` there, nor nnspec's."""
    path = Path(name)
    return (
        name.endswith(".py")
        and path.is_relative_to(folder)
        and not any(path.is_relative_to(each) for each in (*_INSTALLED, _OWN))
    )


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
        if not is_own and is_file_in(folder, name):
            return f"{Path(name).relative_to(folder)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


@contextmanager
def noting(made: Any, places: dict[int, str], folder: Path) -> Iterator[None]:
    """Note by its id at which line of the files in a folder each object of a class was made."""
    before = made.__init__

    def init(self: Any, *arguments: Any, **named: Any) -> None:
        before(self, *arguments, **named)
        line = line_in(folder, sys._getframe(1), skips=self)
        if line:
            places[id(self)] = line

    made.__init__ = init
    try:
        yield
    finally:
        made.__init__ = before
