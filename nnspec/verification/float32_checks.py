"""Every engine in single precision, where rounding shows, against the reference in double."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nnspec.errors import MissingDependencyError, UnsupportedError
from nnspec.support.causes import cause_of
from nnspec.verification.blame import blamed
from nnspec.verification.call_checks import called_again, first_other
from nnspec.verification.engines import Engine, ExportedOnnx
from nnspec.verification.interface_checks import SPEC, faults
from nnspec.verification.samples import of_rows, single, sizes_of
from nnspec.verification.settings import BATCH
from nnspec.verification.tolerance import UNIT_ROUNDOFF, not_finite, relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.remote.calls import Answers
    from nnspec.verification.checks import Kind
    from nnspec.verification.engines import Outputs
    from nnspec.verification.recorder import Blame
    from nnspec.verification.state import State


BATCHES = (1, 5, 13, 32)
"""Rows of other batches, where as many are allowed."""


@dataclass(frozen=True)
class Asked:
    """Inputs and wanted outputs of every engine in float32.

    wanted: the outputs in double precision. rows: of the verification's, those that are asked,
    where that is not all. is_nothing: whether float32 can compute none.
    """

    inputs: Mapping[str, Array]
    wanted: Outputs
    tolerance: float
    rows: Array | None = None
    is_nothing: bool = False


@dataclass(frozen=True)
class Single:
    """Outputs of an engine in float32.

    faults: of its dtypes and declared axes. batches: by their rows. again: for the same row.
    """

    outputs: Outputs
    faults: list[str]
    batches: Mapping[int, Outputs]
    again: Answers

    def others(self, asked: Asked) -> dict[str, float]:
        """Return, by what was asked besides, the error."""
        wanted = asked.wanted
        errors = {
            f"a batch of {rows}": relative_error(outputs, of_rows(wanted, rows), wanted)
            for rows, outputs in self.batches.items()
        }
        number, error = first_other(self.again, of_rows(wanted, 1), asked.tolerance, wanted)
        errors[f"call {number} of the same row"] = error
        return errors

    def worst(self, asked: Asked) -> float:
        """Return the largest error."""
        return max(relative_error(self.outputs, asked.wanted), *self.others(asked).values())


Float32Runs = Mapping[tuple[str, bool], Callable[[], Single]]
"""By engine, and whether with graph optimisations."""


def compare_float32(state: State) -> None:
    """Compare each engine in float32 with the float64 outputs."""
    begun = state.once(float32_runs)
    state.progress("how far rounding moves the outputs")
    comparison = _Comparison(state)
    for engine in [*state.engines, *state.single_only]:
        state.progress(f"{engine.name} in float32")
        comparison.add(engine, begun)
    comparison.report()


class _Comparison:
    """The errors in float32 of one engine after the other.

    asked: changes once, when the first error exceeds the tolerance: see `measured`.
    """

    def __init__(self, state: State) -> None:
        reference = state.reference
        wanted = in_range(reference.outputs)
        if (beyond := not_finite(wanted)) != not_finite(reference.outputs):
            reason = f"{beyond} are not finite in float32: only that they are the same is compared"
            state.recorder.leave_out("forward", ("float32",), reason)
        self.state = state
        self.against = f"{reference.engine.name} float64"
        self.asked = Asked(state.inputs, wanted, float32_tolerance(state))
        self.is_measured = False
        self.faults: dict[str, list[str]] = {}
        self.others: dict[str, tuple[float, float]] = {}
        self.blames: dict[str, Blame] = {}

    def add(self, engine: Engine, begun: Float32Runs) -> None:
        """Compare an engine, and if it runs ONNX, also with graph optimisations."""
        result: Single | None = None
        for optimized in (False, True) if engine.is_onnx else (False,):
            compute = begun[engine.name, optimized]
            if self.asked.rows is not None:
                compute = self._anew(engine, optimized)
            if result is not None and isinstance(engine, ExportedOnnx):
                compute = partial(_optimized, compute)
            label = f"{engine.name}, optimized" if optimized else engine.name
            result = self._result(engine, label, compute, self._anew(engine, optimized))
            self.state.free()
            if result is not None:
                self.faults[label] = result.faults
                if not self.asked.is_nothing:
                    self._add_errors(engine, label, result)

    def report(self) -> None:
        """Add what was found of all engines together."""
        recorder = self.state.recorder
        recorder.add_findings("interface", "float32", SPEC, self.faults)
        recorder.add_errors(
            "dynamic_shape", "float32", self.against, self.others, blames=self.blames
        )

    def _anew(self, engine: Engine, optimized: bool) -> Callable[[], Single]:
        """Return the run of an engine on the inputs that are asked by then."""
        return lambda: run_float32(self.state, engine, self.asked.inputs, optimized=optimized)

    def _result(
        self,
        engine: Engine,
        label: str,
        compute: Callable[[], Single],
        anew: Callable[[], Single],
    ) -> Single | None:
        """Return the outputs of an engine, or None if it fails; measure an error once."""
        attempt = partial(
            self.state.recorder.attempt,
            kind=_kind(engine),
            label=label,
            dtype="float32",
            when="in float32",
            against=self.against,
        )
        result: Single | None = attempt(compute)
        if result is None or self.is_measured or not self._exceeds(engine, result):
            return result
        self.asked, self.is_measured = measured(self.state, self.asked), True
        if self._exceeds(engine, result) and self.asked.rows is not None:
            result = attempt(anew)
        return result

    def _exceeds(self, engine: Engine, result: Single) -> bool:
        asked = self._asked_of(engine)
        return result.worst(asked) > asked.tolerance

    def _asked_of(self, engine: Engine) -> Asked:
        """Return what is asked, with the tolerance of an engine: wider where it rounds factors."""
        factors = engine.placing.factors
        if not factors:
            return self.asked
        tolerance = self.asked.tolerance + self.state.tolerances.amplified(factors)
        return replace(self.asked, tolerance=tolerance)

    def _add_errors(self, engine: Engine, label: str, result: Single) -> None:
        asked = self._asked_of(engine)
        blame = blamed(self.state, self.state.reference.engine, engine)
        error = relative_error(result.outputs, asked.wanted)
        self.state.singles[label] = asked.inputs, asked.wanted, result.outputs
        self.state.recorder.add(
            _kind(engine), (label, self.against), "float32", error, asked.tolerance, blame=blame
        )
        where, largest = max(result.others(asked).items(), key=lambda other: other[1])
        self.others[label] = largest, asked.tolerance
        self.blames[label] = partial(_where, blame, where)


def _kind(engine: Engine) -> Kind:
    return "export" if engine.is_onnx else "forward"


def measured(state: State, asked: Asked) -> Asked:
    """Return the rows that float32 can compute, and the tolerance that rounding explains."""
    beyond, layer = state.tolerances.beyond_float32(asked.inputs)
    if beyond.any():
        count = f"{beyond.sum()} of the {len(beyond)} rows" if not beyond.all() else "every row"
        reason = f"{count} of the inputs: {layer} has numbers there that float32 does not hold"
        kinds: tuple[Kind, ...] = ("forward", "export", "dynamic_shape")
        for kind in kinds:
            state.recorder.leave_out(kind, ("float32",), reason)
        kept = np.flatnonzero(~beyond)
        if not kept.size:
            return replace(asked, is_nothing=True)
        inputs, wanted = (
            of_rows({name: array[kept] for name, array in each.items()}, len(beyond))
            for each in (asked.inputs, asked.wanted)
        )
        asked = replace(asked, inputs=inputs, wanted=wanted, rows=kept)
    tolerance = state.tolerances.ill_conditioned(asked.inputs, asked.tolerance)
    return replace(asked, tolerance=max(asked.tolerance, tolerance))


def _where(blame: Blame, where: str) -> tuple[str | None, str]:
    return blame()[0], f"At {where}."


def in_range(outputs: Outputs) -> Outputs:
    """Return outputs, infinite where float32 is."""
    with np.errstate(over="ignore"):
        return {
            name: np.where(np.isinf(single(array)), np.copysign(np.inf, array), array)
            if array.dtype.kind == "f"
            else array
            for name, array in outputs.items()
        }


def _optimized(compute: Callable[[], Single]) -> Single:
    """Return the outputs of an exporter's model that runs without graph optimisations.

    A failure is then ONNX Runtime's: raises UnsupportedError.
    """
    try:
        return compute()
    except (UnsupportedError, MissingDependencyError):
        raise
    except Exception as error:
        raise UnsupportedError(
            "ONNX Runtime runs the model without graph optimisations, and fails with them: "
            f"{cause_of(error)}"
        ) from error


def begin_float32(state: State) -> None:
    """Begin what each engine is asked in float32, where a level asks for it."""
    if {"interface", "outputs", "meaning"}.intersection(state.settings.levels):
        state.once(float32_runs)


def float32_runs(state: State) -> Float32Runs:
    """Return the runs of each engine on the inputs, begun if that is possible."""
    calls = {
        (engine.name, optimized): partial(
            run_float32, state, engine, state.inputs, optimized=optimized
        )
        for engine in [*state.engines, *state.single_only]
        for optimized in ((False, True) if engine.is_onnx else (False,))
    }
    # What exporters write is a network more, in memory and on disk.
    is_light = not any(isinstance(engine, ExportedOnnx) for engine in state.engines)
    return state.begun(calls, at_once=int(is_light))


def run_float32(
    state: State, engine: Engine, inputs: Mapping[str, Array], *, optimized: bool
) -> Single:
    """Return an engine's outputs in float32, for other batches and many calls too."""
    program = state.build(engine, "float32", optimized=optimized)
    singles = {name: single(array) for name, array in inputs.items()}
    outputs = program.forward(singles)
    batches = {
        rows: program.forward(of_rows(singles, rows))
        for rows in BATCHES
        if rows <= state.batch or state.batch >= BATCH
    }
    again = called_again(program, of_rows(singles, 1))
    return Single(outputs, faults(state, program, outputs, "float32"), batches, again)


def float32_tolerance(state: State) -> float:
    """Return the error that rounding in float32 explains in this network's outputs."""
    graph = state.graph
    rounding = UNIT_ROUNDOFF * sum(
        at.node.layer.float32_rounding(
            tuple(sizes_of(shape, state.axes) for shape in at.input_shapes), graph.data_format
        )
        for at in graph.walk()
    )
    measured = state.tolerances.amplification.float32_tolerance(
        state.inputs, state.reference.outputs
    )
    return measured + state.tolerances.amplified(rounding)
