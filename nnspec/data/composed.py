"""The rows of a training that minimises several losses: a target for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.data import parts as reading
from nnspec.data.arrays import require_equal_lengths
from nnspec.data.feature import Feature, Raw
from nnspec.data.folding import Fold, parts_of
from nnspec.data.preprocessing import Answer, Preprocessing
from nnspec.data.tables import Rows
from nnspec.data.targets import Target, columns_of, read_target
from nnspec.data.weighting import column_of
from nnspec.errors import DataError
from nnspec.language.losses.targets import wanted
from nnspec.language.training_schema import Data
from nnspec.network.loader import Spec
from nnspec.network.objectives import Term, terms_of

Array = NDArray[Any]


def prepare_composed(
    spec: Spec, rows: Rows, *, file: str | Path, fold: Fold | None = None
) -> tuple[dict[str, Array], dict[str, Array], dict[str, NDArray[np.intp]], Preprocessing]:
    """Return the inputs, the targets, the rows of each part, and how they are made."""
    data, training = spec.model.data, spec.model.training
    assert data is not None
    assert training is not None
    terms = terms_of(spec.model, spec.graph)
    # First, since a pattern of features would take a misspelt target for one of them.
    columns = {term.output: _columns(term, rows, file) for term in terms if _is_read(term)}
    features, raw = _gathered(spec, rows, columns, file)
    targets = {
        term.output: _target(term, rows, columns[term.output], file)
        for term in terms
        if _is_read(term)
    }
    count = _count(raw, {name: target.values for name, target in targets.items()}, file)
    parts = parts_of(rows, data, count, training.seed, file, fold)
    features = reading.learned(data, features, raw, parts["train"], file)
    inputs = reading.finished(spec.graph, features, raw, rows, file)
    answers = {
        term.output: Answer(
            task=term.training.task,
            target=", ".join(_data(term).targets) if term.output in targets else term.output,
            columns=given if len(given := columns.get(term.output, ())) > 1 else None,
            labels=targets[term.output].labels if term.output in targets else None,
            class_axis=axis if (axis := term.training.resolved_loss.class_axis) != -1 else None,
            gives=term.training.resolved_loss.gives,
        )
        for term in terms
    }
    first = next(iter(answers.values()))
    preprocessing = Preprocessing(
        inputs=features, task=first.task, target=first.target, answers=answers
    )
    found = {name: target.values for name, target in targets.items()}
    return inputs, _with_own(terms, found, inputs), parts, preprocessing


def composed_rows(
    spec: Spec, rows: Rows, file: str | Path, trained: dict[str, Feature] | None = None
) -> tuple[dict[str, Array], dict[str, Array] | None]:
    """Return what `read_rows` does; the targets where the rows have all of them.

    trained: the features by the spec's own training rows, where columns are prepared.
    """
    data = spec.model.data
    assert data is not None
    terms = terms_of(spec.model, spec.graph)
    try:
        columns = {term.output: _columns(term, rows, file) for term in terms if _is_read(term)}
        has_all = all(term.taught is None for term in terms)
    except DataError:
        columns, has_all = {}, False
    features, raw = _gathered(spec, rows, columns, file)
    by_name = {term.output: term for term in terms}
    targets = {name: _target(by_name[name], rows, columns[name], file).values for name in columns}
    count = _count(raw, targets, file)
    features = trained or reading.learned(data, features, raw, np.arange(count), file)
    inputs = reading.finished(spec.graph, features, raw, rows, file)
    return inputs, _with_own(terms, targets, inputs) if has_all else None


def _is_read(term: Term) -> bool:
    """Whether the rows hold the target of a loss: it takes one, no input's, and no teacher's."""
    return term.loss.takes != "nothing" and term.own is None and term.taught is None


def _with_own(
    terms: Sequence[Term], targets: Mapping[str, Array], inputs: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the targets with those that inputs are; zeros for what is not of the rows."""
    rows = len(next(iter(inputs.values())))
    found = {}
    for term in terms:
        own = term.own
        if term.output in targets:
            found[term.output] = targets[term.output]
        elif own is None or term.loss.takes == "nothing":
            found[term.output] = np.zeros(rows, np.float32)
        elif own.input is not None:
            is_classes = term.training.kind == "multiclass"
            found[term.output] = inputs[own.name].astype(np.int64 if is_classes else np.float32)
        else:
            ids = inputs[own.name].astype(np.int64)
            last = np.full_like(ids[:, :1], int(term.loss.ignored or 0))
            found[term.output] = np.concatenate([ids[:, 1:], last], axis=1)
    return found


def _gathered(
    spec: Spec, rows: Rows, columns: Mapping[str, tuple[str, ...]], file: str | Path
) -> tuple[dict[str, Feature], dict[str, Raw]]:
    data = spec.model.data
    assert data is not None
    targets = tuple(name for names in columns.values() for name in names) + column_of(data)
    features = reading.features_of(spec.graph, data, rows, file, targets)
    return features, {name: each.gather(rows, name, file) for name, each in features.items()}


def _count(raw: Mapping[str, Raw], targets: Mapping[str, Array], file: str | Path) -> int:
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
