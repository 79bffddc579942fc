"""The spec as a document: what a user writes, in YAML, JSON or Python."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field

from nnspec.language.training_schema import Data, Training
from nnspec.layers.base import Layer
from nnspec.layers.fields import Flag, Frozen, OneOrMany, Size, Text
from nnspec.layers.initializers import Initializer, InitializerBase
from nnspec.layers.shapes import MAX_RANK, DataFormat

FORMAT_VERSION = 1

DType = Literal["float32", "int32", "int64", "uint8", "bool"]


class Input(Frozen):
    """An input of the network."""

    if TYPE_CHECKING:

        def __init__(self, *, shape: Iterable[int | str], dtype: DType = "float32") -> None: ...

    shape: Annotated[
        tuple[Annotated[int, Field(strict=True, gt=0)] | Text, ...], Field(strict=False)
    ] = Field(
        max_length=MAX_RANK,
        description="Sizes without the batch axis; a name is a dynamic axis: [time, 16].",
    )
    dtype: DType = Field(default="float32", description="Type of the elements.")


class Call(Frozen):
    """The use of a block as a layer; what is not a field below sets a variable of the block."""

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            type: str,
            name: str | None = None,
            inputs: str | Iterable[str] | None = None,
            repeat: int | str | None = None,
            unroll: bool | str | None = None,
            when: bool | str | None = None,
            time_distributed: bool | str | None = None,
            trainable: bool = True,
            **variables: Any,
        ) -> None: ...

    model_config = ConfigDict(extra="allow")

    type: Text = Field(description="The block's name.")
    name: Text | None = Field(default=None, description="The name of this use.")
    inputs: OneOrMany | None = Field(
        default=None, description="What it takes; by default the layer before it."
    )
    repeat: Size | Text | None = Field(
        default=None,
        description="How many times, each taking the output of the one before; `index` counts "
        "them from 0 in expressions.",
    )
    unroll: Flag | Text | None = Field(
        default=None,
        description="Whether each repetition is a use of its own, which others can take: `name_0`, "
        "`name_1`, ..., and the last is `name`.",
    )
    when: Flag | Text | None = Field(
        default=None,
        description="Whether it is there, such as ${depth > 2}; where it is not, what it takes "
        "first stands for what it gives.",
    )
    time_distributed: Flag | Text | None = Field(
        default=None,
        description="Whether it works on each element along the first axis of what it takes, as on "
        "rows of the batch: such as conv2d on (frames, channels, height, width).",
    )
    trainable: Flag = Field(
        default=True, description="Whether training changes the parameters inside."
    )


class Block(Frozen):
    """A reusable sub-network."""

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            description: str | None = None,
            variables: dict[str, Any] = {},  # noqa: B006 - as the field's
            inputs: str | Iterable[str] = ("x",),
            optional: str | Iterable[str] = (),
            layers: Iterable[Any],
            outputs: str | Iterable[str] | None = None,
        ) -> None: ...

    description: Text | None = Field(
        default=None, description="What it does; the emitted code says so too."
    )
    variables: dict[str, Any] = Field(
        default={}, description="Its variables and their defaults; a use may set them."
    )
    inputs: OneOrMany = Field(default=("x",), description="Names of what it takes.")
    optional: OneOrMany = Field(
        default=(),
        description="Names of more that a use may give, by keys of these names; layers that name "
        "one as a mask do without it where it is not given.",
    )
    layers: tuple[Any, ...] = Field(description="Its layers and uses of other blocks, in order.")
    outputs: OneOrMany | None = Field(
        default=None, description="What it gives; by default its last layer."
    )


class Model(Frozen):
    """A network, and how it is trained: the whole of a spec file.

    Built in Python, `layers` holds layer objects (`nnspec.layers.Dense(units=3)`), uses of blocks
    (`nnspec.Call(type="block")`) or plain mappings as YAML has them.
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            nnspec: Literal[1] = 1,
            name: str,
            description: str | None = None,
            data_format: DataFormat = "channels_first",
            variables: dict[str, Any] = {},  # noqa: B006 - as the field's
            inputs: Mapping[str, Input],
            blocks: Mapping[str, Block] = {},
            layers: Iterable[Any],
            outputs: str | Iterable[str] | None = None,
            freeze: str | Iterable[str] | None = None,
            initializer: InitializerBase | str | Mapping[str, Any] | None = None,
            depth_scaling: bool = False,
            data: Data | None = None,
            training: Training | None = None,
        ) -> None: ...

    nnspec: Literal[1] = Field(default=1, description="Version of the spec format.")
    name: Text = Field(description="The network's name: the class name in the emitted code.")
    description: Text | None = Field(
        default=None, description="What it is; the emitted code says so too."
    )
    data_format: DataFormat = Field(
        default="channels_first",
        description="Where image-like tensors have their channels, in the whole spec.",
    )
    variables: dict[str, Any] = Field(
        default={}, description="Values used as ${name} anywhere in the spec."
    )
    inputs: dict[str, Input] = Field(description="The network's inputs by name.", min_length=1)
    blocks: dict[str, Block] = Field(default={}, description="Reusable sub-networks by name.")
    layers: tuple[Any, ...] = Field(
        description="Layers and uses of blocks, in order.", min_length=1
    )
    outputs: OneOrMany | None = Field(
        default=None, description="Names of the layers it gives; by default the last layer."
    )
    freeze: OneOrMany | None = Field(
        default=None,
        description="Layers, uses of blocks and parameters that training leaves alone: their names "
        "or paths, or patterns such as encoder.* and *.bias",
    )
    initializer: Initializer | None = Field(
        default=None,
        description="First values of kernels and embeddings whose layers give none.",
    )
    depth_scaling: Flag = Field(
        default=False,
        description="Whether weights that end one of N residual branches begin times 1 / √N.",
    )
    data: Data | None = Field(default=None, description="The rows to train on.")
    training: Training | None = Field(default=None, description="How to train.")

    def to_yaml(self) -> str:
        """Return the document as YAML, what has its default left out; raises UsageError.

        That is where `variables` or a mapping of `layers` holds what YAML has not.
        """
        from nnspec.language.writer import to_yaml  # `nnspec check` does without

        return to_yaml(self)


__all__ = ["Block", "Call", "Data", "Flag", "Input", "Layer", "Model", "Training"]
