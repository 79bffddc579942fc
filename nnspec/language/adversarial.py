"""The document of several networks, and the training of a generator against a discriminator.

Only a spec with `models` needs this file.
"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from nnspec.language.optimizers import OPTIMIZERS, Optimizer
from nnspec.language.schema import Block, Input
from nnspec.layers.fields import (
    Count,
    Flag,
    Fraction,
    Frozen,
    NotNegative,
    OneOrMany,
    Positive,
    Size,
    Text,
    once,
)
from nnspec.layers.records import ByType, Lazy
from nnspec.layers.shapes import DataFormat

if TYPE_CHECKING:
    from nnspec.language.averages import Average
    from nnspec.language.clipping import Clip
else:
    Average = Clip = Frozen  # their files are read where one is given

ROLES = ("generator", "discriminator")
ELSEWHERE = {
    **dict.fromkeys(
        ("accumulate", "average", "clip", "optimizer"),
        "each network has its own: `training.generator.{key}`, or `training.discriminator.{key}`",
    ),
    **dict.fromkeys(
        ("keep", "stop"),
        "what one network gains the other loses, so that neither loss says which epoch is the "
        "best: the last weights are kept, and `samples` has pictures over time",
    ),
    "regularization": "terms belong to the loss of one network: here `l2` and `decay` of each "
    "optimizer hold weights small",
    **dict.fromkeys(
        ("metrics", "task"),
        "two networks that learn against each other predict no target: look at what is made, as "
        "`nnspec predict --samples` writes it",
    ),
}
"""Keys of a training of one network -> why that of two has none."""
OF_ROWS = {
    **dict.fromkeys(
        ("standardize", "standardize_target"),
        "rows are judged as they are in the file: a `rescaling` at the start of the discriminator, "
        "and one at the end of the generator, shift and scale them",
    ),
    **dict.fromkeys(
        ("validation", "test", "split"),
        "two networks that learn against each other take every row: what one gains the other loses",
    ),
    "target": "rows are made, and none is predicted: name what is made in `features`",
    **dict.fromkeys(("sample_weight", "balance", "resample"), "every row counts alike"),
    "prepare": "rows are judged as they are in the file: encode columns, and fill what is missing, "
    "in the file",
    **dict.fromkeys(
        ("augment", "windows", "stream"),
        "the discriminator judges the rows as they are in the file",
    ),
}
"""Keys of the data of one network -> why those of two networks have none."""
OF_DISCRIMINATOR = (
    "the discriminator judges rows in training alone, and nothing would take its average: write "
    "`training.generator.average`"
)
"""The reason why the discriminator has no `average`."""


class AdversarialLoss(Frozen):
    """Base of the losses of two networks; r = D(real), f = D(G(noise)), each a mean over all."""

    leaves_out: ClassVar[Literal["", "sigmoid"]] = ""
    """The activation at the discriminator's end that it is computed without, from its logits."""
    is_unbounded: ClassVar[bool] = False
    """Whether scores must be free of any bound, such as a sigmoid's."""

    type: str


class NonSaturating(AdversarialLoss):
    """D: softplus(-r) + s · r + softplus(f), s the label smoothing; G: softplus(-f).

    The cross-entropy of logits; Goodfellow et al. 2014. D may end in sigmoid, which is left out.
    """

    leaves_out = "sigmoid"

    type: Literal["non_saturating"] = "non_saturating"
    label_smoothing: Fraction = Field(default=0.0, description="Real rows count as 1 less this.")


class LeastSquares(AdversarialLoss):
    """D: ((r - 1 + s)² + f²) / 2, s the label smoothing; G: (f - 1)² / 2. Mao et al. 2017."""

    type: Literal["least_squares"] = "least_squares"
    label_smoothing: Fraction = Field(default=0.0, description="Real rows count as 1 less this.")


class Hinge(AdversarialLoss):
    """D: max(0, 1 - r) + max(0, 1 + f); G: -f. Lim and Ye 2017."""

    is_unbounded = True

    type: Literal["hinge"] = "hinge"


class Wasserstein(AdversarialLoss):
    """D: f - r; G: -f. Arjovsky et al. 2017, with a penalty or with clipped weights.

    gradient_penalty: D's loss has the mean of (‖∂D(x)/∂x‖ - 1)² times it; x = u · real + (1 - u) ·
    fake, u uniform for each row, ‖‖ = √(Σ² + 1e-12) (Gulrajani et al. 2017).
    """

    is_unbounded = True

    type: Literal["wasserstein"] = "wasserstein"
    gradient_penalty: NotNegative = Field(default=0.0, description="Weight of the penalty; 10.")
    weight_clip: Positive | None = Field(
        default=None, description="After each step D's weights are cut to ± this; 0.01."
    )


ADVERSARIAL_LOSSES: dict[str, type[AdversarialLoss]] = {
    "non_saturating": NonSaturating,
    "least_squares": LeastSquares,
    "hinge": Hinge,
    "wasserstein": Wasserstein,
}
"""The losses by `type`."""


