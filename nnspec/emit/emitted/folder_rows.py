"""Reads a folder of images, with a folder in it for each label, as a table."""

from pathlib import Path

import polars as pl

from nnspec.emit.emitted.parts import Parts

HAS_PARTS = False
SUFFIXES = (".png",)


def images_in(folder: Path, shown: Path) -> list[str]:
    """Return the paths of the images in a folder, sorted; hidden files are none."""
    found: list[str] = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            found += images_in(path, shown)
        elif path.suffix.lower() in SUFFIXES:
            found.append(path.relative_to(shown).as_posix())
        else:
            raise ValueError(f"{path} is no image")
    return found


def read_rows(path: Path) -> pl.DataFrame:
    """Return the images of a folder, and the label that their folder has as its name."""
    shown = sorted(each for each in path.iterdir() if not each.name.startswith("."))
    labels = [each for each in shown if each.is_dir()]
    beside = [each.name for each in shown if each.suffix.lower() in SUFFIXES]
    if beside and labels:
        raise ValueError(f"{path / beside[0]}: the image is in no folder of a label")
    if not labels:
        return pl.DataFrame({"file": beside})
    files = {label.name: images_in(label, path) for label in labels}
    empty = [name for name, found in files.items() if not found]
    if empty:
        raise ValueError(f'{path}: the folder of the label "{empty[0]}" has no image')
    pairs = [(file, label) for label, found in files.items() for file in found]
    return pl.DataFrame(pairs, schema={"file": str, "label": str}, orient="row")


def where(path: Path, name: str, row: int) -> str:
    """Return the place of a value."""
    if HAS_PARTS and isinstance(path, Parts):
        path, row = path.place(row)
    return f'{path}: column "{name}", row {row}'


def column(rows: pl.DataFrame, name: str, path: Path) -> pl.Series:
    """Return a column of the folder: the files, or their labels."""
    if name not in rows.columns:
        raise ValueError(f'{path}: there is no column "{name}"')
    return rows[name]
