"""Rows that have no target: what a generator learns to make."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, cast

from numpy.typing import NDArray

from nnspec.data.feature import Feature, places
from nnspec.data.files import read
from nnspec.data.tables import select
from nnspec.errors import DataError, UsageError
from nnspec.language.arrays import IN_FILES
from nnspec.language.schema import DType
from nnspec.network.domains import domain_of
from nnspec.network.networks import Networks

Array = NDArray[Any]


def load_rows(networks: Networks) -> tuple[Array, str]:
    """Return the rows as the discriminator takes them, and the hash of their file.

    Raises DataError where they do not fit, UsageError where the spec has no `data`.
    """
    data, graph = networks.document.data, networks.discriminator.graph
    if data is None:
        raise UsageError(f'the spec "{networks.name}" has no `data` section; training needs one')
    path = networks.folder / data.source
    if path.is_dir() or path.suffix.lower() in IN_FILES:
        raise DataError(f"{path}: a generator learns of a table, or of an array of an .npz file")
    rows = read(path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    ((name, type_),) = graph.inputs.items()
    columns: tuple[str, ...] = data.features[name]
    is_array = isinstance(rows, Mapping)
    if not isinstance(rows, Mapping):
        columns = tuple(select(rows, columns, file=path))
    elif len(columns) != 1:
        raise DataError(
            f'{path}: input "{name}" takes one array of an .npz file, and {len(columns)} are listed'
        )
    dtype = cast(DType, type_.dtype)
    feature = Feature(columns=columns, is_array=is_array, shape=type_.shape, dtype=dtype)
    values = feature.finish(feature.gather(rows, name, path), name, path, rows)
    domain_of(graph).require({name: values}, places({name: feature}, rows, path), file=path)
    return values, sha256
