"""Losses of numbers."""

from nnspec.emit.code import literal
from nnspec.emit.training import LossRow
from nnspec.language.losses import Loss, regression
from nnspec_keras.losses.bodies import written


def _huber(delta: float, *, over: float) -> tuple[str, ...]:
    """Return the lines of Huber's loss, divided by a number."""
    square = "ops.square(error) / 2" if over == 1 else f"ops.square(error) / {literal(2 * over)}"
    far = f"error - {literal(delta / 2)}"
    return (
        "error = ops.absolute(output - target)",
        f"far = {far}" if delta == over else f"far = {literal(delta / over)} * ({far})",
        f"return ops.mean(ops.where(error <= {literal(delta)}, {square}, far))",
    )


ROWS: dict[type[Loss], LossRow] = {
    regression.MeanSquaredError: written(
        "Mean squared error",
        "return ops.mean(ops.square(output - target))",
        says_mean=False,
    ),
    regression.MeanAbsoluteError: written(
        "Mean absolute error",
        "return ops.mean(ops.absolute(output - target))",
        says_mean=False,
    ),
    regression.Huber: lambda loss, rank: written("Huber's loss", *_huber(loss.delta, over=1.0)),
    regression.SmoothL1: lambda loss, rank: written(
        "Smooth L1 loss", *_huber(loss.beta, over=loss.beta)
    ),
    regression.LogCosh: written(
        "Logarithm of the hyperbolic cosine of the error",
        "error = ops.absolute(output - target)",
        "return ops.mean(error + ops.softplus(-2 * error)) - math.log(2)",
    ),
    regression.MeanAbsolutePercentageError: lambda loss, rank: written(
        "Mean absolute percentage error",
        f"size = ops.maximum(ops.absolute(target), {literal(loss.epsilon)})",
        "return 100 * ops.mean(ops.absolute(output - target) / size)",
        says_mean=False,
    ),
    regression.MeanSquaredLogarithmicError: written(
        "Mean squared logarithmic error",
        "error = ops.log1p(ops.relu(output)) - ops.log1p(ops.relu(target))",
        "return ops.mean(ops.square(error))",
        says_mean=False,
    ),
}
"""Loss -> its body."""
