"""Optimizers that step by matrices, each as a whole."""

import math
from typing import Annotated, Any, Literal

from pydantic import Field

from nnspec.language.optimizers import RATE, Formula, Optimizer
from nnspec.language.optimizers.groups import Amount, Settings
from nnspec.language.schedules import LearningRate
from nnspec.layers.fields import Flag, Fraction, Positive

ROWS: dict[str, type[Optimizer]] = {}
"""Those of this file: each row stands below its class."""

COEFFICIENTS = 3.4445, -4.775, 2.0315
"""Of x = a · x + (b · s + c · s²) · x, s = x · xᵀ: Jordan et al. 2024."""
Iterations = Annotated[int, Field(strict=True, ge=1, lt=100)]


class Muon(Optimizer):
    """m = μ · m + (1-μ) · g; p -= learning_rate · scale · orthogonal((1-μ) · g + μ · m).

    Of hidden matrices alone: weights of two axes, but for embeddings, normalisations and the last
    weights before an output. All other parameters take the step of adam. scale is 0.2 · √max(rows,
    columns), or √max(1, rows / columns). orthogonal: by ns_steps of Newton and Schulz, in the
    precision of p (torch.optim.Muon: in bfloat16). Jordan et al. 2024, Liu et al. 2025.
    """

    takes_matrices = True

    type: Literal["muon"] = "muon"
    learning_rate: LearningRate = Field(default=0.001, description=RATE)
    momentum: Fraction = Field(default=0.95, description="μ, the decay of the mean.")
    nesterov: Flag = Field(default=True, description="Whether the step looks ahead; else it is m.")
    ns_steps: Iterations = Field(default=5, description="Iterations that make it orthogonal.")
    least_norm: Positive = Field(default=1e-7, description="The least norm that is divided by.")
    scale: Literal["match_rms_adamw", "original"] = Field(
        default="match_rms_adamw", description="A step as large as adamw's, or the first authors'."
    )
    beta_1: Fraction = Field(default=0.9, description="Of the others, as adam's.")
    beta_2: Fraction = Field(default=0.999, description="Of the others, as adam's.")
    epsilon: Positive = Field(default=1e-8, description="Of the others, as adam's.")
    decay: Amount = Field(
        default=0.1, description="Decay of each parameter, times the rate; or {rate, of}."
    )

    @property
    def slots(self) -> tuple[str, ...]:
        """The mean m of a matrix, and those of adam."""
        return ("velocity", "mean", "square")

    def shapes(self, shape: tuple[int, ...], own: Settings) -> dict[str, tuple[int, ...]]:
        """Return m of a hidden matrix, and the means of adam of others."""
        return dict.fromkeys(("velocity",) if own.is_matrix else ("mean", "square"), shape)

    def scale_of(self, rows: int, columns: int) -> float:
        """Return what the orthogonal matrix of a shape is multiplied by."""
        if self.scale == "original":
            return math.sqrt(max(1.0, rows / columns))
        return 0.2 * math.sqrt(max(rows, columns))

    def formula_of(self, own: Settings) -> Formula:
        """Return the formula of one parameter."""
        if not own.is_matrix:
            from nnspec.language.optimizers.adam import Adam

            return Adam(beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon).formula()
        velocity: Any = 0.0

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal velocity
            velocity = self.momentum * velocity + (1 - self.momentum) * gradient
            ahead = (1 - self.momentum) * gradient + self.momentum * velocity
            move = self._orthogonal(ahead if self.nesterov else velocity)
            return parameter - rate * self.scale_of(*parameter.shape) * move

        return step

    def formula(self) -> Formula:
        """Return the formula of a parameter that is no hidden matrix."""
        return self.formula_of(Settings())

    def _orthogonal(self, matrix: Any) -> Any:
        a, b, c = COEFFICIENTS
        is_tall = matrix.shape[0] > matrix.shape[1]
        x = matrix.T if is_tall else matrix
        x = x / max((x**2).sum() ** 0.5, self.least_norm)
        for _ in range(self.ns_steps):
            square = x @ x.T
            x = a * x + (b * square + c * square @ square) @ x
        return x.T if is_tall else x


ROWS["muon"] = Muon