def _without_average(optimizer: Optimizer) -> Optimizer:
    if optimizer.keeps_average:
        raise PydanticCustomError(
            "wrong_value",
            "an optimizer that keeps no average of the weights is expected, such as adam: samples "
            "are drawn of the weights themselves",
        )
    return optimizer


_OPTIMIZER = Annotated[
    Optimizer,
    ByType("optimizer", lambda: OPTIMIZERS),
    AfterValidator(_without_average),
]
_ADAM = once(lambda: OPTIMIZERS["adam"].model_validate({"type": "adam"}))


class _Role(Frozen):
    """The settings that either of two networks has of its own."""

    optimizer: _OPTIMIZER = Field(default_factory=_ADAM, description="Its own; adam by default.")
    clip: Annotated[Clip, Lazy("nnspec.language.clipping:Clip")] | None = Field(
        default=None, description="What its gradients are limited to, such as {norm: 1.0}."
    )
    accumulate: Size = Field(
        default=1, description="Batches to each of its steps, which takes their mean gradient."
    )


class Generator(_Role):
    """The network that makes rows of noise."""

    model: Text = Field(default="generator", description="Its name among `models`.")
    average: Annotated[Average, Lazy("nnspec.language.averages:Average")] | None = Field(
        default=None,
        description="Of its weights, what makes samples and is kept: {type: ema, decay: 0.999}.",
    )
    noise: Literal["normal", "uniform"] = Field(
        default="normal", description="What it takes: mean 0 and deviation 1, or from -1 to 1."
    )


class Discriminator(_Role):
    """The network that tells real rows from those of the generator."""

    model: Text = Field(default="discriminator", description="Its name among `models`.")
    steps: Size = Field(default=1, description="Its steps for each step of the generator.")

    average: ClassVar[None] = None
    """Nothing would take it: rows are judged in training alone."""


class AdversarialTraining(Frozen):
    """The training of a generator against a discriminator."""

    type: Literal["adversarial"] = Field(description="The kind of training.")
    loss: Annotated[AdversarialLoss, ByType("adversarial loss", lambda: ADVERSARIAL_LOSSES)] = (
        Field(
            default_factory=once(NonSaturating),
            description="What both play for; non_saturating by default.",
        )
    )
    generator: Generator = Field(
        default_factory=once(Generator), description="Its model, optimizer and noise."
    )
    discriminator: Discriminator = Field(
        default_factory=once(Discriminator), description="Its model, optimizer and steps."
    )
    epochs: Size = Field(default=10, description="Passes over the rows.")
    batch_size: Size = Field(default=32, description="Rows per step.")
    shuffle: Flag = Field(
        default=True, description="Whether each epoch draws the rows in a new order."
    )
    seed: Count = Field(
        default=0, description="Of the first weights, the noise and the order of the rows."
    )
    pictures: Size = Field(
        default=10, description="Epochs from one picture of samples to the next."
    )

    @property
    def turn(self) -> int:
        """Batches of the discriminator after which the generator steps."""
        return self.discriminator.steps * self.discriminator.accumulate


class AdversarialData(Frozen):
    """The rows that the generator learns to make."""

    source: Text = Field(
        description="A .csv, .parquet, .jsonl or .npz file, relative to the spec.", min_length=1
    )
    features: dict[str, Annotated[OneOrMany, Field(min_length=1)]] = Field(
        description="For the discriminator's input, its columns: names or patterns such as "
        '"pixel_*"; for .npz, the array\'s name.',
        min_length=1,
    )


class Network(Frozen):
    """One network of several."""

    description: Text | None = Field(default=None, description="What it is.")
    inputs: dict[str, Input] = Field(description="Its inputs by name.", min_length=1)
    layers: tuple[Any, ...] = Field(
        description="Layers and uses of blocks, in order.", min_length=1
    )
    outputs: OneOrMany | None = Field(
        default=None, description="Names of the layers it gives; by default the last layer."
    )
    freeze: OneOrMany | None = Field(
        default=None, description="What training leaves alone, as for a single network."
    )


class Models(Frozen):
    """Several networks by name, and how they are trained: the whole of a spec file."""

    nnspec: Literal[1] = Field(default=1, description="Version of the spec format.")
    name: Text = Field(description="The name of it all.")
    description: Text | None = Field(default=None, description="What it is.")
    data_format: DataFormat = Field(
        default="channels_first",
        description="Where image-like tensors have their channels, in the whole spec.",
    )
    variables: dict[str, Any] = Field(
        default={}, description="Values used as ${name} anywhere in the spec."
    )
    blocks: dict[str, Block] = Field(default={}, description="Reusable sub-networks by name.")
    models: dict[str, Network] = Field(description="The networks by name.", min_length=1)
    data: AdversarialData | None = Field(default=None, description="The rows to train on.")
    training: AdversarialTraining | None = Field(
        default=None, description="How to train one against another."
    )

    def to_yaml(self) -> str:
        """Return the document as YAML, what has its default left out; raises UsageError."""
        from nnspec.language.writer import to_yaml

        return to_yaml(self)
