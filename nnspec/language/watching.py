"""The measures that say which epoch is the best, and when a run stops."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from nnspec.layers.fields import Frozen, Size, Text

if TYPE_CHECKING:
    from nnspec.language.metrics import Kind, Metric

Better = Literal["min", "max"]
Delta = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]


class Keep(Frozen):
    """The measure by which an epoch's weights are the best, the first of equals."""

    metric: Text | None = Field(
        default=None,
        description="As the history names it, such as val_f1; by default val_loss, or loss where "
        "no rows are kept for validation.",
    )
    mode: Better | None = Field(
        default=None, description="What is better; by default by the metric."
    )


class Stop(Keep):
    """Stops after `patience` epochs in a row that are no better than the best by `min_delta`."""

    patience: Size = Field(default=5, description="Epochs in a row that may bring nothing.")
    min_delta: Delta = Field(default=0.0, description="By how much an epoch has to be better.")


def watched(record: Keep | None, *, has_validation: bool) -> str:
    """Return the name in the history of what a record watches."""
    if record is not None and record.metric is not None:
        return record.metric
    return "val_loss" if has_validation else "loss"


def better_of(record: Keep | None, name: str, metrics: "Iterable[Metric]", kind: "Kind") -> Better:
    """Return whether less or more is better of what a record watches by this name."""
    if record is not None and record.mode is not None:
        return record.mode
    found = metric_of(name, metrics, kind)
    return found.better if found is not None else "min"


def metric_of(name: str, metrics: "Iterable[Metric]", kind: "Kind") -> "Metric | None":
    """Return the metric that is reported by this name, or None: the loss, or none of them."""
    bare = name.removeprefix("val_")
    # However many classes there are: as many names as the number in this one asks for.
    number = bare.rpartition("_")[2]
    most = int(number) + 1 if number.isdecimal() and len(number) < 5 else 0
    return next((each for each in metrics if bare in each.names(kind, most)), None)
