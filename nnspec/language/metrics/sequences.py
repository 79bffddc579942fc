"""Metrics of lists of labels."""

from typing import Literal

from nnspec.language.metrics import Metric

ROWS: dict[str, type[Metric]] = {}
"""Those of this file: each row stands below its class."""


class LabelErrorRate(Metric):
    """Insertions, deletions and substitutions that lead to the labels, over the count of labels.

    The labels of a row are those of the best class of each step, repeats as one, without blanks.
    Of characters it is the character error rate. Left out where the rows have no labels.
    """

    fits = ("labels",)
    better = "min"

    type: Literal["label_error_rate"] = "label_error_rate"


ROWS["label_error_rate"] = LabelErrorRate
