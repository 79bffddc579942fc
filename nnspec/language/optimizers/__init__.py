"""The optimizers of the spec language, and the table from `type` to class."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.language.optimizers.groups import (
    Amount,
    Groups,
    Part,
    Settings,
    amount_of,
    own_settings,
)
from nnspec.language.schedules import LearningRate, Schedule
from nnspec.layers.fields import Frozen
from nnspec.layers.registry import RowsOfFiles

RATE = "Step size: a number, or a schedule such as {schedule: cosine, peak: 0.001, steps: 1000}."


Step = Callable[[Any, Any, int], Any]
"""(parameter, its gradient, number of the step from 1) -> the parameter afterwards; arrays."""
Formula = Callable[[Any, Any, int, float], Any]
"""The same, of the parameter after its decay, with the rate of the step."""


class Optimizer(Frozen):
    """Base of the optimizers; g is the gradient, p the parameter, t counts steps from 1."""

    takes_schedule: ClassVar[bool] = True
    """Whether each step has a rate of its own."""
    takes_matrices: ClassVar[bool] = False
    """Whether it treats hidden matrices otherwise than all else."""
    holds_decay: ClassVar[bool] = False
    """Whether `decay` is a part of its formula, and not taken before."""
    keeps_average: ClassVar[bool] = False
    """Whether what it trains is an average of what the network is trained with."""
    cycled: ClassVar[str | None] = None
    """The field that a schedule with cycle_momentum has a value of for each step, if one may."""

    type: str
    learning_rate: LearningRate
    l2: Amount = Field(
        default=0.0,
        description="Times each parameter, is added to its gradient: a number, or {rate, of}.",
    )
    decay: Amount = Field(
        default=0.0,
        description="Times the learning rate, of each parameter it is taken away before the step: "
        "a number, or {rate: 0.01, of: weights}.",
    )
    groups: Groups = Field(
        default=(), description="Parameters with a learning_rate, l2 or decay of their own."
    )

    @model_validator(mode="after")
    def _takes_momenta(self) -> Self:
        if self.cycles_momentum and self.cycled is None:
            raise PydanticCustomError(
                "wrong_value",
                "a schedule without cycle_momentum is expected: {type} has no one momentum or "
                "beta_1 that may change from step to step, as {others} have",
                {"type": self.type, "others": ", ".join(_cycling())},
            )
        return self

    @property
    def cycles_momentum(self) -> bool:
        """Whether its schedule says a momentum of each step as well."""
        rate = self.learning_rate
        return isinstance(rate, Schedule) and rate.cycles_momentum

    def momentum_of(self, step: int) -> float:
        """Return the momentum, or beta_1, of the step after so many."""
        assert self.cycled is not None
        if isinstance(self.learning_rate, Schedule) and self.cycles_momentum:
            return self.learning_rate.momentum_at(step)
        value: float = getattr(self, self.cycled)
        return value

    def begun(self) -> Self:
        """Return it with the momentum of the first step, where a schedule says one."""
        if not self.cycles_momentum or self.cycled is None:
            return self
        return self.model_copy(update={self.cycled: self.momentum_of(0)})

    @property
    def is_grouped(self) -> bool:
        """Whether parameters have settings by their names."""
        return bool(self.groups) or any(isinstance(each, Part) for each in (self.l2, self.decay))

    def rate(self, step: int) -> float:
        """Return the learning rate of the step after so many."""
        if isinstance(self.learning_rate, Schedule):
            return self.learning_rate.at(step)
        return self.learning_rate

    def settings(self, matches: Callable[[str], bool]) -> Settings:
        """Return the settings of a parameter. matches: whether a pattern is of it."""
        found = Settings(l2=amount_of(self.l2, matches), decay=amount_of(self.decay, matches))
        group = next((each for each in self.groups if any(map(matches, each.match))), None)
        return found if group is None else found._replace(**own_settings(group))

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the arrays that it remembers of each parameter."""
        return ()

    def shapes(self, shape: tuple[int, ...], own: Settings) -> dict[str, tuple[int, ...]]:
        """Return the slots of a parameter of this shape and these settings, and their shapes."""
        return dict.fromkeys(self.slots, shape)

    @property
    def scalars(self) -> tuple[str, ...]:
        """Names of the numbers that it remembers of all parameters."""
        return ()

    @property
    def begin_as_parameters(self) -> tuple[str, ...]:
        """Slots that begin as the parameter that they are of."""
        return ()

    def scalar_after(self, name: str, steps: int) -> float:
        """Return a number that it remembers after so many steps."""
        return self.first(name)

    def first(self, slot: str) -> float:
        """Return what each element of a slot, or a number, begins at."""
        return 0.0

    def formula(self) -> Formula | None:
        """Return the formula of one parameter, which remembers what it needs.

        None where there is none to follow.
        """
        return None

    def formula_of(self, own: Settings) -> Formula | None:
        """Return the formula of a parameter of these settings."""
        return self.formula()

    def steps(self, own: Settings | None = None) -> Step | None:
        """Return the formula as steps of one parameter, with its settings.

        A verification follows each source by it; None where there is none to follow. own: the
        settings; without them those of a parameter that every pattern is of.
        """
        settings = self.settings(lambda pattern: True) if own is None else own
        formula = self.formula_of(settings)
        if formula is None:
            return None

        def step(parameter: Any, gradient: Any, number: int) -> Any:
            rate = settings.rate_of(self.rate(number - 1))
            if settings.l2:
                gradient = gradient + settings.l2 * parameter
            if settings.decay and not self.holds_decay:
                parameter = parameter * (1 - rate * settings.decay)
            return formula(parameter, gradient, number, rate)

        if self.keeps_average:
            vars(step)["average"] = vars(formula)["average"]
        return step


OPTIMIZERS: RowsOfFiles[Optimizer] = RowsOfFiles(
    __name__, "adam", "sgd", "scaled", "kin", "older", "factored", "orthogonal", "schedule_free"
)
"""The optimizers by `type`, from the files of this folder, what most specs use first."""


def _cycling() -> list[str]:
    return [kind for kind, each in OPTIMIZERS.items() if each.cycled is not None]
