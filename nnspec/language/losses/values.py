"""A loss that is what the network gives."""

from typing import Literal

from pydantic import Field

from nnspec.language.losses import Loss
from nnspec.layers.fields import Text

ROWS: dict[str, type[Loss]] = {}
"""Those of this file: each row stands below its class."""


class Value(Loss):
    """Mean over all elements of the output: what the network computes is what is minimised.

    The target is not read. Such as the divergence of a variational autoencoder, beside the loss of
    its reconstruction; or any loss that no list has.
    """

    takes = "nothing"

    type: Literal["value"] = "value"
    output: Text | None = Field(
        default=None, description="Which output, where there are several and it is the only loss."
    )


ROWS["value"] = Value
