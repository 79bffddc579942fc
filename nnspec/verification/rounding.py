"""Tolerances of a network's outputs: what rounding explains, and no more.

What rounding within layers adds takes a network of its own to measure, and so is measured only
where a comparison exceeds its tolerance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnspec.layers import HardShrink, Threshold
from nnspec.network.loader import Spec
from nnspec.support.causes import cause_of
from nnspec.verification.conditioning import DECIDING, Conditioning
from nnspec.verification.engines import Engine, Reference
from nnspec.verification.recorder import Recorder
from nnspec.verification.settings import Settings
from nnspec.verification.tolerance import (
    DOUBLE_ROUNDOFF,
    EXACT,
    SAFETY,
    UNIT_ROUNDOFF,
    Amplification,
    relative_error,
)

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

_JUMPS = (*DECIDING, HardShrink, Threshold)
"""Layers in which rounding decides between things that lie apart."""


class Tolerances:
    """Errors that rounding explains in the outputs of a network, measured on the reference.

    amplification: of relative errors in parameters and inputs. of_float32: by engine, what numbers
    in float32 within its model move the outputs by.
    """

    def __init__(
        self,
        spec: Spec,
        settings: Settings,
        weights: Weights,
        inputs: Mapping[str, Array],
        reference: Reference,
        recorder: Recorder,
    ) -> None:
        self.reference = reference
        self.amplification = Amplification(spec.graph, reference.program, weights, settings.seed)
        self.of_float32: dict[str, float] = {}
        self._spec = spec
        self._weights = weights
        self._inputs = inputs
        self._recorder = recorder
        self._progress = settings.show
        self._amplified: dict[float, float] = {}
        self._conditioning: Conditioning | None = None
        self._lost_on: dict[int, tuple[float, object]] = {}
        """By the id of inputs, which are held, so that it is not another's."""

    def forget(self) -> None:
        """Let go of the network in which rounding within layers is measured."""
        self._conditioning = None
        self._lost_on.clear()

    def conditioning(self) -> Conditioning:
        """Return the network in which rounding within layers is measured."""
        if self._conditioning is None:
            self._conditioning = Conditioning(self.reference.engine, self._spec, self._weights)
        return self._conditioning

    def amplified(self, rounding: float) -> float:
        """Return the error of the outputs where each layer is off by this relative error."""
        if rounding not in self._amplified:
            self._amplified[rounding] = self.amplification.of_layer_error(
                rounding, self._inputs, self.reference.outputs
            )
        return self._amplified[rounding]

    def in_float64(
        self, *engines: Engine, error: float = 0.0, inputs: Mapping[str, Array] | None = None
    ) -> float:
        """Return 1e-9, and the errors that the engines' float32 constants cause in this network.

        error: where it is more, what rounding within layers moves is measured, and added.
        inputs: on which the error was found, by default those of the verification.
        """
        listed = sum(engine.rounding(self._spec.graph) for engine in engines)
        measured = sum(self.of_float32.get(engine.name, 0.0) for engine in engines)
        tolerance = EXACT + self.amplified(listed) + measured
        if error <= tolerance:
            return tolerance
        inputs = self._inputs if inputs is None else inputs
        if id(inputs) not in self._lost_on:
            self._lost_on[id(inputs)] = self._lost_in_double(inputs), inputs
        return tolerance + self._lost_on[id(inputs)][0]

    def _lost_in_double(self, inputs: Mapping[str, Array]) -> float:
        """Return the error that rounding within layers in double precision explains.

        0 where that is no more than is allowed anyway, and infinite where it decides what is true.
        Equal elements stay equal where a layer would tell them apart, so that a wrong choice among
        them is no rounding.
        """
        ways = [True]
        if not any(isinstance(at.node.layer, _JUMPS) for at in self._spec.graph.walk()):
            ways.append(False)
        lost = self._lost(inputs, DOUBLE_ROUNDOFF, ways, EXACT)
        return lost if lost > EXACT else 0.0

    def ill_conditioned(self, inputs: Mapping[str, Array], tolerance: float) -> float:
        """Return the error that rounding within layers in float32 explains."""
        return self._lost(inputs, UNIT_ROUNDOFF, [False], tolerance)

    def _lost(
        self, inputs: Mapping[str, Array], unit: float, ways: Sequence[bool], least: float
    ) -> float:
        """Return the error that rounding within layers by this unit explains.

        Infinite where it decides what is true, and 0, with a note, where it could not be measured.
        ways: whether equal elements stay equal; each is measured. least: what needs no note.
        """
        self._progress("how far rounding within layers moves the outputs")
        try:
            found = self.conditioning()
            moved = max(
                (
                    relative_error(actual, expected)
                    for by_row in ways
                    for expected, actual in found.moved(
                        inputs, unit, self.amplification.draws(), by_row=by_row
                    )
                ),
                default=0.0,
            )
            if found.undecided(inputs, unit, self.amplification.draws())[0].any():
                return np.inf
        except Exception as error:
            self._recorder.note(f"rounding within layers could not be measured: {cause_of(error)}")
            return 0.0
        if SAFETY * moved > least:
            self._say(found, "float32" if unit == UNIT_ROUNDOFF else "double precision", moved)
        return SAFETY * moved

    def undecided_elements(
        self, inputs: Mapping[str, Array], unit: float, *, is_wide: bool = False
    ) -> dict[str, Array]:
        """Return for outputs that compare numbers where rounding by this unit decides.

        is_wide: or may, by the widest guess.
        """
        try:
            with np.errstate(all="ignore"):
                draws = self.amplification.draws()
                found = self.conditioning()
                return found.undecided_elements(inputs, unit, draws, is_wide=is_wide)
        except Exception as error:
            self._recorder.note(f"rounding within layers could not be measured: {cause_of(error)}")
            return {}

    def beyond_float32(self, inputs: Mapping[str, Array]) -> tuple[Array, str]:
        """Return the rows with numbers within the network that float32 does not hold, and where."""
        try:
            return self.conditioning().beyond_float32(inputs)
        except Exception as error:
            self._recorder.note(
                f"numbers within the network could not be looked at: {cause_of(error)}"
            )
            return np.zeros(len(next(iter(inputs.values()))), bool), ""

    def _say(self, found: Conditioning, dtype: str, moved: float) -> None:
        said = f"rounding in {dtype} moves the outputs by "
        if any(said in note for note in self._recorder.report.notes):
            return
        left = (
            f"{found.worst} gives what is left of numbers up to {found.loss:.3g} times as large: "
            if found.loss >= 1.5
            else ""
        )
        self._recorder.note(
            f"ill-conditioned here: {left}{said}{moved:.1e}, and the tolerance in {dtype} is "
            f"{SAFETY * moved:.1e}"
        )
