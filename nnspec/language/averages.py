"""Averages of the weights over the optimizer's steps."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.layers.fields import Fraction, Frozen, Size


class Average(Frozen):
    """ema: a = decay · a + (1 - decay) · p after each step; swa: the mean of p from a step on.

    a begins as p. What is measured, kept as the best and exported has a for p, and the running
    statistics as they are. As torch.optim.swa_utils.AveragedModel.
    """

    type: Literal["ema", "swa"] = Field(description="Exponential, or stochastic weight averaging.")
    decay: Fraction = Field(default=0.999, description="ema: weight of the average before.")
    start: Size = Field(default=1, description="swa: the first step whose weights count, from 1.")
    every: Size = Field(default=1, description="swa: steps from one that counts to the next.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        foreign = {"ema": {"start", "every"}, "swa": {"decay"}}[self.type] & self.model_fields_set
        if foreign:
            raise PydanticCustomError(
                "surplus_key",
                "an average of type {type} has no `{key}`",
                {"type": self.type, "key": sorted(foreign)[0]},
            )
        return self

    def share(self, step: int) -> float:
        """Return w of a += w · (p - a) after so many steps; 0 where none is taken."""
        if self.type == "ema":
            return 1.0 if step == 1 else 1 - self.decay
        after = step - self.start
        return 1 / (after // self.every + 1) if after >= 0 and after % self.every == 0 else 0.0

    def has_begun(self, step: int) -> bool:
        """Whether there is an average after so many steps."""
        return step >= self.start
