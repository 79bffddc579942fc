"""Writes files whole or not at all."""

from __future__ import annotations

import functools
import io
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STEP = 2**20
"""Bytes. A large file is handed to the disk in such parts."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a path beside `path` to write to, and rename it to `path` when the block succeeds.

    The temporary path keeps the suffix, by which some writers choose a format. If the block fails,
    what it wrote is removed and `path` stays as it was. A device or a pipe is written directly.
    Raises UsageError where `path` cannot be written.
    """
    path = Path(path)
    target = _target(path)
    if target.exists() and not target.is_file():
        with _usage_errors(path):
            yield path
        return
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(6)}{target.suffix}")
    try:
        with _usage_errors(path):
            yield temporary
            if target.exists():
                shutil.copymode(target, temporary)
            else:
                # Some writers make a file that only its owner may read.
                temporary.chmod(0o666 & ~_umask())
            _flush(temporary)
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(path: str | Path | None) -> None:
    """Raise UsageError now, rather than after long work, where a file cannot be written."""
    if path is None:
        return
    target = _target(Path(path))
    if target.exists() and not target.is_file():
        return
    with _usage_errors(Path(path)), tempfile.TemporaryFile(dir=target.parent):
        pass


def _target(path: Path) -> Path:
    """Return where a file to write stands; raises UsageError where it has no place."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the path of a file")
    # A link stays a link, as it would if the file were opened.
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        if path.is_symlink():
            raise UsageError(
                f"{path} is a link to {target}, and there is no folder {target.parent}; create it, "
                "or give another path"
            )
        raise UsageError(
            f"{path}: there is no folder {path.parent}; create it, or give another path"
        )
    return target


def require_apart(output: str | Path | None, *read: str | Path | None) -> None:
    """Raise UsageError where a file would be written over one that the same call reads."""
    for path in read:
        if output is None or path is None:
            continue
        both = (Path(output), Path(path))
        if all(each.is_file() for each in both) and both[0].samefile(both[1]):
            raise UsageError(f"{output} is what this command reads; give another path to write to")
        is_new = not any(each.exists() for each in both)  # and no device
        if is_new and os.path.realpath(both[0]) == os.path.realpath(both[1]):
            raise UsageError(f"{output} would be written twice; give another path to write to")


def behind_link(path: Path) -> Path:
    """Return where a link to a file leads, or the path itself: files beside it stand there."""
    target = Path(os.path.realpath(path))
    return target if path.is_symlink() and (target.is_file() or not target.exists()) else path


def write_bytes(path: str | Path, content: bytes) -> Path:
    """Write a file whole or not at all; raises UsageError where it cannot be written."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def write_text(path: str | Path, content: str) -> Path:
    """Write a UTF-8 file, line ends as given, whole or not at all; raises UsageError."""
    return write_bytes(path, content.encode("utf-8"))


def rewrite(path: str | Path, content: bytes) -> None:
    """Write over a file whole or not at all; one that has several names stays one file.

    Raises UsageError where it cannot be written.
    """
    target = _target(Path(path))
    if not target.is_file() or target.stat().st_nlink == 1:
        write_bytes(path, content)
        return
    # To rename another file to this name would part it from its other names.
    kept = target.with_name(f".{target.stem}.{secrets.token_hex(6)}{target.suffix}")
    with _usage_errors(Path(path)), target.open("r+b") as file:
        try:
            kept.write_bytes(file.read())
            shutil.copymode(target, kept)
            _flush(kept)
        except OSError:
            kept.unlink(missing_ok=True)
            raise
        try:
            file.seek(0)
            file.write(content)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            raise UsageError(
                f"{path}: {error.strerror or error}; what it held before is in {kept}"
            ) from error
    kept.unlink()


def open_large(path: Path) -> io.BufferedWriter:
    """Open a file whose first parts go to the disk while the next ones are made.

    Else the disk would rest until `replacing` waits for it.
    """
    return io.BufferedWriter(_LargeFile(path, "w"))


class _LargeFile(io.FileIO):
    _written = 0

    def write(self, data: ReadableBuffer, /) -> int:
        """Write as much as a part; what buffers the file comes back with the rest."""
        count: int = super().write(memoryview(data)[: STEP - self._written % STEP])
        self._written += count
        if count and self._written % STEP == 0:
            _start_output()(self.fileno(), self._written - STEP, STEP)
        return count


@functools.cache
def _start_output() -> Callable[[int, int, int], Any]:
    """Return what starts to put (descriptor, offset, size) on the disk, and does not wait."""

    def nothing(descriptor: int, offset: int, size: int) -> None:
        pass

    if sys.platform != "linux":
        return nothing
    try:
        import ctypes

        start = ctypes.CDLL(None).sync_file_range
    except (ImportError, OSError, AttributeError):  # some Pythons and C libraries lack these
        return nothing
    start.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    sync_file_range_write = 2
    return lambda descriptor, offset, size: start(descriptor, offset, size, sync_file_range_write)


@contextmanager
def _usage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error


def _flush(path: Path) -> None:
    """Put the content on the disk before the name, or a power cut could leave an empty file."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    """Return the process's mask of file modes, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
