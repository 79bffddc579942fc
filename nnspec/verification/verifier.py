"""Runs every check of a verification."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend import Program, Trainable
from nnspec.errors import NnspecError, UnsupportedError, UsageError
from nnspec.loader import Spec
from nnspec.verification.blame import first_diverging_layer
from nnspec.verification.engines import Engine, SourceEngine, engines_of
from nnspec.verification.networks import as_spec
from nnspec.verification.report import Check, Kind, Report
from nnspec.verification.samples import (
    dynamic_axes,
    exercised_weights,
    random_inputs,
)
from nnspec.verification.tolerance import (
    EXACT,
    UNIT_ROUNDOFF,
    Amplification,
    relative_error,
)
from nnspec.verification.training_checks import TrainingChecks
from nnspec.versions import versions

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

LARGE = 2**27
"""Bytes of weights in float64 from which memory is freed at once."""
BASE_SIZE = 7
"""Of the first dynamic axis; the sizes are odd, even and coprime, none 1."""
OTHER_SIZES = (4, 12)
LOOSE = 1e-3
"""Relative, for one layer in float32 alone: far above rounding, below what a reader would see."""

Outputs = Mapping[str, "Array"]


class Verifier:
    """One verification of one spec."""

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
        progress: Callable[[str], None] | None,
    ) -> None:
        self.spec = spec
        if batch < 2:
            raise UsageError(
                f"a verification needs a batch of at least 2 rows, not {batch}: one row has no "
                "variance to normalise by, and no neighbour to depend on"
            )
        self.steps = steps
        self.batch = batch
        self.seed = seed
        self.progress = progress or (lambda what: None)
        self.engines = engines_of(
            backends, stock=stock, exporters=exporters, fold=fold, opset=opset
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
        self.axes = {name: BASE_SIZE + 2 * i for i, name in enumerate(dynamic_axes(spec.graph))}
        self.inputs = random_inputs(spec.graph, batch, self.axes, seed)
        self.report = Report(spec.name, spec.sha256, versions(), steps)
        self.exact: dict[str, Program] = {}
        self.outputs: dict[str, Outputs] = {}
        self.known: dict[float, float] = {}
        self.parted: dict[tuple[str, str], str | None] = {}

    def run(self) -> Report:
        """Return the report of every check."""
        start = time.perf_counter()
        self.build_exact()
        self.sources = [engine for engine in self.sources if engine.name in self.exact]
        reference = self.exact[self.sources[0].name] if self.sources else None
        if not isinstance(reference, Trainable) or len(self.engines) < 2:
            raise UsageError(
                "a verification measures the rest against its first backend, which must train: "
                f"torch or keras, not {self.engines[0].name if self.engines else 'none'}"
                + "".join(f"; {note}" for note in self.report.notes)
            )
        self.reference = reference
        self.expected = self.outputs[self.sources[0].name]
        self.amplification = Amplification(self.spec.graph, reference, self.weights, self.seed)
        self.check_forward()
        self.progress("how far rounding moves the outputs")
        self.check_float32()
        self.check_sizes()
        trains = {name for name, made in self.exact.items() if isinstance(made, Trainable)}
        self.exact.clear()
        self.free()
        TrainingChecks(self, trains).run()
        self.report.seconds = time.perf_counter() - start
        return self.report

    def free(self) -> None:
        """Free what is no longer held; a Keras model is a cycle, which may stay for long.

        A small network is left to Python, whose search for cycles would take longer than its check.
        """
        if self.size > LARGE:
            gc.collect()

    def add(
        self,
        kind: Kind,
        pair: tuple[str, str],
        dtype: str,
        error: float,
        tolerance: float,
        *,
        blame: Callable[[], tuple[str | None, str]] | None = None,
    ) -> None:
        """Add a check; a failed one is blamed on a layer."""
        passed = error <= tolerance
        layer, detail = blame() if blame is not None and not passed else (None, "")
        self.report.checks.append(Check(kind, pair, dtype, error, tolerance, passed, layer, detail))

    # Outputs

    def build_exact(self) -> None:
        """Build every engine in float64, and run it on the inputs."""
        for engine in list(self.engines):
            self.progress(f"{engine.name} in float64")
            try:
                program = engine.build(self.spec, self.weights, "float64")
                outputs = program.forward(self.inputs)
            except UnsupportedError as error:
                self.report.notes.append(f"{engine.name} is left out: {error}")
                self.engines.remove(engine)
            except NnspecError:
                raise
            except Exception as error:
                # Emitted code that does not run is the worst difference there is.
                self.add_broken("forward", engine, error)
                self.engines.remove(engine)
            else:
                self.exact[engine.name] = program
                self.outputs[engine.name] = outputs

    def add_broken(self, kind: Kind, engine: Engine, error: Exception) -> None:
        """Add the failed check of an engine that raised."""
        text = f"{engine.name} does not run: {type(error).__name__}: {error}"
        pair = (engine.name, engine.name)
        infinite = float("inf")
        self.add(kind, pair, "float64", infinite, EXACT, blame=lambda: (None, text))

    def check_forward(self) -> None:
        """Compare the outputs of every pair in float64."""
        for first, second in itertools.combinations(self.engines, 2):
            error = relative_error(self.outputs[second.name], self.outputs[first.name])
            self.add(
                "forward",
                (first.name, second.name),
                "float64",
                error,
                self.exact_tolerance((first, second)),
                blame=self.blamed((first, second)),
            )

    def exact_tolerance(self, engines: tuple[Engine, Engine]) -> float:
        """Return 1e-9, and what the engines' float32 constants add to it in this network."""
        return EXACT + self.amplified(sum(engine.rounding(self.spec.graph) for engine in engines))

    def amplified(self, rounding: float) -> float:
        """Return how far layers that are each off by this relative error may move the outputs."""
        if rounding not in self.known:
            self.known[rounding] = self.amplification.of_layer_error(
                rounding, self.inputs, self.expected
            )
        return self.known[rounding]

    def blamed(self, engines: tuple[Engine, Engine]) -> Callable[[], tuple[str | None, str]]:
        """Return what finds the layer at which two engines part.

        It is looked for in float64, where a wrong layer stands out from rounding; what shows in
        float32 alone is looked for there.
        """

        def find() -> tuple[str | None, str]:
            names = (engines[0].name, engines[1].name)
            if names not in self.parted:
                self.progress(f"where {names[0]} and {names[1]} part")
                spec = as_spec(self.spec, self.spec.graph, is_trained=False)
                layer = first_diverging_layer(
                    spec,
                    self.weights,
                    self.inputs,
                    engines,
                    "float64",
                    self.exact_tolerance(engines),
                )
                if layer is None:
                    layer = first_diverging_layer(
                        spec, self.weights, self.inputs, engines, "float32", LOOSE
                    )
                self.parted[names] = layer
            return self.parted[names], ""

        return find

    def check_float32(self) -> None:
        """Compare each engine in float32 with the float64 outputs."""
        tolerance = self.amplification.float32_tolerance(self.inputs, self.expected)
        graph = self.spec.graph
        rounding = UNIT_ROUNDOFF * sum(
            at.node.layer.float32_rounding(at.input_shapes, graph.data_format)
            for at in graph.walk()
        )
        tolerance += self.amplified(rounding)
        for engine in self.engines:
            self.progress(f"{engine.name} in float32")
            for optimized in (False, True) if engine.is_onnx else (False,):
                program = engine.build(self.spec, self.weights, "float32", optimized=optimized)
                given = {name: _single(array) for name, array in self.inputs.items()}
                error = relative_error(program.forward(given), self.expected)
                del program
                self.free()
                label = f"{engine.name}, optimized" if optimized else engine.name
                self.add(
                    "export" if engine.is_onnx else "forward",
                    (label, f"{self.sources[0].name} float64"),
                    "float32",
                    error,
                    tolerance,
                    blame=self.blamed((self.sources[0], engine)),
                )

    def check_sizes(self) -> None:
        """Compare every engine on a batch of one row, and on other sizes of each dynamic axis."""
        self.progress("other batch and axis sizes")
        whole = {name: array[:1] for name, array in self.inputs.items()}
        row = {name: array[:1] for name, array in self.expected.items()}
        cases = [("a batch of 1", whole, row)]
        for i, name in enumerate(self.axes):
            for size in OTHER_SIZES:
                axes = {**self.axes, name: size + i}
                inputs = random_inputs(self.spec.graph, 3, axes, self.seed + size)
                cases.append((f"{name} = {size + i}", inputs, self.reference.forward(inputs)))
        for what, inputs, expected in cases:
            for engine in self.engines:
                error = relative_error(self.exact[engine.name].forward(inputs), expected)
                self.add(
                    "dynamic_shape",
                    (f"{engine.name}, {what}", self.sources[0].name),
                    "float64",
                    error,
                    self.exact_tolerance((self.sources[0], engine)),
                    blame=self.blamed((self.sources[0], engine)),
                )


def _single(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype.kind == "f" else array
