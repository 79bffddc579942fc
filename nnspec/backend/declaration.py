"""The declaration of a backend: what it expresses, what it takes, what its programs can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Flag, auto
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from nnspec.backend.options import DEFAULTS, OnnxOptions, Options
from nnspec.backend.programs import Array, Compiled, Precision, Program
from nnspec.errors import UnsupportedError, UsageError
from nnspec.language.objectives import losses_of
from nnspec.language.schedules import Schedule
from nnspec.layers.base import Layer
from nnspec.layers.fields import Frozen
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec

if TYPE_CHECKING:
    from nnspec.backend.foreign import Foreign, Reference
    from nnspec.backend.versus import CompiledNetworks
    from nnspec.language.losses import Loss
    from nnspec.language.optimizers import Optimizer
    from nnspec.layers.initializers import InitializerBase
    from nnspec.network.networks import Networks

R = TypeVar("R", bound=Frozen)

NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Can(Flag):
    """Abilities of a backend's programs beside `forward`, which all have.

    GRADIENTS: they give the loss and its gradients. TRAINING: they take optimizer steps; both as
    `Trainable` has them. EXPORT: the framework's own exporter writes them as ONNX (`Exportable`).
    NOISE: their random layers take the numbers that they are given (`TakesNoise`).
    """

    NOTHING = 0
    GRADIENTS = auto()
    TRAINING = auto()
    EXPORT = auto()
    NOISE = auto()


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
    """The memory of a framework's ONNX exporter besides the network itself, as measured, in bytes.

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


class Support(NamedTuple, Generic[R]):
    """Two tables of the classes of the spec language; each class stands in one of them.

    lowerings: class -> whatever the backend's `compile` needs to express it.
    unsupported: class -> why the backend cannot; the reason is shown to the user.
    """

    lowerings: Mapping[type[R], Any] = NOTHING
    unsupported: Mapping[type[R], str] = NOTHING

    def refusal(self, record: R) -> str:
        """Return why the backend cannot express this, or an empty text."""
        if type(record) in self.lowerings:
            return ""
        return self.unsupported.get(type(record), "it has no lowering for it")


@dataclass(frozen=True, slots=True)
class Reserved:
    """Names that the emitted code calls its own, so that a spec may not give them.

    modules: imported ones. attributes: of the framework's own network class. variables: of the
    emitted functions that take the inputs under their own names. definitions: what a training
    script defines or imports beside the network.
    """

    modules: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    definitions: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, *, modules: str = "", attributes: str = "", variables: str = "", definitions: str = ""
    ) -> Reserved:
        """Return the names that stand in these texts, apart by white space."""
        texts = (modules, attributes, variables, definitions)
        return cls(*(frozenset(text.split()) for text in texts))


class Backend(ABC):
    """An entry of the group `nnspec.backends`; what is not said here is nothing at all."""

    name: str
    suffix: str = ".py"
    """Of the files that it writes."""
    can: Can = Can.NOTHING
    """The abilities of its programs beside `forward`."""
    options: type[Options] = Options
    """The record of its options: `Options`, or one that extends it by `option` fields."""
    packages: Mapping[str, tuple[str, ...]] = NOTHING
    """The packages that its programs run on: a package -> the distributions that may have it."""
    export_memory: ExportMemory | None = None
    """The memory of its exporter, so that a verification can leave it out in time."""

    # For a process of its own, see `nnspec.remote`.
    imports: tuple[str, ...] = ()
    """Modules to import before anything is asked."""
    spared: tuple[str, ...] = ()
    """Packages that its framework imports where it finds them, and can do without."""
    takes_threads: bool = False
    """Whether `build` takes a number of `threads`."""
    reads: tuple[str, ...] = ()
    """Suffixes of the files of others that `open_file` opens."""

    @property
    @abstractmethod
    def layers(self) -> Support[Layer]:
        """The layers that it expresses; a class that nnspec has not is the backend's own."""

    @property
    def reserved(self) -> Reserved:
        """The names that its source keeps; nnspec checks those of a spec against them."""
        return Reserved()

    @property
    def losses(self) -> Support[Loss]:
        """The losses that it trains with."""
        return Support()

    @property
    def optimizers(self) -> Support[Optimizer]:
        """The optimizers that it trains with."""
        return Support()

    @property
    def schedules(self) -> Support[Schedule]:
        """The schedules that its optimizers follow; a plain number is none."""
        return Support()

    @property
    def initializers(self) -> Support[InitializerBase]:
        """The laws by which its source gives a new network its first weights."""
        return Support()

    @property
    def rounded(self) -> Mapping[type[Layer], Rounding]:
        """The places where the framework itself rounds coarser than float64 does."""
        return NOTHING

    @property
    def divergences(self) -> Mapping[type[Layer], Divergence]:
        """Training statistics that follow a known formula of their own."""
        return NOTHING

    @property
    def untrue_twice(self) -> Mapping[type[Layer], str]:
        """The layers whose gradient the framework differentiates wrongly, and why."""
        return NOTHING

    @abstractmethod
    def compile(self, spec: Spec, options: Options = DEFAULTS) -> Compiled:
        """Return the spec in this backend's language; imports no framework."""

    def compile_networks(self, networks: Networks, options: Options = DEFAULTS) -> CompiledNetworks:
        """Return several networks in one file, with the training of one against another."""
        raise UsageError(
            f"{self.name} writes one network a file: say which by `model` "
            f"({', '.join(networks.models)})"
        )

    def open_file(self, reference: Reference) -> Foreign:
        """Open a file that nnspec has not written; raises UsageError.

        Of Python this runs the file: only a process of its own may call it.
        """
        raise UsageError(f"{self.name} opens no files of others")

    def open_program(self, program: Program) -> Foreign:
        """Return a network that this backend has built as `open_file` returns a file's."""
        raise UnsupportedError(f"{self.name} opens no programs")


