"""What a spec says of its training: losses, optimizers, metrics, data."""

from typing import Annotated, Literal

from pydantic import Field

from nnspec.layers.fields import (
    ByType,
    Count,
    Flag,
    Fraction,
    Frozen,
    OneOrMany,
    Positive,
    Size,
    Text,
)


class Loss(Frozen):
    """Base of the losses; each is a mean over the rows of the batch and over all other axes."""

    type: str


class MeanSquaredError(Loss):
    """Mean of (y - target)² over all elements."""

    type: Literal["mse"] = "mse"


class MeanAbsoluteError(Loss):
    """Mean of |y - target| over all elements; gradient 0 at 0."""

    type: Literal["mae"] = "mae"


class BinaryCrossEntropy(Loss):
    """Mean over all elements of softplus(z) - target · z, z the logit, target in [0, 1].

    The network may end in sigmoid; the loss is then computed from what goes into it.
    """

    type: Literal["binary_cross_entropy"] = "binary_cross_entropy"


class CategoricalCrossEntropy(Loss):
    """Mean over rows of -Σ target · log softmax(z), z the logits on the last axis.

    The target is a class number per row, or a probability per class. The network may end in
    softmax; the loss is then computed from what goes into it.
    """

    type: Literal["categorical_cross_entropy"] = "categorical_cross_entropy"


LOSSES: dict[str, type[Loss]] = {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "binary_cross_entropy": BinaryCrossEntropy,
    "categorical_cross_entropy": CategoricalCrossEntropy,
}


class Optimizer(Frozen):
    """Base of the optimizers; g is the gradient, p the parameter, t counts steps from 1."""

    type: str
    learning_rate: Positive


class Sgd(Optimizer):
    """b = momentum · b + g (b = g at the first step); p -= learning_rate · b.

    nesterov: p -= learning_rate · (g + momentum · b). As torch.optim.SGD; Sutskever et al. 2013.
    """

    type: Literal["sgd"] = "sgd"
    learning_rate: Positive = Field(default=0.01, description="Step size.")
    momentum: Fraction = Field(default=0.0, description="Weight of the past steps.")
    nesterov: Flag = Field(default=False, description="Whether the step looks ahead.")


class Adam(Optimizer):
    """m = β₁ m + (1-β₁) g; v = β₂ v + (1-β₂) g²; p -= lr · m̂ / (√v̂ + epsilon).

    m̂ = m / (1-β₁ᵗ), v̂ = v / (1-β₂ᵗ): Kingma and Ba 2015, algorithm 1, as torch.optim.Adam.
    (Keras adds epsilon to √v before the correction, and its default is 1e-7.)
    """

    type: Literal["adam"] = "adam"
    learning_rate: Positive = Field(default=0.001, description="Step size.")
    beta_1: Fraction = Field(default=0.9, description="Decay of the mean of the gradient.")
    beta_2: Fraction = Field(default=0.999, description="Decay of the mean of its square.")
    epsilon: Positive = Field(default=1e-8, description="Added to √v̂; 1e-8 as in PyTorch.")


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": Sgd, "adam": Adam}

Task = Literal["regression", "binary", "multiclass"]
Metric = Literal["accuracy", "mae", "r2"]

TASK_LOSS = {
    "regression": "mse",
    "binary": "binary_cross_entropy",
    "multiclass": "categorical_cross_entropy",
}
TASK_METRICS: dict[str, tuple[Metric, ...]] = {
    "regression": ("mae", "r2"),
    "binary": ("accuracy",),
    "multiclass": ("accuracy",),
}


class Training(Frozen):
    """How the network is trained."""

    task: Task = Field(description="What is predicted: a number, a yes or no, or one of classes.")
    loss: Annotated[Loss, ByType("loss", lambda: LOSSES)] | None = Field(
        default=None,
        description="What is minimised; by default mse, binary_cross_entropy or "
        "categorical_cross_entropy, by the task.",
    )
    optimizer: Annotated[Optimizer, ByType("optimizer", lambda: OPTIMIZERS)] = Field(
        default_factory=Adam, description="How the parameters follow the gradient; adam by default."
    )
    metrics: Annotated[tuple[Metric, ...], Field(strict=False)] | None = Field(
        default=None,
        description="What is reported beside the loss; by default accuracy, or mae and r2.",
    )
    epochs: Size = Field(default=10, description="Passes over the training rows.")
    batch_size: Size = Field(default=32, description="Rows per step.")
    shuffle: Flag = Field(
        default=True, description="Whether each epoch draws the rows in a new order."
    )
    seed: Count = Field(
        default=0, description="Of the first weights, the split and the order of the rows."
    )

    @property
    def resolved_loss(self) -> Loss:
        """The loss, by the task where none is given."""
        if self.loss is not None:
            return self.loss
        kind = TASK_LOSS[self.task]
        return LOSSES[kind](type=kind)

    @property
    def resolved_metrics(self) -> tuple[Metric, ...]:
        """The metrics, by the task where none are given."""
        return TASK_METRICS[self.task] if self.metrics is None else self.metrics


class Data(Frozen):
    """Where the rows come from, and what of them goes where."""

    source: Text = Field(
        description="A .csv, .parquet or .npz file, relative to the spec.", min_length=1
    )
    features: dict[str, Annotated[OneOrMany, Field(min_length=1)]] = Field(
        description='For each input, its columns: names or patterns such as "pixel_*"; for .npz, '
        "the array's name."
    )
    target: Text = Field(description="The column (for .npz the array) to predict.", min_length=1)
    validation: Fraction = Field(
        default=0.2, description="Share of the rows that choose the best weights."
    )
    test: Fraction = Field(default=0.0, description="Share of the rows that only the report sees.")
    standardize: Flag = Field(
        default=False,
        description="Whether each feature is shifted and scaled to mean 0 and deviation 1 over "
        "the training rows; kept with the weights and in what is exported.",
    )
