"""A file that a script is to write."""

import tempfile
from pathlib import Path


def require_writable(path: Path, *given: Path | None) -> None:
    """Raise an error now, rather than after the training, where no file can be written."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder, and a file is expected")
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}")
    for read in (*given, Path(__file__)):
        if read and path.exists() and read.exists() and path.samefile(read):
            raise ValueError(f"{path} is read, and would be lost; give another name")
    with tempfile.TemporaryFile(dir=path.parent):
        pass
