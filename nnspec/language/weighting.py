"""Weights of rows, and of places within a row, in the loss and in the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnspec.language.schema import Model
    from nnspec.language.training_schema import Data

SAMPLE_WEIGHT = "sample_weight"
"""The name of the weights in emitted source, as in Keras and scikit-learn."""


def is_weighted(model: Model) -> bool:
    """Whether rows, or places within them, count by weights."""
    training, data = model.training, model.data
    return training is not None and (
        training.mask is not None or (data is not None and has_weights(data))
    )


def has_weights(data: Data) -> bool:
    """Whether the rows say, or are to be given, what each of them counts."""
    return data.sample_weight is not None or data.balance is not None
