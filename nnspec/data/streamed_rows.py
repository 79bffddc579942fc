"""Rows of which the inputs stay on the disk: read once to be checked, and again as they are needed.

The target, the weights, and what rows are parted by are held in memory. An array of an .npz file is
read where it lies, and so are .npy files and groups of Zarr. What a table's columns become is
written, once, to a file that has no name, and is gone with the process that made it; Python's
`tempfile` says where (TMPDIR).
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nnspec.data.arrays import fit_shape, require_equal_lengths
from nnspec.data.concluding import Read, concluded, target_of
from nnspec.data.dataset import Dataset
from nnspec.data.feature import Feature, mean_and_scale, places
from nnspec.data.folding import Fold, parts_of
from nnspec.data.learned import learned as of_column
from nnspec.data.moments import Moments
from nnspec.data.parts import features_of, require_fixed, wanted_of
from nnspec.data.stored import Opened, Stored, StoredArchive
from nnspec.data.stored_arrays import GroupRows, StoredFiles, StoredGroup
from nnspec.data.streamed import Streamed, streamed
from nnspec.data.tables import Later, Rows, missing_column, number
from nnspec.data.targets import columns_of
from nnspec.data.text_columns import as_columns, require_room
from nnspec.data.weighting import column_of, read_weight
from nnspec.errors import DataError
from nnspec.language.streaming import TABLES, Stream
from nnspec.language.training_schema import Data
from nnspec.network.domains import domain_of
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec

Array = NDArray[Any]

CHUNK = 2**24
"""Bytes of a table's numbers that are looked at at once."""
LEAST = 2**10
"""Rows of them at least."""


class Kept(NamedTuple):
    """The rows of an input as they are stored, and what makes the network's of them, if others."""

    stored: Stored | GroupRows
    made: Callable[[Array], Array] | None = None


def load_streamed(spec: Spec, path: Path, fold: Fold | None) -> Dataset:
    """Return the rows of a table or of arrays, their inputs on the disk; raises DataError."""
    data, training = spec.model.data, spec.model.training
    assert data is not None
    assert training is not None
    assert data.stream is not None
    suffix = path.suffix.lower()
    if suffix in (*TABLES, ".npz") and not path.is_file():
        raise DataError(f"{path}: there is no such file")
    source = _Table(path) if suffix in TABLES else _Archive(path)
    # First, since a pattern of features would take a misspelt target for one of them.
    columns = columns_of(source.known, data, path)
    features = features_of(spec.graph, data, source.known, path, columns + column_of(data))
    side = source.side(_named(data, columns))
    weight = read_weight(side, data, path)
    target = target_of(spec.graph, data, training, side, columns, path, None)
    count = len(target.values)
    require_equal_lengths({**source.lengths(features), "target": count}, path)
    parts = parts_of(side, data, count, training.seed, path, fold)
    if data.standardize:
        require_fixed(features)
    features, kept = source.kept(spec.graph, data, features, parts["train"])
    inputs = {
        name: _Whole(each, data.stream, f'{path}: input "{name}"') for name, each in kept.items()
    }
    read = Read(features, columns, target.values, target.labels, weight, {})
    return concluded(spec, side, cast("dict[str, Array]", inputs), read, parts, path)


def _named(data: Data, columns: Sequence[str]) -> list[str]:
    """Return the columns that are held in memory."""
    split = () if data.split is None else (data.split.column,)
    balance = () if data.balance is None else (data.balance,)
    return list(dict.fromkeys((*columns, *column_of(data), *split, *balance)))


class _Whole:
    """An input of all rows, of which a part is taken by its rows."""

    def __init__(self, kept: Kept, stream: Stream, told: str) -> None:
        self.kept = kept
        self.stream = stream
        self.told = told

    def __len__(self) -> int:
        return len(self.kept.stored)

    def __getitem__(self, rows: NDArray[np.intp]) -> Streamed:
        stored, made = self.kept
        return streamed(stored, rows, made, self.stream.block, self.stream.buffer, self.told)