class Written(NamedTuple):
    """A model that a backend put in its place; `files` are the model and its data file."""

    opset: int
    nodes: int
    files: tuple[Path, ...]


class OnnxCompiled(Compiled, Protocol):
    """A spec as an ONNX model."""

    def write_files(
        self,
        path: str | Path,
        weights: Mapping[str, Array] | None = None,
        *,
        external_data: bool = False,
        preprocessing: str | None = None,
        is_prepared: bool = False,
    ) -> Written:
        """Write the model with these weights, and what its metadata say of raw rows.

        is_prepared: whether the model itself is to do what `preprocessing` says.
        """
        ...

    def stored_as_given(self) -> tuple[str, ...]:
        """Return the weights that are tensors of the model by their own name, and unchanged."""
        ...

    def build(
        self,
        weights: Mapping[str, Array] | None = None,
        *,
        dtype: Precision = "float32",
        optimized: bool = True,
        threads: int | None = None,
    ) -> Program:
        """Build the model, with graph optimisations or without."""
        ...


class OnnxBackend(Backend):
    """A backend that writes ONNX models, and runs those of any exporter."""

    options: type[OnnxOptions] = OnnxOptions

    @abstractmethod
    def compile(self, spec: Spec, options: Options = DEFAULTS) -> OnnxCompiled:
        """Return the spec as an ONNX model."""

    @abstractmethod
    def load(
        self,
        model: str | Path | bytes,
        graph: Graph | None = None,
        *,
        dtype: Precision = "float32",
        optimized: bool = True,
        threads: int | None = None,
    ) -> Any:
        """Return a model of any exporter as a program."""

    def bytes_of_a_row(self, model: str | Path, shapes: Mapping[str, tuple[int, ...]]) -> int:
        """Return about the memory that one row of inputs takes in a model, or 0 where unknown.

        shapes: of the inputs by name, without the batch axis.
        """
        return 0

    @abstractmethod
    def adopt(
        self,
        model: Path,
        path: Path,
        spec: Spec,
        *,
        external_data: bool = False,
        preprocessing: str | None = None,
    ) -> Written:
        """Move a model that a framework exported to `path`, with the metadata of nnspec's own."""


def require_supported(backend: Backend, spec: Spec, options: Options = DEFAULTS) -> None:
    """Raise UnsupportedError, naming everything of the spec that the backend cannot express."""
    refused = [*_refused_names(backend, spec), *_refused_layers(backend, spec.graph)]
    if options.training and Can.TRAINING in backend.can:
        refused += refused_training(backend, spec)
    if refused:
        raise UnsupportedError(f"{backend.name} cannot express " + "; ".join(refused))


def _refused_names(backend: Backend, spec: Spec) -> Iterator[str]:
    """Yield what is called as the source of a third party calls something of its own.

    nnspec's own backends reserve nothing: they rename in their source what would clash.
    """
    taken = backend.reserved
    words = taken.modules | taken.attributes
    known = (
        ("the network", {spec.name}, words | taken.definitions),
        ("an input", set(spec.graph.inputs), taken.modules | taken.variables),
        ("a block", set(spec.model.blocks), words),
    )
    for what, given, kept in known:
        for name in sorted(given & kept):
            yield f'the name "{name}" of {what}: its source calls something else so'
    if words:
        for name in sorted({part for at in spec.graph.walk() for part in at.path.split(".")}):
            if name in words:
                yield f'the name "{name}" of a layer: its source calls something else so'


def _refused_layers(backend: Backend, graph: Graph) -> Iterator[str]:
    support = backend.layers
    nodes = {id(at.node): at.node for at in graph.walk()}  # equal blocks have the same
    layers = (x for node in nodes.values() for x in (node.layer, node.layer.output_activation))
    if not any(support.refusal(layer) for layer in layers if layer is not None):
        return
    for at in graph.walk():
        for layer in (at.node.layer, at.node.layer.output_activation):
            if layer is not None and (reason := support.refusal(layer)):
                yield f'layer "{at.path}" ({layer.type}): {reason}'


def refused_training(backend: Backend, spec: Spec) -> list[str]:
    """Return what of the spec's training the backend cannot express, each with its reason."""
    training = spec.model.training
    if training is None:
        return []
    losses, optimizer = losses_of(training), training.optimizer
    found = [
        *(("loss", loss.type, backend.losses.refusal(loss)) for loss in losses),
        ("optimizer", optimizer.type, backend.optimizers.refusal(optimizer)),
    ]
    schedule = optimizer.learning_rate
    if isinstance(schedule, Schedule):
        found.append(("schedule", schedule.schedule, backend.schedules.refusal(schedule)))
    return [f"the {what} {kind}: {reason}" for what, kind, reason in found if reason]
