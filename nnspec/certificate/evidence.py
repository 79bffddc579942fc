"""Evidence of a verification, kept for its certificate: all that it really loaded and computed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import numpy as np

from nnspec.backend import Program, refused_training
from nnspec.errors import UsageError
from nnspec.verification.engines import DirectOnnx
from nnspec.verification.tolerance import relative_error
from nnspec.verification.training_runs import trained_spec, why_untrained

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights
    from nnspec.network.loader import Spec
    from nnspec.verification.engines import Outputs, SourceEngine
    from nnspec.verification.state import State

SIZES = (0.01, 0.1, 1.0)
"""Of an injected fault: what is added to the largest number of a tensor, in shares of it."""
TENSORS = 8
"""In which a fault is tried at each size."""
CLEAR = 10.0
"""Times the tolerance that a fault must move the outputs by, to be one that must be found."""


@runtime_checkable
class SaysItsSource(Program, Protocol):
    """A program that knows the text it was loaded from."""

    def source_sha256(self) -> str:
        """Return the SHA-256 of the emitted text that was loaded."""
        ...


class Source(NamedTuple):
    """The emitted text of an engine. is_confirmed: the engine's program says it was loaded.

    trained: the text that gradients and training were measured with, where it is another.
    """

    text: str
    is_confirmed: bool
    trained: str | None = None


class ChangedWeight(NamedTuple):
    """One number of one tensor that is another."""

    tensor: str
    position: int
    value: float

    def applied(self, weights: Mapping[str, Array]) -> Weights:
        """Return the weights with the change, if the tensor is among them."""
        if self.tensor not in weights:
            return dict(weights)
        changed = np.array(weights[self.tensor])
        changed.reshape(-1)[self.position] = self.value
        return {**weights, self.tensor: changed}


@dataclass
class Evidence:
    """All that `take` has kept of a verification.

    inputs: that the ONNX file was run on. arrays: outputs on these inputs, by engine and dtype as
    the report calls them ("torch float64"). sources: by engine. engine: of the ONNX file.
    fault: a change of the weights that moves the outputs beyond the tolerance, None where there is
    none. axes: the sizes of dynamic axes. batch: rows. is_large: whether less is asked of the
    network, for its size. objective: the spec that gradients and training are of, None where there
    are none. threads: of each process, None where each framework takes as many as it likes.
    """

    threads: int | None = None
    inputs: Mapping[str, Array] = field(default_factory=dict)
    arrays: dict[str, Outputs] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    engine: DirectOnnx | None = None
    fault: ChangedWeight | None = None
    axes: Mapping[str, int] = field(default_factory=dict)
    batch: int = 0
    is_large: bool = False
    objective: Spec | None = None

    @property
    def labels(self) -> dict[str, bool]:
        """The names of the ONNX engine in the report, and whether graph optimisations are on."""
        name = self.engine.name if self.engine is not None else ""
        return {f"{name} float32": False, f"{name}, optimized float32": True}


def take(state: State, evidence: Evidence) -> None:
    """Keep what a verification has loaded and computed; called while its programs are there."""
    evidence.axes, evidence.batch, evidence.is_large = state.axes, state.batch, state.is_large
    if state.settings.trains and not why_untrained(state.graph):
        evidence.objective = trained_spec(state)
    evidence.engine = _certified(state)
    for source in state.sources:
        evidence.sources[source.name] = _source_of(state, source, evidence.objective)
    if evidence.engine is None or evidence.engine.name not in state.singles:
        return
    asked, wanted, _ = state.singles[evidence.engine.name]
    reference = f"{state.reference.engine.name} float64"
    evidence.inputs = asked
    if asked is state.inputs:
        evidence.arrays = {f"{name} float64": outputs for name, outputs in state.outputs.items()}
    evidence.arrays[reference] = wanted
    for label, (inputs, _, outputs) in state.singles.items():
        if inputs is asked:
            evidence.arrays[f"{label} float32"] = outputs
    evidence.fault = _fault(state, asked)


def _certified(state: State) -> DirectOnnx | None:
    """Return the engine of the ONNX model that is exported: a variant that was asked for, if any.

    `--fold` asks for one, and then the file is folded too.
    """
    engines = [each for each in state.engines if isinstance(each, DirectOnnx)]
    engines += [each for each in state.single_only if isinstance(each, DirectOnnx)]
    return max(engines, key=lambda each: each.name != each.backend.name, default=None)


def _source_of(state: State, source: SourceEngine, objective: Spec | None) -> Source:
    """Return the text of an engine; raises UsageError where its program has loaded another."""
    trained = None
    if objective is not None and not refused_training(source.backend, objective):
        trained = source.backend.compile(objective, source.options(objective)).source
    text = source.backend.compile(state.spec, source.options(state.spec)).source
    trained = trained if trained != text else None
    program = state.programs[source.name]
    if not isinstance(program, SaysItsSource):
        return Source(text, False, trained)
    if program.source_sha256() != hashlib.sha256(text.encode()).hexdigest():
        raise UsageError(
            f"{source.name} has loaded another text than it writes now: its backend gives another "
            "text each time, and so cannot be certified"
        )
    return Source(text, True, trained)


def _fault(state: State, inputs: Mapping[str, Array]) -> ChangedWeight | None:
    """Return a change of one number that moves the outputs clearly: the smallest that is found.

    inputs: that the certificate holds. From the last parameter on, of which the outputs depend most
    surely; what training changes comes first, because a statistic moves nothing in training.
    """
    checks = state.recorder.report.checks
    limit = max(
        (each.tolerance for each in checks if each.kind in ("forward", "export")), default=0.0
    )
    named = dict(state.graph.parameters())
    order = [name for name in reversed(named) if named[name].learns]
    order += [name for name in reversed(named) if not named[name].learns]
    program = state.reference.program
    right = program.forward(inputs)
    try:
        for size in SIZES:
            for name in order[:TENSORS]:
                fault = _changed(name, state.weights[name], size)
                if fault is None:
                    continue
                program.load_weights(fault.applied(state.weights))
                moved = relative_error(program.forward(inputs), right)
                if np.isfinite(moved) and moved > CLEAR * limit:
                    return fault
    finally:
        program.load_weights(state.weights)
    return None


def _changed(name: str, array: Array, size: float) -> ChangedWeight | None:
    """Return the change of a tensor's largest number by this share of it."""
    if not array.size or array.dtype.kind != "f":
        return None
    index = int(np.argmax(np.abs(array)))
    old = float(array.reshape(-1)[index])
    new = float(np.float32(old + size * (abs(old) or 1.0)))
    return ChangedWeight(name, index, new)
