"""`nnspec check --data`: whether the rows of a spec can be trained on."""

from __future__ import annotations

from nnspec.data.rows import load_data
from nnspec.errors import DataError, Problem, UsageError
from nnspec.language.objectives import is_composed
from nnspec.network.loader import Spec
from nnspec.network.networks import Networks
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
        with_steps(spec, len(rows.train))
        require_batches(spec.graph, len(rows.train), training.batch_size)
    except DataError as error:
        return Problem("wrong-data", str(error), file=path)
    except UsageError as error:
        return Problem("not-trainable", str(error), file=path)
    return None
