"""Losses of numbers."""

from nnspec.emit.code import literal
from nnspec.emit.training import LossRow
from nnspec.language.losses import Loss, regression
from nnspec_torch.losses.bodies import calls, written

ROWS: dict[type[Loss], LossRow] = {
    regression.MeanSquaredError: calls("F.mse_loss", "Mean squared error"),
    regression.MeanAbsoluteError: calls("F.l1_loss", "Mean absolute error"),
    regression.Huber: lambda loss, rank: calls("F.huber_loss", "Huber's loss", delta=loss.delta),
    regression.SmoothL1: lambda loss, rank: calls(
        "F.smooth_l1_loss", "Smooth L1 loss", beta=loss.beta
    ),
    regression.LogCosh: written(
        "Logarithm of the hyperbolic cosine of the error",
        "error = (output - target).abs()",
        "return torch.mean(error + F.softplus(-2 * error)) - math.log(2)",
    ),
    regression.MeanAbsolutePercentageError: lambda loss, rank: written(
        "Mean absolute percentage error",
        f"size = target.abs().clamp(min={literal(loss.epsilon)})",
        "return 100 * torch.mean((output - target).abs() / size)",
    ),
    regression.MeanSquaredLogarithmicError: written(
        "Mean squared logarithmic error",
        "return F.mse_loss(F.relu(output).log1p(), F.relu(target).log1p())",
    ),
}
"""Loss -> its body."""
