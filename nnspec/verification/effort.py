"""The cost of measuring rounding within layers, estimated beforehand, and the part that is made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nnspec.network.graph import Graph
from nnspec.verification import memory
from nnspec.verification.checks import Kind
from nnspec.verification.comparison import Tolerance
from nnspec.verification.recorder import SHOWN, Recorder
from nnspec.verification.samples import sizes_of
from nnspec.verification.tolerance import PROBES

SECONDS = 60.0
"""Of a processor, that one measurement may take as estimated, unless its least part takes more."""
SHARE = 0.5
"""Of the free memory, that it may take as estimated."""

FAR = 100.0
"""An error that is so many times what a rough measurement explains is no rounding.

Its square, where it is of one step, and the error is after several: an optimizer may divide what
moves after the first by small numbers.
"""

_ELEMENT = 3e-8
_MULTIPLY_ADD = 1.4e-10
_LAYER = 1e-4
"""Seconds of one gradient of an opened network that is made to round, as measured with PyTorch."""
_VALUES = 0.6
"""Of a gradient's time, that all values take."""
_COPIES, _WEIGHT_COPIES = 7, 5
"""Of each value and of each weight, that are in memory at once."""


@dataclass(frozen=True, slots=True)
class Effort:
    """The part of a measurement that is made: so many draws, each of so many training steps.

    why: in words, where it is a part; empty for the whole. No draws: nothing is measured.
    """

    draws: int
    steps: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """The estimated cost of one gradient where layers round: seconds of a processor, and bytes."""

    seconds: float
    bytes: float

    @classmethod
    def of(cls, graph: Graph, rows: int, axes: Mapping[str, int]) -> Cost:
        """Return the cost for a batch of so many rows, with these sizes of dynamic axes."""
        elements = multiply_adds = layers = 0
        for at in graph.walk():
            inputs, outputs = (
                tuple(sizes_of(shape, axes) for shape in shapes)
                for shapes in (at.input_shapes, at.output_shapes)
            )
            layers += 1
            many = math.prod(sizes_of(at.steps, axes))
            elements += many * sum(map(math.prod, outputs))
            multiply_adds += many * at.node.layer.multiply_adds(
                inputs, outputs, at.graph.data_format
            )
        weights = sum(math.prod(parameter.shape) for _, parameter in graph.parameters())
        work = elements * _ELEMENT + multiply_adds * _MULTIPLY_ADD
        return cls(
            rows * work + layers * _LAYER,
            8 * (_COPIES * rows * elements + _WEIGHT_COPIES * weights),
        )

    def of_training(self, steps: int) -> Effort:
        """Return the part of a measurement that repeats so many training steps for each draw."""
        if why := self._too_large():
            return Effort(0, 0, why)
        step = self.seconds * (1 + _VALUES)
        draws = _within(SECONDS - 2 * self.seconds, steps * step)
        if draws >= 1 or steps == 1:
            return _effort(max(draws, 1), steps, "")
        return _effort(1, 1, f" of 1 of {steps} steps")

    def of_gradients(self, batches: int) -> Effort:
        """Return the part of a measurement of gradients on so many batches."""
        if why := self._too_large():
            return Effort(0, 0, why)
        once = self.seconds * (2 + batches * (1 + _VALUES))
        return _effort(max(_within(SECONDS - once, batches * self.seconds), 1), 1, "")

    def _too_large(self) -> str:
        """Return that there is too little memory, or an empty text."""
        free = memory.available()
        if free is None or self.bytes <= SHARE * free:
            return ""
        return (
            "rounding within layers is not measured, which would take about "
            f"{memory.shown(int(self.bytes))} of the {memory.shown(free)} that are free, and less "
            "for a smaller batch"
        )


def leave_near(
    recorder: Recorder,
    kind: Kind,
    pair: tuple[str, str],
    errors: dict[str, float],
    tolerance: Tolerance,
    effort: Effort,
    *,
    steps: int = 1,
) -> None:
    """Take away, and leave out, the tensors whose error the rest of a measurement might explain.

    steps: of training, after which the errors are.
    """
    if not effort.why:
        return
    far = FAR if effort.steps >= steps else FAR**2
    exceeded = tolerance.exceeded(errors)
    near = [
        name
        for name in errors
        if name in exceeded
        and math.isfinite(errors[name])
        and (effort.draws == 0 or errors[name] <= far * tolerance.of(name))
    ]
    if not near:
        return
    worst = max(errors.pop(name) for name in near)
    more = f" and {len(near) - SHOWN} more" if len(near) > SHOWN else ""
    recorder.leave_out(
        kind,
        pair,
        f"{', '.join(near[:SHOWN])}{more}: {effort.why}; they differ by up to {worst:.1e}, which "
        "may be rounding",
    )


def _within(seconds: float, each: float) -> int:
    return int(min(max(seconds, 0.0) / each, PROBES)) if each > 0 else PROBES


def _effort(draws: int, steps: int, of_steps: str) -> Effort:
    if draws == PROBES and not of_steps:
        return Effort(draws, steps)
    return Effort(
        draws,
        steps,
        f"rounding within layers is measured roughly, by {draws} of {PROBES} draws{of_steps}, "
        "since the network is large",
    )
