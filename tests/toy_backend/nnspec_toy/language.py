"""What the toy brings to the spec language: a layer, a loss, an optimizer, a schedule."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nnspec.language.losses import Loss
from nnspec.language.optimizers import Optimizer
from nnspec.language.schedules import LearningRate, Schedule
from nnspec.layers import Activation
from nnspec.layers.base import DataFormat
from nnspec.layers.fields import Fraction, Positive, Size
from nnspec.layers.shapes import Shape


class Swing(Activation):
    """x + amplitude · sin(x); shape unchanged."""

    type: Literal["swing"] = "swing"
    amplitude: Positive = Field(default=0.5, description="Height of the wave.")

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        """Return the shape of the input."""
        return inputs


class SoftAbsolute(Loss):
    """Mean of log cosh(y - target) over all elements."""

    type: Literal["soft_absolute"] = "soft_absolute"


class Rms(Optimizer):
    """s = rho · s + (1 - rho) · g²; p -= learning_rate · g / (√s + 1e-6)."""

    type: Literal["rms"] = "rms"
    learning_rate: LearningRate = Field(default=0.01, description="Step size.")
    rho: Fraction = Field(default=0.9, description="Weight of the past squares.")


class Harmonic(Schedule):
    """initial / (1 + t / steps)."""

    counted = ("steps",)

    schedule: Literal["harmonic"] = "harmonic"
    initial: Positive = Field(description="The rate of the first step.")
    steps: Size = Field(description="Optimizer steps until it is half.")

    @property
    def base(self) -> float:
        """The first rate."""
        return self.initial

    def at(self, step: int) -> float:
        """Return the learning rate of the step after so many."""
        return self.initial / (1 + step / self.steps)
