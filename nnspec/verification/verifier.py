"""What every check of a verification shares: engines, inputs, tolerances, and who is blamed."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from nnspec.backend import Program, Trainable
from nnspec.errors import MissingDependencyError, UnsupportedError, UsageError
from nnspec.network.ids import followed
from nnspec.network.loader import Spec
from nnspec.support.causes import cause_of
from nnspec.support.versions import versions
from nnspec.verification.blame import first_diverging_layer
from nnspec.verification.conditioning import Conditioning
from nnspec.verification.engines import Engine, SourceEngine, engines_of
from nnspec.verification.evaluators import SingleOnly, run_exact
from nnspec.verification.float32_checks import Float32Runs, float32_runs
from nnspec.verification.memory import TooLarge, require_memory
from nnspec.verification.networks import as_spec
from nnspec.verification.recorder import Blame, Recorder
from nnspec.verification.report import Report
from nnspec.verification.rounding import lost_in_double
from nnspec.verification.rows import GivenRows
from nnspec.verification.samples import exercised_weights, random_inputs
from nnspec.verification.sizes import find_sizes
from nnspec.verification.suite import AFTERWARDS, WITH_EXACT, Suite
from nnspec.verification.tolerance import EXACT, Amplification, not_finite
from nnspec.verification.training_checks import TrainingRuns, training_runs, why_untrained

if TYPE_CHECKING:
    from nnspec.backend import Array, Precision, Weights
    from nnspec.remote.processes import Workers

LARGE = 2**27
"""Bytes of weights in float64 from which memory is freed at once."""
LOOSE = 1e-3
"""Relative, for one layer in float32 alone: far above rounding, below what a reader would see."""

Outputs = Mapping[str, "Array"]
K = TypeVar("K")
T = TypeVar("T")


class Verifier(Recorder):
    """One verification of one spec.

    engines: those that run, in float64 so far. sources: of them, the backends that write source.
    exact, outputs: by engine, the program in float64 and what it makes of `inputs`.
    reference: the source that the rest is measured against, and its program; `expected` are its
    outputs. trains: the engines that train.
    single_only: engines that nothing at hand evaluates rightly in float64. of_float32: by engine,
    what numbers in float32 within its model move the outputs by.
    rows: the user's own, from which `inputs` are drawn, or None.
    float32_runs, training_runs: what was begun before it is needed.
    axes: the size of each dynamic axis at which everything is compared; other_sizes: those that it
    is given besides.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        weights: Weights | None,
        backends: tuple[str, ...],
        steps: int,
        batch: int,
        seed: int,
        stock: bool,
        exporters: bool,
        fold: bool,
        opset: int,
        sizes: Mapping[str, Sequence[int]],
        memory: int | None,
        rows: GivenRows | None,
        progress: Callable[[str], None] | None,
        workers: Workers | None = None,
    ) -> None:
        self.spec = spec
        if batch < 2:
            raise UsageError(
                f"a verification needs a batch of at least 2 rows, not {batch}: one row has no "
                "variance to normalise by, and no neighbour to depend on"
            )
        self.workers = workers
        self.steps = steps
        self.memory = memory
        self.batch = batch
        self.seed = seed
        self.progress = progress or (lambda what: None)
        self.engines = engines_of(
            backends, stock=stock, exporters=exporters, fold=fold, opset=opset, workers=workers
        )
        self.sources = [engine for engine in self.engines if isinstance(engine, SourceEngine)]
        if not self.sources or len(self.engines) < 2:
            raise UsageError(
                "a verification compares at least two of torch, keras and onnx, "
                "one of them torch or keras"
            )
        given = exercised_weights(spec.graph, seed) if weights is None else weights
        self.weights: Weights = {
            name: array.astype(np.float64, copy=False) for name, array in given.items()
        }
        self.size = sum(array.nbytes for array in self.weights.values())
        self.rows = rows
        if rows is not None:
            self.batch = batch = min(batch, len(rows))
            given_axes = rows.axes(spec.graph)
            sizes = {name: (size, *sizes.get(name, ())) for name, size in given_axes.items()}
        found = find_sizes(spec.graph, sizes)
        self.axes, self.other_sizes = found.base, found.others
        if rows is not None:
            self.inputs, _ = rows.drawn(batch, seed)
        else:
            self.inputs = random_inputs(spec.graph, batch, self.axes, seed)
        report = Report(spec.name, spec.sha256, versions(), steps)
        super().__init__(report, followed(spec.graph).unknown)
        self.exact: dict[str, Program] = {}
        self.outputs: dict[str, Outputs] = {}
        self.trains: set[str] = set()
        self.expected: Outputs = {}
        self.single_only: list[Engine] = []
        self.of_float32: dict[str, float] = {}
        self.conditioned: Conditioning | None = None
        self.known: dict[float, float] = {}
        self.lost: dict[int, tuple[float, object]] = {}
        self.parted: dict[tuple[str, str], str | None] = {}
        self.float32_runs: Float32Runs | None = None
        self.training_runs: TrainingRuns | None = None
        self.asked_for(backends, exporters=exporters)

    def asked_for(self, backends: tuple[str, ...], *, exporters: bool) -> None:
        """Say what the call itself leaves out."""
        if "onnx" not in backends:
            self.leave_out("export", ("onnx",), "onnx is not among the backends")
        elif not exporters:
            for source in self.sources:
                reason = "exporters are left out, as asked"
                self.leave_out("export", (f"onnx-via-{source.name}",), reason)

    def run(self) -> Report:
        """Return the report of every check; a check that breaks costs no other."""
        start = time.perf_counter()
        self.start_early()
        self.begin_early()
        self.build_exact()
        if self.can_compare():
            self.run_suite(WITH_EXACT)
            self.exact.clear()
            self.conditioned = None
            self.lost.clear()
            self.free()
            self.run_suite(AFTERWARDS)
        self.report.seconds = time.perf_counter() - start
        return self.report

    def run_suite(self, suite: Suite) -> None:
        """Make these checks."""
        for kind, check in suite:
            try:
                check(self)
            except MissingDependencyError:
                raise
            except Exception as error:
                reason = f"the check itself broke: {cause_of(error)}"
                self.add_failed(kind, (self.reference_engine.name, "the rest"), "float64", reason)

    def free(self) -> None:
        """Free what is no longer held; a Keras model is a cycle, which may stay for long.

        A small network is left to Python, whose search for cycles would take longer than its check.
        """
        if self.size > LARGE:
            gc.collect()
            if self.workers is not None:
                self.workers.collect()

    def begun(self, calls: Mapping[K, Callable[[], T]]) -> Mapping[K, Callable[[], T]]:
        """Return what gives the result of each call, in processes begun at once."""
        if self.workers is None or self.size > LARGE or not calls:
            return calls
        pool = ThreadPoolExecutor(len(calls))
        futures = {name: pool.submit(call) for name, call in calls.items()}
        pool.shutdown(wait=False)
        return {name: future.result for name, future in futures.items()}

    def start_early(self) -> None:
        """Let processes begin with all that will be asked for, unless it would take much memory."""
        if self.workers is None or self.size > LARGE:
            return
        from nnspec.verification.remote import RemoteEngine

        dtypes: tuple[Precision, ...] = ("float64", "float32")
        for dtype in dtypes:
            for engine in self.engines:
                if isinstance(engine, RemoteEngine):
                    engine.start(self.spec, self.weights, dtype)
                    if dtype == "float32" and engine.is_onnx:
                        engine.start(self.spec, self.weights, dtype, optimized=True)

    def begin_early(self) -> None:
        """Begin what needs no other engine's outputs, while exporters write."""
        if self.workers is None or self.size > LARGE:
            return
        self.float32_runs = self.begun(float32_runs(self))
        with suppress(Exception):  # the check itself will say what is wrong
            if not why_untrained(self.spec.graph):
                self.training_runs = training_runs(self)

    # Outputs

    def build_exact(self) -> None:
        """Build every engine in float64, and run it on the inputs; those that fail go."""
        for engine in list(self.engines):
            self.progress(f"{engine.name} in float64")
            if engine.is_onnx and not self.expected:
                self.choose_reference()
            outputs = self.attempt(
                partial(self.run_first, engine), kind="forward", label=engine.name, is_first=True
            )
            if outputs is None:
                self.engines.remove(engine)
                self.exact.pop(engine.name, None)
                continue
            self.outputs[engine.name] = outputs
            if isinstance(self.exact[engine.name], Trainable):
                self.trains.add(engine.name)
        self.sources = [engine for engine in self.sources if engine.name in self.exact]
        self.choose_reference()

    def run_first(self, engine: Engine) -> Outputs | None:
        """Return what an engine makes of the inputs in float64, or None if only float32 will do."""
        try:
            return run_exact(self, engine, self.inputs, self.expected or None)
        except TooLarge as error:
            try:
                require_memory(engine, self.spec.graph, "float32", self.memory)
            except TooLarge:
                raise error from None
            self.only_in_float32(engine, error)
        except SingleOnly as error:
            self.only_in_float32(engine, error)
        return None

    def only_in_float32(self, engine: Engine, error: UnsupportedError) -> None:
        """Keep an engine for the checks in float32, and say so."""
        self.single_only.append(engine)
        for kind in ("forward", "dynamic_shape"):
            self.leave_out(kind, (engine.name,), f"in float64: {error}")

    def build(self, engine: Engine, dtype: Precision, *, optimized: bool = False) -> Program:
        """Return the spec's network as an engine makes it, with the weights of the verification.

        Raises TooLarge for an exporter that would take more memory than it may.
        """
        require_memory(engine, self.spec.graph, dtype, self.memory)
        return engine.build(self.spec, self.weights, dtype, optimized=optimized)

    def choose_reference(self) -> None:
        """Choose the first source that runs and trains, if there is one."""
        able = [engine for engine in self.sources if engine.name in self.trains]
        if self.expected or not able:
            return
        self.reference_engine = able[0]
        reference = self.exact[able[0].name]
        assert isinstance(reference, Trainable)
        self.reference = reference
        self.expected = self.outputs[able[0].name]
        if unknown := not_finite(self.expected):
            reason = f"{unknown} are not finite: only that they are not is compared"
            self.leave_out("forward", (able[0].name,), reason)
        self.amplification = Amplification(self.spec.graph, reference, self.weights, self.seed)

    def can_compare(self) -> bool:
        """Whether there is a reference, and another engine.

        Raises UsageError where there is none, and no failed check says why.
        """
        if self.expected and len(self.engines) + len(self.single_only) >= 2:
            return True
        if self.report.checks:
            self.leave_out(None, tuple(self.exact), "there is nothing left to compare with")
            return False
        reasons = "".join(
            f"; {', '.join(each.pair)} is left out: {each.reason}"
            for each in self.report.not_checked
            if each.kind is None
        )
        raise UsageError(
            "a verification measures the rest against its first backend, which must train: "
            f"torch or keras, not {self.engines[0].name if self.engines else 'none'}{reasons}"
        )

    # Tolerances and blame

    def conditioning(self) -> Conditioning:
        """Return the network in which rounding within layers is measured."""
        if self.conditioned is None:
            engine = self.reference_engine
            self.conditioned = Conditioning(engine, self.spec, self.weights)
        return self.conditioned

    def exact_tolerance(
        self, *engines: Engine, error: float = 0.0, inputs: Mapping[str, Array] | None = None
    ) -> float:
        """Return 1e-9, and what the engines' float32 constants add to it in this network.

        error: where it is more, what rounding within layers moves is measured, and added.
        inputs: on which the error was found, by default those of the verification.
        """
        listed = sum(engine.rounding(self.spec.graph) for engine in engines)
        measured = sum(self.of_float32.get(engine.name, 0.0) for engine in engines)
        tolerance = EXACT + self.amplified(listed) + measured
        if error <= tolerance:
            return tolerance
        given = self.inputs if inputs is None else inputs
        if id(given) not in self.lost:
            self.lost[id(given)] = lost_in_double(self, given), given
        return tolerance + self.lost[id(given)][0]

    def amplified(self, rounding: float) -> float:
        """Return how far layers that are each off by this relative error may move the outputs."""
        if rounding not in self.known:
            self.known[rounding] = self.amplification.of_layer_error(
                rounding, self.inputs, self.expected
            )
        return self.known[rounding]

    def blamed(self, first: Engine, second: Engine) -> Blame:
        """Return what finds the layer at which two engines part.

        It is looked for in float64, where a wrong layer stands out from rounding; what shows in
        float32 alone is looked for there.
        """

        def find() -> tuple[str | None, str]:
            names = (first.name, second.name)
            if names not in self.parted:
                self.progress(f"where {names[0]} and {names[1]} part")
                self.parted[names] = self.where_they_part(first, second, self.inputs)
            return self.parted[names], ""

        return find

    def blamed_on(
        self, first: Engine, second: Engine, inputs: Mapping[str, Array], detail: str
    ) -> Blame:
        """Return what finds the layer at which two engines part on other inputs."""

        def find() -> tuple[str | None, str]:
            self.progress(f"where {first.name} and {second.name} part")
            return self.where_they_part(first, second, inputs), detail

        return find

    def where_they_part(
        self, first: Engine, second: Engine, inputs: Mapping[str, Array]
    ) -> str | None:
        """Return the first layer that two engines compute differently."""
        spec = as_spec(self.spec, self.spec.graph, is_trained=False)
        stages: tuple[tuple[Precision, float], ...] = (
            ("float64", self.exact_tolerance(first, second)),
            ("float32", LOOSE),
        )
        layer = None
        for dtype, tolerance in stages:
            layer = layer or first_diverging_layer(
                spec, self.weights, inputs, (first, second), dtype, tolerance
            )
        return layer
