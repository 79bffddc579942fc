"""Clipping of gradients, before the step of an optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.layers.fields import Frozen, Positive

SLIGHT = 1e-6
"""Added to a norm before it divides, as torch.nn.utils.clip_grad_norm_ does."""


class Clip(Frozen):
    """One of norm, norm_each, value: g · min(1, norm / (‖g‖ + 1e-6)), or g within ±value.

    After accumulation, before the optimizer; as torch.nn.utils.clip_grad_norm_, clip_grad_value_.
    """

    norm: Positive | None = Field(
        default=None, description="Largest norm of the gradients of all parameters together."
    )
    norm_each: Positive | None = Field(
        default=None, description="Largest norm of the gradient of each parameter by itself."
    )
    value: Positive | None = Field(
        default=None, description="Largest size of each element of the gradients."
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.given) != 1:
            given = ", ".join(self.given) or "none"
            raise PydanticCustomError(
                "wrong_type",
                "one of norm, norm_each and value is expected, not {given}",
                {"given": given},
            )
        return self

    @property
    def given(self) -> dict[str, float]:
        """The keys that are set; of a valid record it is one."""
        named = {"norm": self.norm, "norm_each": self.norm_each, "value": self.value}
        return {name: value for name, value in named.items() if value is not None}

    @property
    def kind(self) -> str:
        """The key that is set."""
        return next(iter(self.given))

    def clipped(self, gradients: Mapping[str, Any]) -> dict[str, Any]:
        """Return the gradients, arrays of NumPy, as they are clipped."""
        if self.value is not None:
            return {name: each.clip(-self.value, self.value) for name, each in gradients.items()}
        squares = {name: float((each**2).sum()) for name, each in gradients.items()}
        if self.norm_each is not None:
            factors = {name: self.norm_each / (s**0.5 + SLIGHT) for name, s in squares.items()}
        else:
            assert self.norm is not None
            total = float(sum(squares.values()) ** 0.5)
            factors = dict.fromkeys(gradients, self.norm / (total + SLIGHT))
        return {name: each * min(1.0, factors[name]) for name, each in gradients.items()}
