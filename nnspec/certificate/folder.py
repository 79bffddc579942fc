"""The files of a certificate: a statement and the folder beside it, whole or not at all."""

from __future__ import annotations

import json
import shutil
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
        if not is_signed and self.signature.exists():
            raise UsageError(
                f"{self.signature} signs an earlier certificate: remove it, or sign this one too"
            )
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            raise UsageError(f"{self.folder} is in the way: the certificate's files go there")
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
        """Put the staged statement and its files in their places, or leave all as it was."""
        old = stage / "old"
        had_folder = self.folder.exists()
        try:
            if had_folder:
                self.folder.rename(old)
            (stage / self.folder.name).rename(self.folder)
            for target in (self.signature, self.statement):
                if (made := stage / target.name).exists():
                    files.write_bytes(target, made.read_bytes())
        except (OSError, UsageError) as error:
            if (had_folder and old.exists()) or not had_folder:
                shutil.rmtree(self.folder, ignore_errors=True)
            if had_folder and old.exists():
                old.rename(self.folder)
            raise UsageError(f"{self.statement}: {error}") from error


def replay(statement: Path) -> tuple[bool, str]:
    """Run a staged certificate's checker in a process of its own; return whether it holds."""
    script = statement.with_suffix("") / CHECKER
    done = subprocess.run(
        [sys.executable, "-I", str(script), str(statement)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode == 0, done.stdout + done.stderr
