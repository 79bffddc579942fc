"""A loss that is what the network gives."""

from typing import Literal

from pydantic import Field

from nnspec.language.losses import Loss
from nnspec.layers.fields import Text

ROWS: dict[str, type[Loss]] = {}
"""Those of this file: each row stands below its class."""


class Value(Loss):
    """Mean over all elements of an output, such as the divergence of a VAE; no target is read."""

    takes = "nothing"
    compares = "nothing"
    usual_metrics = ()

    type: Literal["value"] = "value"
    output: Text | None = Field(default=None, description="Of several outputs, which.")


ROWS["value"] = Value
