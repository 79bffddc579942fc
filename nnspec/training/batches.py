"""Rows in batches, and what a network makes of them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.backend import HoldsRows, Measured, Positions, Trainable
from nnspec.data.dataset import Part
from nnspec.errors import UsageError
from nnspec.language.training_schema import Training
from nnspec.network.graph import Graph
from nnspec.network.rules.normalization import normalised_alone
from nnspec.training.metrics import Units, measure

Array = NDArray[Any]

HELD = 2**25
"""Bytes of rows that are read or decoded at once, and then held until their batches are taken."""
AHEAD = 3
"""Times as many that are read before their turn: now and then one asks for a whole buffer."""


def batches(part: Part, batch_size: int, order: NDArray[np.intp] | None = None) -> Iterator[Part]:
    """Yield the rows in this order, `batch_size` at a time; the last batch may be smaller."""
    for rows, _ in positions(len(part), batch_size, order):
        yield part.take(rows)


def positions(
    count: int, batch_size: int, order: NDArray[np.intp] | None = None
) -> Iterator[tuple[Positions, int]]:
    """Yield the positions of each batch of so many rows, in this order, and how many they are."""
    for start in range(0, count, batch_size):
        end = min(start + batch_size, count)
        yield slice(start, end) if order is None else order[start:end], end - start


def held(
    part: Part, batch_size: int, order: NDArray[np.intp] | None = None
) -> Iterator[tuple[Part, Iterator[tuple[Positions, int]]]]:
    """Yield rows that are in memory, and the positions of each batch of them, in this order.

    That is the part itself, or so many of its batches at a time as are read, or decoded, at once.
    The order may be of some of the rows.
    """
    total = len(part) if order is None else len(order)
    if not part.is_lazy:
        yield part, positions(total, batch_size, order)
        return
    bytes_of_row = sum(
        int(np.prod(values.shape[1:], dtype=np.int64)) * values.dtype.itemsize
        for values in part.inputs.values()
    )
    size = max(HELD // max(bytes_of_row * batch_size, 1), 1) * batch_size
    # The next rows are read, or decoded, while these are trained on: both wait for the other less.
    with ThreadPoolExecutor(1, thread_name_prefix="nnspec-rows") as reader:
        coming: deque[tuple[Future[Part], int]] = deque()
        try:
            for chosen, count in positions(total, size, order):
                coming.append((reader.submit(_whole, part, chosen), count))
                if len(coming) > AHEAD:
                    yield _first(coming, batch_size)
            while coming:
                yield _first(coming, batch_size)
        finally:
            for following, _ in coming:
                following.cancel()


def _first(
    coming: deque[tuple[Future[Part], int]], batch_size: int
) -> tuple[Part, Iterator[tuple[Positions, int]]]:
    following, count = coming.popleft()
    return following.result(), positions(count, batch_size)


def _whole(part: Part, rows: Positions) -> Part:
    return part.take(rows).whole()


def steps(
    program: Trainable, part: Part, batch_size: int, order: NDArray[np.intp] | None = None
) -> Iterator[tuple[float, int]]:
    """Take a step on each batch; yield the loss before it, and the rows of the batch."""
    count = math.ceil(len(part) / batch_size)
    for rows, batches_of in held(part, batch_size, order):
        take = _stepper(program, rows, count)
        for chosen, size in batches_of:
            yield take(chosen), size


def _stepper(program: Trainable, part: Part, count: int) -> Callable[[Positions], float]:
    """Return what takes a step on the rows at given positions, and returns the loss before it."""
    if isinstance(program, HoldsRows):
        return program.stepper(part.inputs, part.goal, count)

    def step(rows: Positions) -> float:
        batch = part.take(rows)
        return float(program.train_step(batch.inputs, batch.goal))

    return step


def _measurer(
    program: Trainable, graph: Graph, part: Part, count: int
) -> Callable[[Positions], Measured]:
    if isinstance(program, HoldsRows):
        return program.measurer(part.inputs, part.goal, count)

    def measured(rows: Positions) -> Measured:
        batch = part.take(rows)
        output = program.forward(batch.inputs)[graph.outputs[0]]
        return float(program.loss(batch.inputs, batch.goal)), output

    return measured


def evaluate(
    program: Trainable,
    graph: Graph,
    training: Training,
    part: Part,
    units: Units | None = None,
) -> dict[str, float]:
    """Return the loss and the metrics of a part of the rows, as at inference.

    units: of the target as it was, which the metrics have.
    """
    total = 0.0
    outputs: list[Array] = []
    is_kept = bool(training.resolved_metrics)  # of a language model they may be many times the rows
    size = training.batch_size
    for rows, batches_of in held(part, size):
        measured_at = _measurer(program, graph, rows, math.ceil(len(part) / size))
        for chosen, count in batches_of:
            loss, output = measured_at(chosen)
            assert isinstance(loss, float)
            assert not isinstance(output, Mapping)
            total += loss * count
            if is_kept:
                outputs.append(output)
    assert not isinstance(part.target, dict)
    if not is_kept:
        return {"loss": total / len(part)}
    measured = measure(graph, training, np.concatenate(outputs), part.target, units, part.weight)
    return {"loss": total / len(part), **measured}


def outputs_of(program: Trainable, graph: Graph, part: Part, batch_size: int) -> Array:
    """Return what the network makes of a part of the rows, as at inference."""
    found = [program.forward(batch.inputs)[graph.outputs[0]] for batch in batches(part, batch_size)]
    return np.concatenate(found)


def require_batches(graph: Graph, rows: int, batch_size: int) -> None:
    """Raise UsageError where batch normalisation would meet a batch with one value per channel.

    Its variance is then zero, and frameworks disagree on what follows.
    """
    if (rows % batch_size or min(rows, batch_size)) != 1:
        return
    path = normalised_alone(graph)
    if path is None:
        return
    fitting = [size for size in range(2, max(rows, 3)) if rows % size != 1]
    hint = (
        f"; batch_size {min(fitting, key=lambda size: abs(size - batch_size))} leaves more"
        if fitting and rows > 1
        else ""
    )
    raise UsageError(
        f"{rows} training rows in batches of {batch_size} leave a batch of one row, whose "
        f'variance "{path}" (batch_normalization) cannot take{hint}'
    )
