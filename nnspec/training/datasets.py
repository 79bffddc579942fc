"""The rows that a training takes, ready for the network."""

from __future__ import annotations

from nnspec.data.dataset import Dataset
from nnspec.data.folding import Fold
from nnspec.data.rows import load_data
from nnspec.language.objectives import is_composed
from nnspec.network.loader import Spec


def dataset_of(spec: Spec, fold: Fold | None = None) -> Dataset:
    """Return the rows that a spec names, with what a teacher says of them, if it has one.

    fold: the one that is for validation.
    """
    data = load_data(spec, fold)
    if is_composed(spec.model):
        from nnspec.training.teaching import taught  # which few specs need

        data = taught(spec, data)
    return data
