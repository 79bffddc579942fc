"""`nnspec check --data`: whether the rows of a spec can be trained on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from nnspec.data.rows import load_data
from nnspec.errors import DataError, Problem, SpecError, UsageError
from nnspec.language.objectives import is_composed
from nnspec.network.loader import Spec
from nnspec.network.networks import Networks
from nnspec.network.places import placed
from nnspec.training.batches import require_batches
from nnspec.training.lengths import with_steps
from nnspec.training.metrics import require_measurable


def problem_of_data(spec: Spec | Networks, path: str) -> Problem | None:
    """Return why the spec, of a training and data, cannot be trained on its rows, or None."""
    try:
        if not isinstance(spec, Spec):
            from nnspec.training.adversarial import load_rows  # which few specs need

            load_rows(spec)
            return None
        training = spec.model.training
        assert training is not None
        if is_composed(spec.model):
            from nnspec.training.composed import require_composed, require_watched

            require_composed(spec)
            rows = load_data(spec)
            require_watched(spec, rows)
        else:
            require_measurable(training)
            rows = load_data(spec)
        if spec.model.data is not None and spec.model.data.augment:
            from nnspec.data.augmentable import require_augmentable

            require_augmentable(spec)
        with_steps(spec, len(rows.train))
        require_batches(spec.graph, len(rows.train), training.batch_size)
    except DataError as error:
        problem = Problem("wrong-data", str(error), file=path)
        return placed(problem, spec, *_keys_of(spec, str(error)))
    except SpecError as error:
        return error.problems[0]._replace(file=path)
    except UsageError as error:
        return placed(Problem("not-trainable", str(error), file=path), spec, "training")
    return None


def _keys_of(spec: Spec | Networks, message: str) -> tuple[str, ...]:
    """Return the keys of what a message on rows is of: the column that it names, or the file."""
    data = (spec.model if isinstance(spec, Spec) else spec.document).data
    names = re.findall(r'"([^"]+)"', message)
    for keys, columns in _columns(data) if data is not None else ():
        if any(fnmatchcase(name, each) or name == each for each in columns for name in names):
            return keys
    return ("data", "source")


def _columns(data: object) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield the keys of each place that names columns or arrays, and those names."""
    for key in ("features", "target", "sample_weight", "balance", "resample"):
        given = getattr(data, key, None)
        parts = given.items() if isinstance(given, Mapping) else [("", given)]
        for name, columns in parts:
            listed = (columns,) if isinstance(columns, str) else columns
            if isinstance(listed, tuple | list):
                yield ("data", key, *([name] if name else [])), tuple(listed)
    split = getattr(data, "split", None)
    if split is not None:
        yield ("data", "split", split.kind), (split.column,)
