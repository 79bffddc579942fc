"""Losses of distributions: how unlikely the target is under what the network says of it."""

from typing import Literal

from pydantic import Field

from nnspec.language.losses import Gives, Loss
from nnspec.layers.fields import Flag, Positive
from nnspec.layers.shapes import Shape

ROWS: dict[str, type[Loss]] = {}
"""Those of this file: each row stands below its class."""


class KlDivergence(Loss):
    """Mean over rows of Σ target · (log target - log softmax(z)), z the logits on the last axis.

    The target is a probability per class; one of 0 adds 0. As torch.nn.KLDivLoss with
    reduction="batchmean" of log-probabilities, and, from logits, keras.losses.KLDivergence.
    """

    leaves_out = "softmax"
    takes = "distribution"
    measured_as = "multiclass"

    type: Literal["kl_divergence"] = "kl_divergence"


ROWS["kl_divergence"] = KlDivergence


class Poisson(Loss):
    """Mean over all elements of exp(y) - target · y, y the logarithm of the rate of a count.

    As torch.nn.PoissonNLLLoss. Of the rate itself (`log_input: false`): y - target ·
    log(max(y, epsilon)), as keras.losses.Poisson, which adds epsilon.
    """

    takes = "amounts"
    compares = "rates"
    measured_as = "regression"

    type: Literal["poisson"] = "poisson"
    log_input: Flag = Field(
        default=True, description="Whether the output is the rate's logarithm, or the rate."
    )
    epsilon: Positive = Field(default=1e-7, description="Smaller rates count as this.")

    @property
    def is_compared_whole(self) -> bool:
        return not self.log_input

    @property
    def gives(self) -> Gives | None:
        return "log rates" if self.log_input else None


ROWS["poisson"] = Poisson


class GaussianNll(Loss):
    """Mean over all targets of (log v + (target - m)² / v) / 2, v = max(exp(s), epsilon).

    The output's last axis holds first the means m, then as many s, the logarithms of the
    variances (`log_variance: false`: the variances). As torch.nn.GaussianNLLLoss, Nix and Weigend
    1994; log(2π) / 2 is left out.
    """

    takes = "halves"
    compares = "means"
    measured_as = "regression"

    type: Literal["gaussian_nll"] = "gaussian_nll"
    log_variance: Flag = Field(
        default=True, description="Whether s is the variance's logarithm, or the variance."
    )
    epsilon: Positive = Field(default=1e-6, description="Smaller variances count as this.")

    @property
    def gives(self) -> Gives | None:
        return "means and log variances" if self.log_variance else "means and variances"

    def refusal(self, output: Shape) -> str:
        size = output[-1] if output else 1
        is_even = not isinstance(size, int) or size % 2 == 0
        return "" if is_even else "takes as many variances as means on the last axis"

    def places(self, output: Shape) -> Shape:
        return output[:-1]


ROWS["gaussian_nll"] = GaussianNll
