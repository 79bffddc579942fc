"""Runs every check of a verification."""

from __future__ import annotations

import itertools
import platform
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend import Program, Trainable
from nnspec.errors import NnspecError, UnsupportedError, UsageError
from nnspec.loader import Spec
from nnspec.training_schema import Sgd, Training
from nnspec.verification.blame import first_diverging_layer
from nnspec.verification.engines import Engine, SourceEngine, engines_of
from nnspec.verification.networks import as_spec, with_one_output, without_dropout
from nnspec.verification.report import Check, Kind, Report
from nnspec.verification.samples import (
    dynamic_axes,
    exercised_weights,
    random_inputs,
)
from nnspec.verification.tolerance import (
    EXACT,
    TRAINED,
    UNIT_ROUNDOFF,
    Amplification,
    relative_error,
)
from nnspec.verification.trained import (
    WHY_UNCOMPARED,
    Comparison,
    TrainedRun,
    train_steps,
    uncompared,
)

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

BASE_SIZE = 7
"""Of the first dynamic axis; the sizes are odd, even and coprime, none 1."""
OTHER_SIZES = (4, 12)
OPSET = 18
"""The highest that every framework's exporter writes."""
TRAINING_SEED = 100
"""Keeps the batches of the training check apart from the other inputs."""
LOOSE = 1e-3
"""Relative, for one layer in float32 alone: far above rounding, below what a reader would see."""
_PACKAGES = ("nnspec", "torch", "keras", "tensorflow", "onnx", "onnxruntime", "numpy")
_ALTERNATIVES = {"tensorflow": "tensorflow-cpu"}

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
            backends, stock=stock, exporters=exporters, fold=fold, opset=OPSET
        )
        self.sources = [engine for engine in self.engines if isinstance(engine, SourceEngine)]
        if not self.sources or len(self.engines) < 2:
            raise UsageError(
                "a verification compares at least two of torch, keras and onnx, "
                "one of them torch or keras"
            )
        given = exercised_weights(spec.graph, seed) if weights is None else weights
        self.weights: Weights = {name: array.astype(np.float64) for name, array in given.items()}
        self.axes = {name: BASE_SIZE + 2 * i for i, name in enumerate(dynamic_axes(spec.graph))}
        self.inputs = random_inputs(spec.graph, batch, self.axes, seed)
        self.report = Report(spec.name, spec.sha256, versions(), steps)
        self.exact: dict[str, Program] = {}
        self.outputs: dict[str, Outputs] = {}
        self.parted: dict[tuple[str, str], str | None] = {}

    def run(self) -> Report:
        """Return the report of every check."""
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
        self.check_float32()
        self.check_training()
        self.check_sizes()
        return self.report

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
        graph = self.spec.graph
        rounding = sum(engine.rounding(graph) for engine in engines)
        return EXACT + self.amplification.of_layer_error(rounding, self.inputs, self.expected)

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
        tolerance += self.amplification.of_layer_error(rounding, self.inputs, self.expected)
        for engine in self.engines:
            self.progress(f"{engine.name} in float32")
            for optimized in (False, True) if engine.is_onnx else (False,):
                program = engine.build(self.spec, self.weights, "float32", optimized=optimized)
                given = {name: _single(array) for name, array in self.inputs.items()}
                error = relative_error(program.forward(given), self.expected)
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

    # Training

    def check_training(self) -> None:
        """Compare loss, gradients and the weights after some steps, in float64, dropout off."""
        if not any(parameter.trainable for _, parameter in self.spec.graph.parameters()):
            self.report.notes.append("the network has no parameters to train")
            return
        model, graph = self.spec.model, without_dropout(self.spec.graph)
        training = model.training
        if any(graph.types[name].dtype != "float32" for name in graph.outputs):
            self.report.notes.append("an output holds no floats: gradients are unchecked")
            return
        if len(graph.outputs) != 1:
            training, graph = None, with_one_output(graph)
            self.report.notes.append(
                "the network has several outputs: gradients and training are those of their lengths"
            )
        training = training or Training(task="regression", optimizer=Sgd())
        spec = Spec(model.model_copy(update={"training": training}), graph, self.spec.path)
        layers = [at.node.layer for at in self.spec.graph.walk()]
        if any(getattr(layer, field) for layer in layers for field in layer.random):
            self.report.notes.append("gradients and training are compared with dropout off")
        left_out = uncompared(self.spec.graph)
        if left_out:
            self.report.notes.append(
                f"{', '.join(sorted(left_out))}: not compared after training, because "
                f"{WHY_UNCOMPARED}"
            )
        runs: dict[str, TrainedRun] = {}
        for engine in self.sources:
            if not isinstance(self.exact[engine.name], Trainable):
                self.report.notes.append(f"{engine.name} runs networks, and trains none")
                continue
            self.progress(f"training {engine.name} for {self.steps} steps")
            try:
                run = train_steps(
                    engine,
                    spec,
                    self.weights,
                    steps=self.steps,
                    batch=self.batch,
                    axes=self.axes,
                    seed=self.seed + TRAINING_SEED,
                )
            except NnspecError:
                raise
            except Exception as error:
                self.add_broken("training", engine, error)
                continue
            runs[engine.name] = run
            self.report.notes += run.notes
        for first, second in itertools.combinations(runs, 2):
            self.compare_runs((first, second), Comparison(spec.graph, runs[first], runs[second]))

    def compare_runs(self, pair: tuple[str, str], compared: Comparison) -> None:
        """Add the gradient and the training check of two runs."""
        rounding = sum(
            engine.rounding(self.spec.graph, of_gradient=True)
            for engine in self.sources
            if engine.name in pair
        )
        extra = self.amplification.of_layer_error(rounding, self.inputs, self.expected)
        exact, after_steps = EXACT + extra, TRAINED + extra * self.steps
        self.add(
            "gradient",
            pair,
            "float64",
            compared.gradient_error,
            exact,
            blame=lambda: compared.blame_gradient(exact),
        )
        self.add(
            "training",
            pair,
            "float64",
            compared.weight_error,
            after_steps,
            blame=lambda: compared.blame_training(after_steps, exact),
        )


def _single(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def versions() -> dict[str, str]:
    """Return the versions of what takes part, those installed."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        for name in (package, _ALTERNATIVES.get(package, package)):
            try:
                found[package] = version(name)
                break
            except PackageNotFoundError:
                continue
    return found
