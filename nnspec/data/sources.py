"""The source of the rows: read, told apart by a hash, and what of it a reader may want to know."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from nnspec.data.files import read
from nnspec.data.joined import Joined
from nnspec.data.named_files import Files
from nnspec.data.preprocessing import Preprocessing
from nnspec.data.tables import Rows
from nnspec.errors import DataError
from nnspec.language.arrays import IN_FILES, holds_arrays
from nnspec.language.databases import is_server
from nnspec.language.prepared_columns import cut_by
from nnspec.language.training_schema import Data
from nnspec.network.loader import Spec

HASHED = 2**16
"""Rows of a query that are hashed at once."""
SHOWN = 8
"""Files that a note names."""


def located(folder: Path, data: Data) -> Path | str:
    """Return the path of the source of a spec in this folder, or the URL of a server."""
    return data.source if is_server(data.source) else folder / data.source


def is_there(folder: Path, data: Data) -> bool:
    """Whether the source of a spec is a file or a folder that exists, or a server."""
    if data.source.lower().endswith(".npy"):
        from nnspec.data.array_files import matching  # which few specs need

        with suppress(DataError):
            return bool(matching(folder / data.source))
        return False
    return is_server(data.source) or (folder / data.source).exists()


def read_source(spec: Spec) -> tuple[Rows, Path | str]:
    """Return the rows that the data of a spec name, and where they are; raises DataError."""
    data = spec.model.data
    assert data is not None
    path = located(spec.folder, data)
    if data.query is not None:
        from nnspec.data.databases import read_query  # which few specs need

        return read_query(path, data.query), path
    assert isinstance(path, Path)
    if data.split is None or not data.split.files:
        return _read(path, data), path
    from nnspec.data.joining import joined  # which few specs need

    files = [path, *(spec.folder / file for file in data.split.files.values())]
    return joined([_read(file, data) for file in files], files, _named(data))


def _named(data: Data) -> set[str]:
    """Return every column or array that the data name: features, targets, and what says of rows."""
    named = {name for given in data.features.values() for name in given}
    for given in (data.target, data.targets, data.sample_weight, data.balance, data.resample):
        waiting: list[Any] = [given]
        while waiting:
            each = waiting.pop()
            if isinstance(each, str):
                named.add(each)
            elif isinstance(each, Mapping):
                waiting.extend(each.values())
            elif isinstance(each, list | tuple):
                waiting.extend(each)
    split = data.split.columns if data.split is not None else ()
    return {*named, *split, *(data.windows.columns if data.windows is not None else ())}


def _read(path: Path, data: Data) -> Rows:
    rows = read(path, cut_by(data))
    if (
        isinstance(rows, pl.DataFrame)
        and path.is_dir()
        and not any(each.image or each.sound for each in (data.prepare or {}).values())
    ):
        raise DataError(
            f"{path} is a folder, and nothing says what becomes of its images or sounds: name the "
            'column "file" in `data.features`, "label" as the target, and give '
            "`prepare: {file: {image: {resize: [height, width]}}}`, or `{sound: {rate: 16000}}`"
        )
    return rows


def sha256_of(
    path: Path | str, data: Data, rows: Rows | None = None, made: Preprocessing | None = None
) -> str:
    """Return the hash of a source, and of the files that it names; raises DataError.

    rows, made: what was read of it; of rows that stay on the disk there is none. Of a database that
    of the rows alone: another query that gives them is the same source.
    """
    if data.query is not None:
        assert isinstance(rows, pl.DataFrame)
        types = " ".join(f"{name!r} {kind}" for name, kind in rows.schema.items())
        digest = hashlib.sha256(types.encode())
        for some in rows.iter_slices(HASHED):
            digest.update(repr(some.rows()).encode())
    elif isinstance(path, Joined) and not _is_folder(path, rows):
        digest = hashlib.sha256()
        for each in path.files:
            digest.update(sha256_of(each, data).encode())
    elif Path(path).suffix.lower() in IN_FILES:
        from nnspec.data.array_files import digest_of  # which few specs need

        digest = digest_of(Path(path))
    elif _is_folder(path, rows):
        assert isinstance(rows, pl.DataFrame)
        digest = hashlib.sha256(rows.write_csv().encode())
    else:
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    for name, feature in made.inputs.items() if made is not None else ():
        has_files = feature.is_of_files
        raw = feature.gather(rows, name, path) if rows is not None and has_files else None
        if isinstance(raw, Files):
            raw.update(digest)
        for column in feature.prepared or ():
            digest.update((column.tokenizer or "").encode())
    return digest.hexdigest()


def _is_folder(path: Path | str, rows: Rows | None) -> bool:
    """Whether rows are those of a folder of images or sounds."""
    return isinstance(rows, pl.DataFrame) and Path(path).is_dir()


def notes_of(path: Path | str, data: Data) -> tuple[str, ...]:
    """Return what is said of a source: files that are passed over, chunks that are not there.

    Of a query, whether rows may change their order.
    """
    if data.query is not None:
        from nnspec.data.databases import notes_of_query

        return notes_of_query(path, data.query)
    if isinstance(path, Joined):
        return tuple(note for file in path.files for note in notes_of(file, data))
    path = Path(path)
    if path.is_dir() and holds_arrays(path.name):
        from nnspec.data.array_files import notes_of_chunks  # which few specs need

        return notes_of_chunks(path)
    if not path.is_dir():
        return ()
    from nnspec.data.folders import passed_over  # which few specs need

    found = passed_over(path)
    if not found:
        return ()
    more = ", ..." if len(found) > SHOWN else ""
    noun = "file is" if len(found) == 1 else "files are"
    return (f"{path}: {len(found)} {noun} passed over: {', '.join(found[:SHOWN])}{more}",)
