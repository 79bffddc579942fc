"""State of one verification, which its checks share."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from nnspec.backend import Program
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.verification.engines import Engine, Outputs, Reference, SourceEngine
from nnspec.verification.memory import require_memory
from nnspec.verification.recorder import Recorder
from nnspec.verification.rounding import Tolerances
from nnspec.verification.rows import GivenRows
from nnspec.verification.settings import Settings

if TYPE_CHECKING:
    from nnspec.backend import Array, Precision, Weights
    from nnspec.remote.processes import Worker, Workers

LARGE = 2**27
"""Bytes of weights in float64 from which a network is held no more often than it must be."""

K = TypeVar("K")
T = TypeVar("T")


@dataclass
class State:
    """A network, the engines that compute it, and what is known of them so far.

    spec, settings: what is verified, and how. weights: canonical ones, in float64.
    batch: rows of every batch. inputs: that everything is compared on. rows: the user's own, from
    which `inputs` are drawn, or None.
    axes: the size of each dynamic axis at which everything is compared; other_sizes: those that it
    is given besides.
    engines: those that run, in float64 so far. sources: of them, those that write source; trainers:
    of these, those that train. single_only: engines that nothing at hand evaluates rightly in
    float64.
    programs, outputs: by engine, the program in float64 and what it makes of `inputs`.
    singles: by engine in float32, the inputs, the wanted outputs, and those that it gives.
    recorder: writes the report. workers: the processes of the backends, if they have any.
    parts: of the work, which are engines and checks.
    parted: by pair of engines, the layer at which they part, where that was looked for.
    """

    spec: Spec
    settings: Settings
    recorder: Recorder
    weights: Weights
    batch: int
    rows: GivenRows | None
    inputs: Mapping[str, Array]
    axes: Mapping[str, int]
    other_sizes: Mapping[str, Sequence[int]]
    engines: list[Engine]
    sources: list[SourceEngine]
    workers: Workers | None = None
    trainers: list[SourceEngine] = field(default_factory=list)
    single_only: list[Engine] = field(default_factory=list)
    programs: dict[str, Program] = field(default_factory=dict)
    outputs: dict[str, Outputs] = field(default_factory=dict)
    singles: dict[str, tuple[Mapping[str, Array], Outputs, Outputs]] = field(default_factory=dict)
    parted: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _tolerances: Tolerances | None = None
    parts: int = 0
    _done: int = 0
    _made: dict[Callable[..., Any], Any] = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        """The spec's network."""
        return self.spec.graph

    @property
    def has_reference(self) -> bool:
        """Whether a source has run that the rest can be measured against."""
        return self._tolerances is not None

    @property
    def reference(self) -> Reference:
        """The source that the rest is measured against, its program and its outputs."""
        return self.tolerances.reference

    @property
    def tolerances(self) -> Tolerances:
        """The errors that rounding explains, as measured on the reference."""
        if self._tolerances is None:
            raise RuntimeError("no source that trains has run yet")
        return self._tolerances

    def measure_against(self, reference: Reference) -> None:
        """Measure the rest against this source."""
        self._tolerances = Tolerances(
            self.spec, self.settings, self.weights, self.inputs, reference, self.recorder
        )

    @property
    def weight_bytes(self) -> int:
        """Bytes of the weights in float64."""
        return 8 * sum(math.prod(parameter.shape) for _, parameter in self.graph.parameters())

    @property
    def is_large(self) -> bool:
        """Whether the weights take so much memory that no more is held than must be."""
        return self.weight_bytes > LARGE

    def progress(self, stage: str) -> None:
        """Show the stage that begins."""
        self.settings.show(stage)

    def has_done_part(self) -> None:
        """Count a part of the work that is done."""
        self._done += 1
        if self.settings.count is not None:
            self.settings.count(self._done, self.parts)

    def source(self, name: str) -> SourceEngine:
        """Return the source of this name."""
        (engine,) = (engine for engine in self.sources if engine.name == name)
        return engine

    def build(self, engine: Engine, dtype: Precision, *, optimized: bool = False) -> Program:
        """Return the spec's network as an engine makes it, with the weights of the verification.

        Raises TooLarge for an exporter that would take more memory than it may.
        """
        require_memory(engine, self.graph, dtype, self.settings.memory)
        return engine.build(self.spec, self.weights, dtype, optimized=optimized)

    def once(self, make: Callable[[State], T]) -> T:
        """Return the result of a function of this state, which is called once."""
        if make not in self._made:
            self._made[make] = make(self)
        made: T = self._made[make]
        return made

    def begun(
        self, calls: Mapping[K, Callable[[], T]], *, at_once: int = 0
    ) -> Mapping[K, Callable[[], T]]:
        """Return functions that wait for the result of each call, in processes begun at once.

        at_once: how many of them a large network has the memory for at a time; 0: they begin when
        they are asked for.
        """
        most = at_once if self.is_large else len(calls)
        if self.workers is None or not calls or not most:
            return calls
        pool = ThreadPoolExecutor(most)
        futures = {name: pool.submit(call) for name, call in calls.items()}
        pool.shutdown(wait=False)
        return {name: future.result for name, future in futures.items()}

    def forget_programs(self) -> None:
        """Let go of every program in float64, and of what was measured with them."""
        self.programs.clear()
        self.tolerances.forget()
        self.free()

    def alone(self, engine: SourceEngine) -> None:
        """End the processes of other backends than an engine's, if the network is large.

        Those of the sources after it start anew at once: to import a framework takes long.
        """
        if self.is_large and self.workers is not None:
            self.workers.rest(but=self._worker(engine))
            for later in self.sources[self.sources.index(engine) + 1 :]:
                self._worker(later).wake()

    def _worker(self, engine: SourceEngine) -> Worker:
        assert self.workers is not None
        return self.workers.of(engine.backend.name, engine.placing.variant)

    def free(self) -> None:
        """Free what is no longer held; a Keras model is a cycle, which may stay for long.

        A small network is left to Python, whose search for cycles would take longer than its check.
        """
        if self.is_large:
            gc.collect()
            if self.workers is not None:
                self.workers.collect()
