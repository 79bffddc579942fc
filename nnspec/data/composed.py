"""The rows of a training that minimises several losses: a target for each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.data import parts as reading
from nnspec.data.preprocessing import (
    Answer,
    Feature,
    Preprocessing,
    require_equal_lengths,
)
from nnspec.data.tables import Rows
from nnspec.data.targets import Target, columns_of, read_target
from nnspec.errors import DataError
from nnspec.language.losses.targets import wanted
from nnspec.language.training_schema import Data
from nnspec.network.loader import Spec
from nnspec.network.objectives import Term, terms_of

Array = NDArray[Any]


def prepare_composed(
    spec: Spec, rows: Rows, *, file: str | Path
) -> tuple[dict[str, Array], dict[str, Array], dict[str, NDArray[np.intp]], Preprocessing]:
    """Return the inputs, the targets, the rows of each part, and how they are made."""
    data, training = spec.model.data, spec.model.training
    assert data is not None
    assert training is not None
    terms = terms_of(spec.model, spec.graph)
    # First, since a pattern of features would take a misspelt target for one of them.
    columns = {term.output: _columns(term, rows, file) for term in terms}
    features, raw = _gathered(spec, rows, columns, file)
    targets = {term.output: _target(term, rows, columns[term.output], file) for term in terms}
    count = _count(raw, {name: target.values for name, target in targets.items()}, file)
    parts = reading.split(count, data, training.seed, file)
    if data.standardize:
        features = reading.standardised(features, raw, parts["train"])
    inputs = reading.finished(spec.graph, features, raw, rows, file)
    answers = {
        term.output: Answer(
            task=term.training.task,
            target=", ".join(_data(term).targets),
            columns=columns[term.output] if len(columns[term.output]) > 1 else None,
            labels=targets[term.output].labels,
            class_axis=axis if (axis := term.training.resolved_loss.class_axis) != -1 else None,
        )
        for term in terms
    }
    first = next(iter(answers.values()))
    preprocessing = Preprocessing(
        inputs=features, task=first.task, target=first.target, answers=answers
    )
    found = {name: target.values for name, target in targets.items()}
    return inputs, found, parts, preprocessing


def composed_rows(
    spec: Spec, rows: Rows, file: str | Path
) -> tuple[dict[str, Array], dict[str, Array] | None]:
    """Return what `read_rows` does; the targets where the rows have all of them."""
    data = spec.model.data
    assert data is not None
    terms = terms_of(spec.model, spec.graph)
    try:
        columns = {term.output: _columns(term, rows, file) for term in terms}
    except DataError:
        columns = {}
    features, raw = _gathered(spec, rows, columns, file)
    targets = None
    if columns:
        found = {term.output: _target(term, rows, columns[term.output], file) for term in terms}
        targets = {name: target.values for name, target in found.items()}
    count = _count(raw, targets or {}, file)
    if data.standardize:
        features = reading.standardised(features, raw, np.arange(count))
    return reading.finished(spec.graph, features, raw, rows, file), targets


def _gathered(
    spec: Spec, rows: Rows, columns: Mapping[str, tuple[str, ...]], file: str | Path
) -> tuple[dict[str, Feature], dict[str, Array]]:
    data = spec.model.data
    assert data is not None
    targets = tuple(name for names in columns.values() for name in names)
    features = reading.features_of(spec.graph, data, rows, file, targets)
    return features, {name: each.gather(rows, name, file) for name, each in features.items()}


def _count(raw: Mapping[str, Array], targets: Mapping[str, Array], file: str | Path) -> int:
    lengths = {name: len(values) for name, values in raw.items()}
    lengths |= {f"the target of {name}": len(values) for name, values in targets.items()}
    require_equal_lengths(lengths, file)
    return next(iter(lengths.values()))


def _data(term: Term) -> Data:
    assert term.model.data is not None
    return term.model.data


def _columns(term: Term, rows: Rows, file: str | Path) -> tuple[str, ...]:
    return columns_of(rows, _data(term), file)


def _target(term: Term, rows: Rows, columns: tuple[str, ...], file: str | Path) -> Target:
    output = term.graph.types[term.output].shape
    try:
        choices = wanted(term.training.resolved_loss, output)
        return read_target(rows, columns, term.training.task, output, file=file, choices=choices)
    except DataError as error:
        raise DataError(f'{error} (the target of the output "{term.output}")') from None
