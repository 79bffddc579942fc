"""The results of a backend: the text of a spec, and the network that is built from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

from nnspec.layers.shapes import Dim
from nnspec.network.loader import Spec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[Any]"
Weights: TypeAlias = "dict[str, NDArray[Any]]"

Positions: TypeAlias = "NDArray[np.intp] | slice"
"""Of rows: their numbers from 0, or a range of them."""

Target: TypeAlias = "NDArray[Any] | Mapping[str, NDArray[Any]]"
"""The target of each row; of several losses by output."""

Measured: TypeAlias = "tuple[float | Mapping[str, float], Target]"
"""A loss and the output; of several losses both by output, the losses without their weights."""

Precision = Literal["float32", "float64"]


class Program(Protocol):
    """A built network. Arrays are as the spec declares them, the batch axis first."""

    model: Any
    """The framework's own object: an nn.Module, a keras.Model, an onnxruntime session."""

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return each output of the graph by name, computed as at inference."""
        ...


@runtime_checkable
class Trainable(Program, Protocol):
    """A built network that can be trained by the spec's loss and optimizer."""

    def weights(self) -> Weights:
        """Return the canonical weights: by spec path, in PyTorch's layout."""
        ...

    def load_weights(self, weights: Mapping[str, Array]) -> None:
        """Set every weight from the canonical ones."""
        ...

    def loss(self, inputs: Mapping[str, Array], target: Target) -> float:
        """Return the loss as at inference."""
        ...

    def gradients(self, inputs: Mapping[str, Array], target: Target) -> tuple[float, Weights]:
        """Return the loss as in training, and its gradient by every trainable parameter.

        Nothing of the program changes: no weight, no running statistic.
        """
        ...

    def train_step(self, inputs: Mapping[str, Array], target: Target) -> float:
        """Take one optimizer step, and return the loss before it."""
        ...

    def optimizer_state(self) -> Weights:
        """Return what the optimizer remembers, as `nnspec.weights.optimizer_state` names it."""
        ...

    def load_optimizer_state(self, state: Mapping[str, Array]) -> None:
        """Set what the `optimizer_state` of any backend gave; raises WeightsError for else."""
        ...

    def reseed(self, seed: int) -> None:
        """Start dropout's random numbers anew."""
        ...


@runtime_checkable
class TakesNoise(Trainable, Protocol):
    """A built network whose random layers take their numbers of nnspec's streams, if told to.

    These are the same in every framework (`nnspec.support.noise`).
    """

    def take_noise(self, seed: int | None) -> None:
        """Let random layers begin with the numbers of this seed; None: draw as the source does."""
        ...


@runtime_checkable
class Paced(Trainable, Protocol):
    """A built network whose learning rate may follow what epochs measure."""

    def set_learning_rate(self, rate: float) -> None:
        """Take further steps with this rate."""
        ...

    def rates_on_plateau(self, values: Sequence[float], name: str) -> list[float]:
        """Return the rate after each epoch, as the emitted source sets it by these measures.

        name: as the history has it, of the measure that is to be followed.
        """
        ...


@runtime_checkable
class HoldsRows(Trainable, Protocol):
    """A built network that is given all rows once, and then told which to take: it is faster so.

    The rows are in the network's domain and the loss's. batches: how many will be taken of them,
    so that a program may prepare itself where that is worth its while.
    """

    def stepper(
        self, inputs: Mapping[str, Array], target: Target, batches: int
    ) -> Callable[[Positions], float]:
        """Return what `train_step` does, for the rows at given positions."""
        ...

    def measurer(
        self, inputs: Mapping[str, Array], target: Target, batches: int
    ) -> Callable[[Positions], Measured]:
        """Return what gives the loss and the output, as at inference, for rows at positions."""
        ...


@runtime_checkable
class KeepsAverages(Trainable, Protocol):
    """A built network that keeps the average of its weights that `training.average` says."""

    def averaged(self) -> AbstractContextManager[None]:
        """Let the averages stand for the weights, once there are any."""
        ...


@runtime_checkable
class Exportable(Program, Protocol):
    """A built network that its framework's own exporter can write as ONNX."""

    def export_onnx(self, path: Path, opset: int) -> None:
        """Write the network, as at inference, with the framework's own ONNX exporter."""
        ...


@runtime_checkable
class Declares(Program, Protocol):
    """A program whose file declares its inputs and outputs."""

    def declared(self) -> dict[str, tuple[str, tuple[Dim | None, ...]]]:
        """Return dtype and shape, with the batch, of each input and output by name in the spec.

        An axis is a number, a name, or None where nothing is said.
        """
        ...


@runtime_checkable
class GivesLoss(Protocol):
    """A built network whose loss can be asked of any outputs: `verify --against` asks for it."""

    def loss_of_outputs(self, output: Array, target: Target) -> tuple[float, Array]:
        """Return the loss of what a network of one output gives, and its gradient by that."""
        ...


@runtime_checkable
class Inspectable(Trainable, Protocol):
    """A built network that shows more of what its emitted source does; `verify` asks for it."""

    def first_weights(self, seed: int) -> Weights:
        """Return the weights that the emitted source gives a new network by itself."""
        ...

    def training_outputs(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return each output as in training, with random layers at work; nothing else changes."""
        ...

    def answers(self, inputs: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
        """Return the outputs by each way, such as "model(x)", in which users ask for inference."""
        ...

    def learning_rate(self, step: int) -> float:
        """Return the learning rate that the emitted source has after so many steps."""
        ...

    def start_training(self) -> None:
        """Begin with a new optimizer."""
        ...

    def follow(
        self, inputs: Mapping[str, Array], target: Target, gradients: Mapping[str, Array]
    ) -> None:
        """Take one `train_step` with these gradients in the place of the loss's."""
        ...

    def measured(self, inputs: Mapping[str, Array], target: Target) -> dict[str, float]:
        """Return the metrics by name as the emitted source measures them, as at inference."""
        ...


class Compiled(Protocol):
    """The result of compiling a spec: its text, and a way to build it."""

    @property
    def spec(self) -> Spec:
        """The spec that was compiled."""
        ...

    @property
    def source(self) -> str:
        """The text: Python source, or a listing of the ONNX graph."""
        ...

    def write(self, path: str | Path) -> Path:
        """Write the result to a file, whole or not at all."""
        ...

    def build(
        self, weights: Mapping[str, Array] | None = None, *, dtype: Precision = "float32"
    ) -> Program:
        """Build the network from the very text of `source`; seeded weights where none are given."""
        ...
