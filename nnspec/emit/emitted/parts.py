"""The place of a row where each part has a file of its own."""

from pathlib import Path


class Parts:
    """The files of the parts, whose rows follow one another; the first has those that train."""

    def __init__(self, files: list[Path], sizes: list[int]) -> None:
        self.files = files
        self.sizes = sizes
        self.parent = files[0].parent

    def __str__(self) -> str:
        return str(self.files[0])

    def is_dir(self) -> bool:
        """Return that paths are relative to the folder that it is in."""
        return False

    def place(self, row: int) -> tuple[Path, int]:
        """Return the file of a row, and its number there; both numbers are from 1."""
        for file, size in zip(self.files, self.sizes, strict=True):
            if row <= size:
                return file, row
            row -= size
        raise IndexError(row)
