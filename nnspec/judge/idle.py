"""Parameters that change no output, as a bias before a batch normalisation, in training steps.

Their gradients are 0, and what is computed of them is rounding, by which an optimizer may move them
far. The running mean of the normalisation follows its bias, from the second step on.
"""

from __future__ import annotations

from nnspec.judge.beside import Beside
from nnspec.judge.learned import Steps
from nnspec.network.graph import Graph
from nnspec.network.rules.normalization import dead_biases
from nnspec.verification.comparison import WHY_UNCOMPARED, Comparison, uncompared

ZERO = 1e-7
"""Relative to the largest gradient of all: what is no more is the rounding of 0."""


def compared_after(graph: Graph, ours: Steps, theirs: Steps, step: int) -> Comparison:
    """Return the comparison after a step; after the first with the means that follow a bias.

    Both sides begin with the same bias, so that these are the same until it has moved.
    """
    also = {f"{norm}.running_mean" for _, norm in dead_biases(graph)} if step == 0 else set()
    return Comparison(graph, ours.after(step), theirs.after(step), also=also)


def tell_idle(beside: Beside, graph: Graph, first: Comparison, frozen: set[str]) -> None:
    """Say what is compared of the parameters that change no output, or that it is not.

    first: after the first step. frozen: what the file does not let learn, which moves nothing.
    """
    idle = uncompared(graph)
    learned = [name for name in first.layers if name in idle & first.trainable - frozen]
    moved = [name for name in learned if not first.gradients.get(name, 0.0) <= ZERO]
    if moved:
        reason = f"{', '.join(moved)}: {WHY_UNCOMPARED}, and in the file it has more"
        beside.recorder.leave_out("training", beside.pair, reason)
    if means := [name for name in first.layers if name in idle - first.trainable]:
        told = "a running mean that follows a bias which rounding moves is compared after one step"
        beside.recorder.note(f"{told}: {', '.join(means)}")
    if zero := [name for name in learned if name not in moved]:
        told = "of what changes no output it is compared that its gradient is 0"
        beside.recorder.note(f"{told}: {', '.join(zero)}")
