"""Turns rows into the network's inputs; kept with the weights, so that prediction does the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from nnspec.data.arrays import require_equal_lengths
from nnspec.data.feature import Feature, Numbers, places
from nnspec.data.tables import Rows
from nnspec.errors import DataError
from nnspec.language.losses import Gives
from nnspec.language.texts import Cut
from nnspec.language.training_schema import Task, kind_of
from nnspec.language.windows import Windows
from nnspec.layers.fields import Frozen, Positive, Text
from nnspec.network.domain import Place

if TYPE_CHECKING:
    from nnspec.data.windows import Rolled

Array = NDArray[Any]

KEY = "preprocessing"
"""The record's key in the metadata of weights and of an ONNX file."""


def predicted(output: Array, gives: Gives | None) -> Array:
    """Return the numbers that are predicted of an output, shaped (rows, ...)."""
    if gives is None:
        return output
    if gives == "log rates":
        return np.asarray(np.exp(output.astype(np.float64)))
    return output[..., : output.shape[-1] // 2]


class Answer(Frozen):
    """The meaning of one output of a network that is trained on several."""

    task: Task
    """The task of the output."""
    target: Text
    """Name of what it predicts."""
    columns: Annotated[tuple[Text, ...], Field(strict=False)] | None = None
    """Names of the numbers of each row, where they come from several columns."""
    labels: Annotated[tuple[Text, ...], Field(strict=False)] | None = None
    """Names of the classes in the order of their numbers; None where the data hold numbers."""
    class_axis: int | None = None
    """The axis of the output that holds a score for each class; None for the last."""
    gives: Gives | None = None
    """Kind of numbers that the output holds, where these are not those that are predicted."""


class Preprocessing(Frozen):
    """All that a trained network needs beside its weights to take raw rows and name its answers."""

    inputs: dict[str, Feature]
    """The source of each input of the network."""
    task: Task
    """The task of the network."""
    target: Text
    """Name of what it predicts."""
    columns: Annotated[tuple[Text, ...], Field(strict=False)] | None = None
    """Names of the elements that it predicts; None where it is one, or an array."""
    labels: Annotated[tuple[Text, ...], Field(strict=False)] | None = None
    """Names of the classes in the order of their numbers; None where the data hold numbers."""
    class_axis: int | None = None
    """The axis of the classes where that is not the last one, the batch not counted."""
    target_mean: Numbers | None = None
    """Subtracted from each element of the target before it is learnt; None for nothing."""
    target_scale: Annotated[tuple[Positive, ...], Field(strict=False)] | None = None
    """The divisor of each element after that; None for nothing."""
    gives: Gives | None = None
    """Kind of numbers that the output holds, where these are not those that are predicted."""
    output_mean: Numbers | None = None
    """Added to each element of the output, where these are not those of the target."""
    output_scale: Annotated[tuple[Positive, ...], Field(strict=False)] | None = None
    """The factor of each element before that."""
    answers: dict[str, Answer] | None = None
    """By name what each trained output means, where it is not one output alone."""
    windows: Windows | None = None
    """The rows that follow one another, where the network takes windows over them."""

    @model_validator(mode="after")
    def _both_of_the_target(self) -> Preprocessing:
        mean, scale = self.target_mean, self.target_scale
        if (mean is None) != (scale is None) or len(mean or ()) != len(scale or ()):
            raise ValueError("target_mean and target_scale do not fit together")
        if (self.output_mean is None) != (self.output_scale is None) or (
            len(self.output_mean or ()) != len(self.output_scale or ())
        ):
            raise ValueError("output_mean and output_scale do not fit together")
        if mean is not None and kind_of(self.task) != "regression":
            raise ValueError(f"the target of a {self.task} task has no mean")
        if len({feature.steps for feature in self.inputs.values()}) > 1 or any(
            (feature.steps is None) != (self.windows is None) for feature in self.inputs.values()
        ):
            raise ValueError("windows are of every input, and equally long")
        return self

    @property
    def cut(self) -> Cut | None:
        """The way in which a plain text is cut into windows; None for lines."""
        for feature in self.inputs.values():
            for each in feature.prepared or ():
                if each.windows and each.length is not None:
                    return Cut(each.tokens or "words", each.length, each.lower, each.tokenizer)
        return None

    def restored(self, output: Array) -> Array:
        """Return a network's output, shaped (rows, ...), in the units of the target (float64)."""
        if self.shift is None:
            return output
        mean, scale = self.shift
        flat = output.reshape(len(output), -1).astype(np.float64)
        if flat.shape[1] != len(mean):
            raise DataError(
                f"the preprocessing record has the means of {len(mean)} elements of "
                f'"{self.target}", and the network gives {flat.shape[1]}'
            )
        return (flat * scale + mean).reshape(output.shape)

    @property
    def shift(self) -> tuple[Numbers, tuple[float, ...]] | None:
        """Numbers that are added to the elements of the output, and their factors before that."""
        if self.output_mean is not None and self.output_scale is not None:
            return self.output_mean, self.output_scale
        if self.target_mean is not None and self.target_scale is not None:
            return self.target_mean, self.target_scale
        return None

    def apply(self, rows: Rows, *, file: object = "the rows") -> dict[str, Array]:
        """Return the network's inputs from a table, or from arrays by name; raises DataError.

        A network trained on a table takes arrays too, one per input under the input's name. An
        input of images is decoded when NumPy is asked for an array of it.
        """
        raw = {name: feature.gather(rows, name, file) for name, feature in self.inputs.items()}
        require_equal_lengths({name: len(values) for name, values in raw.items()}, file)
        found = {
            name: feature.finish(raw[name], name, file, rows)
            for name, feature in self.inputs.items()
        }
        windows = self.rolled(rows, file=file)
        return found if windows is None else windows.inputs(found)

    def rolled(self, rows: Rows, *, file: object = "the rows") -> Rolled | None:
        """Return the windows over rows, one that ends at each, where the network takes windows."""
        if self.windows is None:
            return None
        from nnspec.data.windows import rolled  # which few networks need

        name, feature = next(iter(self.inputs.items()))
        assert feature.steps is not None
        array = feature.columns[0] if feature.is_array else name
        count = len(rows if isinstance(rows, pl.DataFrame) else rows[array])
        return rolled(rows, self.windows, count, file, length=feature.steps, stride=1)

    def place(self, rows: Rows, file: object) -> Place:
        """Return what says where a value of the network's inputs stands in the rows."""
        of_rows = places(self.inputs, rows, file)
        if self.windows is None:
            return of_rows

        def place(name: str, row: int, position: int | None) -> str:
            windows = self.rolled(rows, file=file)  # what is wrong alone needs it again
            assert windows is not None
            widths = {name: each.width for name, each in self.inputs.items()}
            return windows.place(of_rows, widths)(name, row, position)

        return place

    def changes_since(self, before: Preprocessing) -> list[str]:
        """Return what means something else here than in an earlier record, a sentence for each."""
        changes = []
        if before.labels != self.labels:
            changes.append(
                f"the weights were trained on the classes {_listed(before.labels)}, and here they "
                f"are {_listed(self.labels)}: each score begins as that of the class in its place"
            )
        if (before.target_mean is None) != (self.target_mean is None):
            was, is_ = ("raw", "standardised")[:: 1 if before.target_mean is None else -1]
            changes.append(
                f'the weights were trained on the {was} "{before.target}", and here it is {is_}'
            )
        changes += [
            f'the weights were trained on an input "{name}" made of '
            f"{_listed(before.inputs[name].columns)}, and here it is {_listed(feature.columns)}"
            for name, feature in self.inputs.items()
            if name in before.inputs and before.inputs[name].columns != feature.columns
        ]
        for name, feature in self.inputs.items():
            earlier = before.inputs.get(name)
            if earlier is None or earlier.columns != feature.columns:
                continue
            made: list[Any] = [
                [each.meaning for each in one.prepared]
                if one.prepared is not None
                else one.image or one.sound
                for one in (earlier, feature)
            ]
            if made[0] != made[1]:
                changes.append(
                    f'the columns of the input "{name}" become other numbers than those that the '
                    "weights were trained on"
                )
        return changes

    def to_json(self) -> str:
        """Return the record as JSON, numbers exact to the last bit."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_json(cls, text: str) -> Preprocessing:
        """Read what `to_json` wrote; raises DataError for anything else."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise DataError(
                f"the preprocessing record cannot be read: {place or 'it'}: {first['msg']}"
            ) from None


def _listed(names: Sequence[str] | None) -> str:
    if names is None:
        return "that are numbers"
    more = ", ..." if len(names) > 8 else ""
    return ", ".join(f'"{name}"' for name in names[:8]) + more
