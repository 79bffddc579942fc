"""Optimizers that remember less than a number of each parameter."""

from typing import Annotated, Any, Literal

from pydantic import Field

from nnspec.language.optimizers import RATE, Formula, Optimizer
from nnspec.language.optimizers.groups import Settings
from nnspec.language.schedules import LearningRate
from nnspec.layers.fields import Positive

ROWS: dict[str, type[Optimizer]] = {}
"""Those of this file: each row stands below its class."""

Power = Annotated[float, Field(strict=True, ge=-1, lt=0)]
Threshold = Annotated[float, Field(strict=True, ge=1, le=1e30)]


class Adafactor(Optimizer):
    """p -= min(learning_rate, 1/√t) · max(epsilon_2, rms(p)) · u / max(1, rms(u) / clip_threshold).

    u = g / √max(v, epsilon_1²). v is the mean of g² that step t has t^beta_2_decay of; of two axes
    or more, r · c / max(mean r, epsilon_1), r and c those means over the last axis and the one
    before it. Shazeer and Stern 2018, as torch.optim.Adafactor.
    """

    type: Literal["adafactor"] = "adafactor"
    learning_rate: LearningRate = Field(default=0.01, description=RATE)
    beta_2_decay: Power = Field(default=-0.8, description="Power of t; -0.8 as in the paper.")
    epsilon_1: Positive = Field(default=1e-15, description="The least √v: √1e-30, as the paper's.")
    epsilon_2: Positive = Field(default=1e-3, description="The least size of a parameter.")
    clip_threshold: Threshold = Field(default=1.0, description="The greatest rms of u.")

    @property
    def slots(self) -> tuple[str, ...]:
        """The means v, r and c."""
        return ("square", "rows", "columns")

    def shapes(self, shape: tuple[int, ...], own: Settings) -> dict[str, tuple[int, ...]]:
        """Return r and c of two axes or more, and v of others."""
        if len(shape) < 2:
            return {"square": shape}
        return {"rows": (*shape[:-1], 1), "columns": (*shape[:-2], 1, shape[-1])}

    def formula(self) -> Formula:
        """Return the formula of one parameter, arrays of NumPy in PyTorch's layout."""
        from numpy import maximum  # a check needs none

        square: Any = 0.0
        rows: Any = 0.0
        columns: Any = 0.0

        def rms(array: Any) -> Any:
            return (array**2).mean() ** 0.5

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal square, rows, columns
            share = number**self.beta_2_decay
            squares = gradient**2
            if gradient.ndim < 2:
                square = square + share * (squares - square)
                estimate = square
            else:
                rows = rows + share * (squares.mean(-1, keepdims=True) - rows)
                columns = columns + share * (squares.mean(-2, keepdims=True) - columns)
                mean = maximum(rows.mean(-2, keepdims=True), self.epsilon_1)
                estimate = rows * columns / mean
            move = gradient / maximum(estimate, self.epsilon_1**2) ** 0.5
            length = max(1.0, rms(move) / self.clip_threshold)
            size = max(self.epsilon_2, rms(parameter)) * min(rate, number**-0.5)
            return parameter - size * move / length

        return step


ROWS["adafactor"] = Adafactor
