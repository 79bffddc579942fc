"""What of the language's training no case of the matrix has."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from nnspec.language.augmentation import Augmentation
from nnspec.language.averages import Average
from nnspec.language.clipping import Clip
from nnspec.language.losses import LOSSES
from nnspec.language.metrics import METRICS
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.language.optimizers.groups import Group
from nnspec.language.pictures import Normalization, Picture
from nnspec.language.preparation import Categories, Constant, Preparation
from nnspec.language.regularization import Term
from nnspec.language.schedules import SCHEDULES
from nnspec.language.sounds import Sound
from nnspec.language.splitting import Split
from nnspec.language.streaming import Stream
from nnspec.language.texts import Texts
from nnspec.language.training_schema import Data, Training
from nnspec.language.watching import Stop
from nnspec.language.windows import Windows
from nnspec.network.loader import loads
from tests.matrix.networks import Document

TABLES: tuple[Mapping[str, type[BaseModel]], ...] = (LOSSES, OPTIMIZERS, SCHEDULES, METRICS)
PREPARED: tuple[type[BaseModel], ...] = (Preparation, Categories, Constant, Texts)
IMAGES: tuple[type[BaseModel], ...] = (Picture, Normalization, Augmentation, Sound)
RECORDS: tuple[type[BaseModel], ...] = (
    *(Training, Data, Stop, Clip, Average, Term, Group, Split, Windows, Stream),
    *PREPARED,
    *IMAGES,
)
WITHOUT: dict[tuple[str, str], str] = {
    ("Value", "output"): "it becomes the name of the loss in the document",
}
"""(Class, field) -> why no case gives it another value than its default."""

Field = tuple[str, str]


def every() -> set[Field]:
    """Return each field of what a training is made of, by the class that declares it."""
    found: set[Field] = set()
    for table in TABLES:
        found |= fields_of(table.values(), table)
    return (found | fields_of(RECORDS, {})) - WITHOUT.keys()


def fields_of(classes: Iterable[type[BaseModel]], table: Mapping[str, Any]) -> set[Field]:
    """Return the fields of these classes; of a record of a table also that one has it at all."""
    fields = {(_owner(cls, name), name) for cls in classes for name in cls.model_fields}
    kinds = {(cls.__name__, "type") for cls in table.values()}
    return {field for field in fields if field[1] not in ("type", "schedule")} | kinds


def met(cases: Iterable[Document]) -> set[Field]:
    """Return those of which a case has another value than the default."""
    found: set[Field] = set()
    for case in cases:
        model = loads(json.dumps(case), is_json=True).model
        found |= met_by(model.training) | met_by(model.data)
    return found


def met_by(record: Any) -> set[Field]:
    """Return the fields of a record, and of those in it, that are not their defaults."""
    return set(_met(record))


def _met(value: Any) -> Iterator[Field]:
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple):
        for each in value:
            yield from _met(each)
    if not isinstance(value, BaseModel):
        return
    yield type(value).__name__, "type"
    for name, field in type(value).model_fields.items():
        given = getattr(value, name)
        if given != field.get_default(call_default_factory=True):
            yield _owner(type(value), name), name
        yield from _met(given)


def _owner(cls: type[BaseModel], name: str) -> str:
    declaring = [each for each in cls.__mro__ if name in inspect.get_annotations(each)]
    return declaring[-1].__name__
