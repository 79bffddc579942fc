"""What a backend is, and how one is found.

A backend turns a spec into source (no framework needed) and, in its `runtime` module, builds, runs
and trains what it wrote. It registers in the entry-point group `nnspec.backends`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from nnspec.errors import UnsupportedError, UsageError, nearest
from nnspec.layers.base import Layer
from nnspec.layers.shapes import Dim
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Weights = dict[str, Array]

GROUP = "nnspec.backends"

Precision = Literal["float32", "float64"]


@dataclass(frozen=True, slots=True)
class Options:
    """How a spec is compiled.

    training: add what trains the network: loss, optimizer, data, a main program.
    stock: use the framework's own optimizer even where its definition differs from the spec's.
    layout: "spec" takes and gives image-like tensors as the spec declares them, "native" as the
    framework's kernels like them, without a transpose at the border.
    opset: of ONNX.
    fold: with ONNX, batch normalisation folded into the layer that feeds it.
    batch: of ONNX, rows that every input has; None leaves their number open.
    """

    training: bool = False
    stock: bool = False
    layout: Literal["spec", "native"] = "spec"
    opset: int = 21
    fold: bool = False
    batch: int | None = None


DEFAULTS = Options()


@dataclass(frozen=True, slots=True)
class Rounding:
    """A constant that a framework holds in float32 even in float64 arithmetic.

    forward, gradient: largest relative errors that this was measured to cause in the layer.
    """

    forward: float
    gradient: float
    reason: str


@dataclass(frozen=True, slots=True)
class ExportMemory:
    """What a framework's ONNX exporter takes besides the network itself, as measured, in bytes.

    base, and `of_weights` times the weights; what an embedding lends to a tied layer counts twice.
    """

    base: int
    of_weights: float


@dataclass(frozen=True, slots=True)
class Divergence:
    """A statistic that a framework updates by a formula of its own.

    canonical: (layer, first value, value after the updates, number of updates, numbers averaged
    over in each) -> what the spec's definition would have given.
    """

    parameter: str
    formula: str
    canonical: Callable[[Any, Array, Array, int, int], Array]


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

    def loss(self, inputs: Mapping[str, Array], target: Array) -> float:
        """Return the loss as at inference."""
        ...

    def gradients(self, inputs: Mapping[str, Array], target: Array) -> tuple[float, Weights]:
        """Return the loss as in training, and its gradient by every trainable parameter.

        Nothing of the program changes: no weight, no running statistic.
        """
        ...

    def train_step(self, inputs: Mapping[str, Array], target: Array) -> float:
        """Take one optimizer step, and return the loss before it."""
        ...

    def optimizer_state(self) -> Weights:
        """Return what the optimizer remembers, by names of the backend's own."""
        ...

    def load_optimizer_state(self, state: Mapping[str, Array]) -> None:
        """Set what `optimizer_state` gave."""
        ...

    def reseed(self, seed: int) -> None:
        """Start dropout's random numbers anew."""
        ...

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

    def start_training(self) -> None:
        """Begin with a new optimizer."""
        ...

    def follow(
        self, inputs: Mapping[str, Array], target: Array, gradients: Mapping[str, Array]
    ) -> None:
        """Take one `train_step` with these gradients in the place of the loss's."""
        ...

    def measured(self, inputs: Mapping[str, Array], target: Array) -> dict[str, float]:
        """Return the metrics by name as the emitted source measures them, as at inference."""
        ...


class Compiled(Protocol):
    """What a backend made of a spec: its text, and how to build it."""

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


class Backend(Protocol):
    """An entry of the group `nnspec.backends`: a module or object with these members.

    For processes of its own (`nnspec.remote`) it may have more: `imports`, modules to import before
    anything is asked; `spared`, packages that its framework imports where it finds them, and can do
    without; `takes_threads`, whether `build` takes a number of `threads`. `export_memory`, an
    ExportMemory, says what its exporter takes, so that a verification can leave it out in time.
    """

    name: str
    suffix: str
    """Of the files that it writes, such as ".py"."""
    lowerings: Mapping[type[Layer], Any]
    """Layer class -> how this backend expresses it."""
    unsupported: Mapping[type[Layer], str]
    """Layer class -> why this backend cannot express it."""
    rounded: Mapping[type[Layer], Rounding]
    """Layer class -> where the framework itself rounds coarser than float64 does."""
    divergences: Mapping[type[Layer], Divergence]
    """Layer class -> a training statistic that follows a known formula of its own."""

    def compile(self, spec: Spec, options: Options = DEFAULTS) -> Compiled:
        """Return the spec in this backend's language; imports no framework."""
        ...


def backend_names() -> list[str]:
    """Return the names of the installed backends."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


@cache  # the search reads the metadata of every installed package
def get_backend(name: str) -> Backend:
    """Return an installed backend; raises UsageError for an unknown name."""
    found: Iterable[EntryPoint] = entry_points(group=GROUP, name=name)
    for entry in found:
        backend: Backend = entry.load()
        return backend
    names = backend_names()
    raise UsageError(
        f'no backend "{name}"{nearest(name, names)} (installed: {", ".join(names) or "none"})'
    )


def require_supported(backend: Backend, graph: Graph) -> None:
    """Raise UnsupportedError, naming every layer of the graph that the backend cannot express."""
    refused: list[str] = []
    for at in graph.walk():
        for layer in (at.node.layer, at.node.layer.output_activation):
            if layer is None or type(layer) in backend.lowerings:
                continue
            reason = backend.unsupported.get(type(layer), "it has no lowering for it")
            refused.append(f'layer "{at.path}" ({layer.type}): {reason}')
    if refused:
        raise UnsupportedError(f"{backend.name} cannot express " + "; ".join(refused))
