"""Whether a training can draw rows by a column."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.errors import Problem
from nnspec.language.paths import mark_at
from nnspec.language.training_schema import Training


def resampling_problems(training: Training, tree: object) -> Iterator[Problem]:
    """Yield what forbids to draw rows anew in each epoch. tree: the document, with its places."""
    if not training.shuffle:
        yield Problem(
            "not-trainable",
            "`data.resample` draws the rows of an epoch; `shuffle: false` takes them as they are",
            "leave out `shuffle: false`, or balance by weights: `data.balance`",
            mark_at(("data", "resample"), tree),
        )
