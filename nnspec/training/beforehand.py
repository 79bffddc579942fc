"""Checks of a training before its first step: the network, the backend and the rows."""

from __future__ import annotations

from nnspec.backend import Backend, Options, require_supported
from nnspec.data.dataset import Dataset
from nnspec.errors import UsageError
from nnspec.language.objectives import is_composed
from nnspec.network.loader import Spec
from nnspec.training.datasets import dataset_of
from nnspec.training.metrics import require_measurable


def require_trainable(spec: Spec, backend: Backend) -> None:
    """Raise UnsupportedError or UsageError where a backend cannot train what a spec says."""
    training = spec.model.training
    assert training is not None
    require_supported(backend, spec, Options(training=True))
    if is_composed(spec.model):
        from nnspec.training.composed import require_composed  # few specs have several losses

        require_composed(spec)
    else:
        require_measurable(training)
    if spec.model.data is not None and spec.model.data.augment:
        from nnspec.data.augmentable import require_augmentable  # which few specs need

        require_augmentable(spec)
    parameters = [parameter for _, parameter in spec.graph.parameters()]
    if not any(parameter.learns for parameter in parameters):
        has = "every parameter is frozen" if parameters else "it has no parameters"
        raise UsageError(f'there is nothing to train in "{spec.name}": {has}')


def rows_for(spec: Spec, data: Dataset | None = None) -> Dataset:
    """Return the rows to train on, by default those that the spec names; raises DataError."""
    if data is None:
        data = dataset_of(spec)
    if is_composed(spec.model):
        from nnspec.training.composed import require_watched

        require_watched(spec, data)
    return data
