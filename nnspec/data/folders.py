"""Folders of images or sounds, with a folder in them for each label, as tables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from nnspec.data import images
from nnspec.errors import DataError
from nnspec.language import sounds

FILE, LABEL = "file", "label"
"""The columns of a folder: the path of an image in it, and the name of the folder it is in."""


def read_folder(path: Path) -> pl.DataFrame:
    """Return the images of a folder, sorted: `file`, and `label` where it has folders.

    Hidden files and what is beside the folders are passed over (see `passed_over`); raises
    DataError for a folder without an image, and for what is no image among some.
    """
    labels = [each for each in _entries(path) if each.is_dir()]
    beside = [each for each in _entries(path) if not each.is_dir() and _is_image(each.name)]
    if not labels and not beside:
        raise DataError(f"{path} is a folder, and there is no image in it")
    if beside and labels:
        raise DataError(
            f"{beside[0].path}: the image is in no folder of a label, and others are (in "
            f'"{labels[0].name}")'
        )
    if beside:
        return pl.DataFrame({FILE: [each.name for each in beside]})
    files: list[str] = []
    given: list[str] = []
    for label in labels:
        found = list(_images(Path(label.path), f"{label.name}/"))
        if not found:
            raise DataError(f'{label.path}: the folder of the label "{label.name}" has no image')
        if label.name != label.name.strip():
            raise DataError(f'{label.path}: the label "{label.name}" has spaces around it')
        files += found
        given += [label.name] * len(found)
    return pl.DataFrame({FILE: files, LABEL: given})


def passed_over(path: Path) -> list[str]:
    """Return the files of a folder that `read_folder` does not take, by their paths in it."""
    has_labels = any(each.is_dir() for each in _entries(path))
    beside = [
        each.name
        for each in _entries(path)
        if not each.is_dir() and (has_labels or not _is_image(each.name))
    ]
    return sorted([*beside, *_hidden(path, path)])


def _hidden(path: Path, top: Path) -> Iterator[str]:
    for each in path.iterdir():
        if each.name.startswith("."):
            yield each.relative_to(top).as_posix()
        elif each.is_dir():
            yield from _hidden(each, top)


def _is_image(name: str) -> bool:
    return name.lower().endswith((*images.SUFFIXES, *sounds.SUFFIXES))


def _entries(path: Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder, sorted by name, but for what is hidden."""
    try:
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda each: each.name)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    shown = [each for each in entries if not each.name.startswith(".")]
    for each in shown:
        try:
            each.name.encode()
        except UnicodeEncodeError:
            raise DataError(f"{path}: the name {each.name!r} is not UTF-8") from None
        if each.is_symlink() and each.is_dir():
            raise DataError(f"{each.path} is a link to a folder, which is not followed")
    return shown


def _images(path: Path, before: str) -> Iterator[str]:
    """Yield the paths of the images in a folder and in those that are in it."""
    for each in _entries(path):
        if each.is_dir():
            yield from _images(Path(each.path), f"{before}{each.name}/")
        elif not _is_image(each.name):
            raise DataError(
                f"{each.path} is no image ({', '.join(images.SUFFIXES)}) and no sound "
                f"({', '.join(sounds.SUFFIXES)}); take it out of the folder"
            )
        else:
            yield before + each.name
