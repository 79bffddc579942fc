"""Advice on plain recurrent layers over long sequences."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.errors import Problem
from nnspec.network.rules import Case, advice

_LONG = 50
"""Steps over which products of slopes vanish or explode."""


def advise(case: Case) -> Iterator[Problem]:
    """Yield advice on each simple_rnn over many steps that is trained without clipping."""
    if case.steps is None or case.steps.clip is not None:
        return
    for at in case.graph.walk():
        layer = at.node.layer
        kind = layer.type
        if kind == "bidirectional":
            kind = layer.layer.type  # type: ignore[attr-defined]
        steps = at.input_shapes[0][0] if at.input_shapes and at.input_shapes[0] else 0
        if kind == "simple_rnn" and isinstance(steps, int) and steps >= _LONG:
            yield advice(
                "unclipped-rnn",
                f'"{at.path}" is a plain recurrent layer over {steps} steps: its gradient is a '
                "product of as many slopes, which vanishes, or explodes and undoes what was learnt",
                "use lstm or gru, or add clip: {norm: 1.0} to `training` against the explosion",
                at.node.mark,
            )
