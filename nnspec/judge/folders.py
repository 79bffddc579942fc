"""The folder of a reproduction: written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from nnspec.errors import UsageError, printable

_PAGE = "README.md"
_SCRIPTS = ({"ours.py", "theirs.py"}, {"a.py", "b.py"})
"""Of the two sides: what a folder that was written so holds."""


class Folder:
    """A folder that is new, empty, or holds what was written there before."""

    def __init__(self, path: str | Path, *, force: bool = False) -> None:
        """Raise UsageError where it cannot be written, or holds something.

        force: let what an earlier call wrote be replaced.
        """
        self.path = Path(os.path.realpath(path))
        told = printable(str(path))
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{told} is a file; give a folder")
        if not self.path.parent.is_dir():
            raise UsageError(f"{told}: there is no folder {self.path.parent}; create it first")
        try:
            held = sorted(each.name for each in self.path.iterdir()) if self.path.exists() else []
            with tempfile.TemporaryDirectory(dir=self.path.parent):
                pass
        except OSError as error:
            raise UsageError(f"{told}: {error.strerror or error}") from error
        if held and not force:
            raise UsageError(f"{told} is not empty ({held[0]}); give another folder, or --force")
        if held and not self._is_own(set(held)):
            raise UsageError(
                f"{told} holds what --reproduce has not written ({held[0]}): give another folder"
            )

    def _is_own(self, held: set[str]) -> bool:
        prefixes = tuple(f"{name[:-3]}{end}" for pair in _SCRIPTS for name in pair for end in "._")
        is_whole = any({_PAGE, "outputs.npz", *pair} <= held for pair in _SCRIPTS)
        return is_whole and all(
            (each in (_PAGE, "outputs.npz") or each.startswith(prefixes) or each == "__pycache__")
            and ((self.path / each).is_file() or each == "__pycache__")
            for each in held
        )

    def write(self, files: Mapping[str, bytes]) -> list[Path]:
        """Put these files there, in the place of all that is there; raises UsageError."""
        try:
            with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=".reproduced-") as stage:
                made, old = Path(stage) / "new", Path(stage) / "old"
                made.mkdir()
                for name, content in files.items():
                    (made / name).write_bytes(content)
                if self.path.exists():
                    self.path.rename(old)
                try:
                    made.rename(self.path)
                except OSError:
                    if old.exists():
                        shutil.rmtree(self.path, ignore_errors=True)
                        old.rename(self.path)
                    raise
        except OSError as error:
            raise UsageError(f"{self.path}: {error.strerror or error}") from error
        return [self.path / name for name in files]