class _Table:
    """A table of which columns are read one by one, and rows some at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.suffix.lower() == ".csv":
            self.scan, folder = as_columns(path)
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        else:
            self.scan = pl.scan_parquet(path, glob=False)
        try:
            self.known: Rows = self.scan.head(0).collect()
            self.count = int(self.scan.select(pl.len()).collect().item())
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise self._broken(error) from None
        if not self.count:
            raise DataError(f"{path}: there are no rows")

    def _broken(self, error: Exception) -> DataError:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return DataError(f"{self.path} is no readable {self.path.suffix} file: {reason}")

    def _require(self, names: Sequence[str]) -> None:
        assert isinstance(self.known, pl.DataFrame)
        for name in names:
            if name not in self.known.columns:
                raise missing_column(self.known.columns, name, self.path)

    def side(self, names: Sequence[str]) -> Rows:
        """Return some columns whole."""
        self._require(names)
        try:
            return self.scan.select(names).collect()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise self._broken(error) from None

    def lengths(self, features: Mapping[str, Feature]) -> dict[str, int]:
        """Return the rows of each input."""
        return dict.fromkeys(features, self.count)

    def kept(
        self, graph: Graph, data: Data, features: Mapping[str, Feature], train: Array
    ) -> tuple[dict[str, Feature], dict[str, Kept]]:
        """Learn of each column, and write what all become."""
        learned = {name: self._learned(data, each, train) for name, each in features.items()}
        found: dict[str, Kept] = {}
        files: dict[str, Opened] = {}
        names = list(dict.fromkeys(name for each in features.values() for name in each.columns))
        size = max(CHUNK // (8 * max(len(names), 1)), LEAST)
        for first, table in self._chunks(names, size):
            file = Later(self.path, first)
            inputs = {
                name: each.finish(each.gather(table, name, file), name, file, table)
                for name, each in learned.items()
            }
            domain_of(graph).require(inputs, places(learned, table, file), file=file)
            for name, values in inputs.items():
                if name not in files:
                    files[name] = _unnamed(self.count * values[:1].nbytes, self.path)
                    shape = self.count, *values.shape[1:]
                    stored = Stored(files[name], 0, shape, values.dtype)
                    found[name] = Kept(stored)
                _write(files[name], values, self.path)
        return learned, found

    def _chunks(self, names: Sequence[str], size: int) -> Iterator[tuple[int, pl.DataFrame]]:
        first = 0
        try:
            batches = self.scan.select(names).collect_batches(chunk_size=size, maintain_order=True)
            for batch in batches:
                for start in range(0, batch.height, size):
                    yield first + start, batch.slice(start, size)
                first += batch.height
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise self._broken(error) from None

    def _learned(self, data: Data, feature: Feature, train: Array) -> Feature:
        """Return a feature with what the training rows say of its columns, read one by one."""
        self._require(feature.columns)
        wanted = wanted_of(data, feature.columns, feature.dtype)
        if wanted is not None:
            assert feature.prepared is not None
            made = []
            for name, each, draft in zip(feature.columns, wanted, feature.prepared, strict=True):
                column = draft.read(self._column(name), self.path)
                made.append(of_column(each, column, train, self.path))
            return feature.model_copy(update={"prepared": tuple(made)})
        if not data.standardize or not feature.dtype.startswith("float"):
            return feature
        mean: list[float] = []
        scale: list[float] = []
        for name in feature.columns:
            column = number(self._column(name), file=self.path)
            one, other = mean_and_scale(column.to_numpy()[train].reshape(-1, 1))
            mean += one
            scale += other
        return feature.model_copy(update={"mean": tuple(mean), "scale": tuple(scale)})

    def _column(self, name: str) -> pl.Series:
        table = self.side([name])
        assert isinstance(table, pl.DataFrame)
        return table[name]


class _Archive:
    """An .npz file, or other arrays by name, which are read where they lie."""

    def __init__(self, path: Path) -> None:
        self.path = path
        kinds: dict[str, type[StoredFiles | StoredGroup]]
        kinds = {".npy": StoredFiles, ".zarr": StoredGroup}
        self.archive: StoredArchive | StoredFiles | StoredGroup
        try:
            self.archive = kinds.get(path.suffix.lower(), StoredArchive)(path)
        except OSError as error:
            raise DataError(f"{path}: {error.strerror or error}") from None
        self.known: Rows = self.archive

    def side(self, names: Sequence[str]) -> Rows:
        """Return some arrays whole."""
        found = {}
        for name in names:
            if name not in self.archive:
                raise missing_column(list(self.archive), name, self.path, "array")
            self._require_rows(name)
            # Seen before they are used: a damaged one may be anything.
            self.archive.require_whole(name)
            found[name] = self.archive[name]
        return found

    def lengths(self, features: Mapping[str, Feature]) -> dict[str, int]:
        """Return the rows of each input."""
        found = {}
        for name, feature in features.items():
            (array,) = feature.columns
            if array not in self.archive:
                raise missing_column(list(self.archive), array, self.path, "array")
            found[name] = self._require_rows(array)
        return found

    def _require_rows(self, array: str) -> int:
        """Return the rows of an array; raises DataError where it has none."""
        stored = self.archive.stored(array)
        if not stored.shape:
            raise DataError(f'{self.path}: array "{array}" is a single value; rows are expected')
        return len(stored)

    def kept(
        self, graph: Graph, data: Data, features: Mapping[str, Feature], train: Array
    ) -> tuple[dict[str, Feature], dict[str, Kept]]:
        """Look at all rows, and learn of them."""
        stored = {name: self.archive.stored(each.columns[0]) for name, each in features.items()}
        moments = {
            name: Moments()
            for name, each in features.items()
            if data.standardize and each.dtype.startswith("float")
        }
        count = len(next(iter(stored.values())))
        is_learnt = np.zeros(count, bool)
        is_learnt[train] = True
        sums = {
            name: self.archive.digest_before(each.columns[0]) for name, each in features.items()
        }
        step = min(each.step for each in stored.values())
        for first in range(0, count, step):
            last = min(first + step, count)
            file = Later(self.path, first)
            inputs: dict[str, Array] = {}
            seen: dict[str, Array] = {}
            for name, each in features.items():
                rows = seen[each.columns[0]] = self._read(
                    each.columns[0], stored[name], first, last
                )
                sums[name] = zlib.crc32(rows.reshape(-1).view(np.uint8).data, sums[name])
                values = each.gather({each.columns[0]: rows}, name, file)
                assert isinstance(values, np.ndarray)
                if name in moments:
                    moments[name].add(values[is_learnt[first:last]])
                inputs[name] = np.asarray(values, each.dtype)
            domain_of(graph).require(inputs, places(features, seen, file), file=file)
        for name, each in features.items():
            self.archive.require_sum(each.columns[0], sums[name])
        found = {
            name: _standardised(each, moments[name]) if name in moments else each
            for name, each in features.items()
        }
        kept = {
            name: Kept(stored[name], _made(each, name, self.path)) for name, each in found.items()
        }
        for name in moments:
            kept[name] = self._written(kept[name], found[name].columns[0])
        return found, kept

    def _written(self, kept: Kept, array: str) -> Kept:
        """Return rows that are written as the network takes them, where the disk has room.

        To shift and scale them for each batch takes a small network a quarter of its time.
        """
        stored, made = kept
        assert made is not None
        one = made(self._read(array, stored, 0, 1))
        try:
            file = _unnamed(len(stored) * one.nbytes, self.path)
            for first in range(0, len(stored), stored.step):
                last = min(first + stored.step, len(stored))
                _write(file, made(self._read(array, stored, first, last)), self.path)
        except DataError:  # there is no room, or no more
            return kept
        return Kept(Stored(file, 0, (len(stored), *one.shape[1:]), one.dtype))

    def _read(self, name: str, stored: Stored | GroupRows, first: int, last: int) -> Array:
        try:
            return stored.read(first, last)
        except OSError as error:
            raise DataError(f'{self.path}: array "{name}" cannot be read: {error}') from None


def _made(feature: Feature, name: str, path: Path) -> Callable[[Array], Array]:
    """Return what makes the network's rows of those of an array that was looked at."""

    def made(rows: Array) -> Array:
        shape = fit_shape(rows.shape[1:], feature.shape)
        assert shape is not None
        values = rows.reshape(len(rows), *shape)
        return feature.finish(values, name, path, {feature.columns[0]: rows})

    return made


def _standardised(feature: Feature, moments: Moments) -> Feature:
    mean, scale = moments.found()
    return feature.model_copy(update={"mean": mean, "scale": scale})


def _unnamed(size: int, path: Path) -> Opened:
    """Return a file without a name that is to have so many bytes; raises DataError without room."""
    require_room(size, path, "what its columns become takes")
    with tempfile.TemporaryFile() as file:
        return Opened(file)


def _write(file: Opened, values: Array, path: Path) -> None:
    """Add rows at the end of a file; raises DataError where the disk is full."""
    view = values.reshape(-1).view(np.uint8).data
    try:
        while view:
            view = view[os.write(file.number, view) :]
    except OSError as error:
        raise DataError(
            f"{path}: what its columns become cannot be written in {tempfile.gettempdir()}: "
            f"{error.strerror or error}; let TMPDIR name another folder"
        ) from None
