"""Settings of some parameters alone: what is decayed, and groups with rates of their own."""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from nnspec.layers.fields import Frozen, NotNegative, OneOrMany, Positive
from nnspec.layers.records import NumberOrOne

WEIGHTS = "weights"
"""The word for all but biases, scales and offsets of normalisations, and what else has one axis."""


class Part(Frozen):
    """A number for some parameters, and 0 for all others."""

    rate: NotNegative = Field(description="The number.")
    of: OneOrMany = Field(
        description="Names of parameters or patterns, such as encoder.*; `weights` leaves out "
        "biases, scales and offsets of normalisations, and whatever has one axis.",
        min_length=1,
    )


class Scale(Frozen):
    """A multiple of the optimizer's learning rate."""

    scale: Positive = Field(description="Times the learning rate.")


class Group(Frozen):
    """Parameters with settings of their own; the first group that matches a name holds."""

    match: OneOrMany = Field(
        description="Names of parameters or patterns, such as encoder.*, or `weights`.",
        min_length=1,
    )
    learning_rate: Annotated[Positive | Scale, NumberOrOne(Scale, number=Positive)] | None = Field(
        default=None, description="A number, or {scale: 0.1}, times the optimizer's."
    )
    l2: NotNegative | None = Field(default=None, description="As the optimizer's.")
    decay: NotNegative | None = Field(default=None, description="As the optimizer's.")


Amount = Annotated[NotNegative | Part, NumberOrOne(Part, number=NotNegative)]
Groups = Annotated[tuple[Group, ...], Field(strict=False)]


class Settings(NamedTuple):
    """The settings of one parameter; rate: of its own, where that is no multiple.

    is_matrix: whether it is a hidden matrix, where that matters.
    """

    scale: float = 1.0
    rate: float | None = None
    l2: float = 0.0
    decay: float = 0.0
    is_matrix: bool = False

    def rate_of(self, rate: float) -> float:
        """Return its learning rate where the optimizer's is this."""
        return self.rate if self.rate is not None else self.scale * rate


def amount_of(given: float | Part, matches: Callable[[str], bool]) -> float:
    """Return the amount for a parameter. matches: whether a pattern is of it."""
    if isinstance(given, Part):
        return given.rate if any(map(matches, given.of)) else 0.0
    return given


def own_settings(group: Group) -> dict[str, Any]:
    """Return the settings of a group's own."""
    own: dict[str, Any] = {
        key: value for key in ("l2", "decay") if (value := getattr(group, key)) is not None
    }
    if isinstance(group.learning_rate, Scale):
        own["scale"] = group.learning_rate.scale
    elif group.learning_rate is not None:
        own["rate"] = group.learning_rate
    return own
