"""A loss that is what the network gives."""

from nnspec.emit.training import LossRow
from nnspec.language.losses import Loss, values
from nnspec_keras.losses.bodies import written

ROWS: dict[type[Loss], LossRow] = {
    values.Value: written(
        "The mean of the output; the target is not read",
        "return ops.mean(output)",
        says_mean=False,
    )
}
"""Loss -> its body."""
