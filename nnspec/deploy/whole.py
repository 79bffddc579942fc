"""A model that prepares raw columns itself, run on a table as any other is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import polars as pl

from nnspec.data.domain_record import ANSWERS, KEY, RECORD, from_json
from nnspec.data.feature import Feature
from nnspec.data.named_files import Files
from nnspec.data.preprocessing import Preprocessing
from nnspec.data.tables import Rows, where
from nnspec.errors import DataError

if TYPE_CHECKING:
    from nnspec.backend import Array


class _Program(Protocol):
    model: Any
    metadata: dict[str, str]
    batch: int | None

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]: ...


EXACT = 2**53 - 1
"""The largest whole number that a double tells from its neighbours."""
SHIFTS = ("target_mean", "target_scale", "output_mean", "output_scale")
"""Fields of the record that are about units, in which the model answers already."""


class WholeProgram:
    """Such a model under the inputs of its network, whose outputs are in the target's units.

    What is wrong with a row is said before the model runs, which would give NaN.
    """

    def __init__(self, program: _Program) -> None:
        record = Preprocessing.from_json(program.metadata[RECORD])
        done = record.model_copy(update=dict.fromkeys(SHIFTS))
        self.program = program
        self.model = program.model
        self.metadata = {**program.metadata, "nnspec.preprocessing": done.to_json()}
        self.inputs = {name: name for name in record.inputs}
        self.batch = program.batch
        domain = program.metadata.get(KEY)
        self.domain = from_json(domain) if domain is not None else None
        self._record = record
        # Of classes they are no floats.
        self._answers: list[str] = json.loads(program.metadata.get(ANSWERS, "[]"))

    def columns(self, rows: Rows, file: object) -> dict[str, Array]:
        """Return the raw columns that the model takes, by name."""
        if not isinstance(rows, pl.DataFrame):
            raise DataError(f"{file}: the model takes the columns of a table; give one")
        found: dict[str, Array] = {}
        windows = self._record.rolled(rows, file=file)
        for name, feature in self._record.inputs.items():
            values = feature.gather(rows, name, file)
            if isinstance(values, Files):
                found[feature.columns[0]] = cast("Array", values)
            else:
                columns = dict(_columns(feature, values, file))
                found.update(columns if windows is None else windows.inputs(columns))
        return found

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs of the network; the answers, which follow from them, are left out."""
        if any(isinstance(each, Files) for each in inputs.values()):
            outputs = self._one_by_one(inputs)
        else:
            outputs = self.program.forward(inputs)
        return {
            name: each
            for name, each in outputs.items()
            if each.dtype.kind == "f" and name not in self._answers
        }

    def _one_by_one(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs for images or sounds, each of the size that its file has."""
        rows = len(next(iter(inputs.values())))
        parts = []
        for row in range(rows):
            one = {}
            for name, values in inputs.items():
                taken: Any = values[row : row + 1]
                if isinstance(taken, Files):
                    taken = np.stack(list(taken.raw()))
                one[name] = np.repeat(taken, self.batch or 1, axis=0)
            parts.append(self.program.forward(one))
        return {name: np.concatenate([part[name][:1] for part in parts]) for name in parts[0]}


def _columns(
    feature: Feature, values: Array | pl.DataFrame, file: object
) -> Iterator[tuple[str, Array]]:
    if feature.prepared is None or not isinstance(values, pl.DataFrame):
        array = np.asarray(values)
        large = (array > EXACT) | (array < -EXACT)
        if array.dtype.kind in "iu" and large.any():
            at = tuple(map(int, np.argwhere(large)[0]))
            position = int(np.ravel_multi_index(at, array.shape)) - at[0] * array[0].size
            place = where(file, f'column "{feature.columns[position]}"', at[0])
            raise DataError(
                f"{place}: {array[at]} is not below 2^53, and a model that prepares its rows takes "
                "numbers as doubles: export it without its preprocessing"
            )
        flat = array.astype(np.float64).reshape(len(array), -1)
        yield from ((name, flat[:, i]) for i, name in enumerate(feature.columns))
        return
    for name, by in zip(feature.columns, feature.prepared, strict=True):
        column = values[name]
        if by.kind == "number":
            yield name, column.fill_null(np.nan).to_numpy()
            continue
        text = column.dt.strftime(by.format) if by.format is not None else column
        yield name, np.array(text.fill_null("").to_list(), dtype=object)
