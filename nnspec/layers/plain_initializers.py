"""Initializers whose values depend on no fan."""

from typing import Literal

from pydantic import Field

from nnspec.layers.fields import Number, Positive
from nnspec.layers.initializers import InitializerBase


class Constant(InitializerBase):
    """Every element the same value."""

    type: Literal["constant"] = "constant"
    value: Number = Field(description="The value of every element.")


class Normal(InitializerBase):
    """Normal of mean 0 and this deviation."""

    type: Literal["normal"] = "normal"
    stddev: Positive = Field(
        default=0.02, description="The deviation; 0.02 as in GPT-2 and BERT by default."
    )
