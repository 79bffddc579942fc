"""The files of a certificate: a statement and the folder beside it, whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files as resources
from pathlib import Path

from nnspec.certificate.signing import SUFFIX
from nnspec.errors import UsageError
from nnspec.support import files

CHECKER = "check_certificate.py"
SECONDS = 3600
"""That a replay may take."""


def checker() -> str:
    """Return the program that replays a certificate, and imports nothing of nnspec."""
    return (resources("nnspec.certificate") / "replay" / CHECKER).read_text(encoding="utf-8")


class Place:
    """The place of a certificate: FILE.json, the folder FILE, and FILE.json.sig if it is signed."""

    def __init__(self, path: str | Path, *, is_signed: bool) -> None:
        """Raise UsageError where it cannot be written, or would replace what is no certificate."""
        self.statement = files.behind_link(Path(path))
        if self.statement.suffix != ".json":
            raise UsageError(f"{path}: a certificate is a .json file, as model.certificate.json")
        self.folder = self.statement.with_suffix("")
        self.signature = self.statement.with_name(self.statement.name + SUFFIX)
        files.require_writable(self.statement)
        if is_signed:
            files.require_writable(self.signature)
        if not is_signed and self.signature.exists():
            raise UsageError(
                f"{self.signature} signs an earlier certificate: remove it, or sign this one too"
            )
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            raise UsageError(f"{self.folder} is in the way: the certificate's files go there")
        self._require_own()

    def _require_own(self) -> None:
        """Raise UsageError where the folder holds what no certificate has put there."""
        if self.folder.is_dir() and (strange := self._strange()):
            raise UsageError(
                f"{self.folder} holds {strange}, which is not of an earlier certificate: give "
                "another path, or remove the folder"
            )

    def _strange(self) -> str:
        """Return a file in the folder that the statement beside it does not name, or nothing."""
        known: set[object] = set()
        try:
            text = self.statement.read_text(encoding="utf-8")
            known = {each["name"] for each in json.loads(text)["subject"]}
        except (OSError, ValueError, KeyError, TypeError):
            pass  # what is there is no statement
        for each in sorted(self.folder.iterdir()):
            if f"{self.folder.name}/{each.name}" not in known or not each.is_file():
                return each.name
        return ""

    @contextmanager
    def staged(self) -> Iterator[Path]:
        """Give a folder beside the place that is gone afterwards."""
        try:
            made = tempfile.TemporaryDirectory(prefix=".certificate-", dir=self.statement.parent)
        except OSError as error:
            raise UsageError(f"{self.statement}: {error.strerror or error}") from error
        with made as name:
            yield Path(name)

    def publish(self, stage: Path) -> None:
        """Put the staged statement and its files in their places, or leave all as it was.

        Raises UsageError where that fails, and where the folder holds by now what is not of a
        certificate: hours may have passed.
        """
        self._require_own()
        # The statement is the last: where there is one, all that it names is there.
        places = (self.folder, self.signature, self.statement)
        kept = stage / "earlier"
        kept.mkdir()
        moves = [(place, kept / place.name) for place in reversed(places) if place.exists()]
        moves += [(stage / each.name, each) for each in places if (stage / each.name).exists()]
        done: list[tuple[Path, Path]] = []
        try:
            for source, target in moves:
                done.append((source, target))
                source.rename(target)
        except BaseException as error:  # an interruption too
            for source, target in reversed(done):
                if target.exists() and not source.exists():
                    target.rename(source)
            if isinstance(error, OSError):
                raise UsageError(f"{self.statement}: {error.strerror or error}") from error
            raise


def replay(statement: Path) -> tuple[bool, str]:
    """Run a staged certificate's checker in a process of its own; return whether it holds."""
    script = statement.with_suffix("") / CHECKER
    # -P: nothing beside the program is imported. The path: packages may lie where this process
    # alone looks for them.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(script), str(statement)],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return False, f"it takes more than {SECONDS:,} s"
    return done.returncode == 0, done.stdout + done.stderr
