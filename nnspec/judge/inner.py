"""The values within a recurrent layer, step by step, as files compute them that write it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nnspec.backend import Array

KINDS = ("lstm", "gru", "simple_rnn")


def inner_values(kind: str, x: Array, weights: Mapping[str, Array], axis: int) -> Iterator[Array]:
    """Yield what each step of a recurrent layer computes; the formulas are those of the layers.

    x: the sequence. weights: by the names of PyTorch, biases where there are some. axis: of time.
    """
    first, second = weights["weight_ih_l0"], weights["weight_hh_l0"]
    width = second.shape[1]
    zero = np.zeros(len(first))
    biases = weights.get("bias_ih_l0", zero), weights.get("bias_hh_l0", zero)
    rows = x.shape[1 - axis]
    h, c = np.zeros((rows, width)), np.zeros((rows, width))
    for t in range(x.shape[axis]):
        taken = np.take(x, t, axis=axis)
        yield taken
        sums = []
        for given, weight, bias in ((taken, first, biases[0]), (h, second, biases[1])):
            product = given @ weight.T
            yield product
            yield product + bias
            yield product + biases[0] + biases[1]
            sums.append(product + bias)
        yield sums[0] + sums[1] - biases[0] - biases[1]
        yield sums[0] + sums[1]
        if kind == "simple_rnn":
            h = np.tanh(sums[0] + sums[1])
        elif kind == "lstm":
            i, f, g, o = np.split(sums[0] + sums[1], 4, axis=-1)
            yield from (i, f, g, o)
            i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
            yield from (i, f, g, o, f * c, i * g)
            c = f * c + i * g
            yield from (c, np.tanh(c))
            h = o * np.tanh(c)
        else:
            (r, z, n), (s, y, m) = (np.split(each, 3, axis=-1) for each in sums)
            yield from (r, z, n, s, y, m, r + s, z + y)
            r, z = _sigmoid(r + s), _sigmoid(z + y)
            yield from (r, z, r * m, n + r * m)
            n = np.tanh(n + r * m)
            yield from (n, 1 - z, (1 - z) * n, z * h)
            h = (1 - z) * n + z * h
        yield h


def _sigmoid(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-x)))


def numbers_within(
    kind: str, x: Array, weights: Mapping[str, Array], numbers: Callable[[Array], list[int]]
) -> set[int]:
    """Return the numbers of another run's values that are values within the layer.

    numbers: of a run, those of the values that are the same as one.
    """
    best: set[int] = set()
    if x.ndim != 3 or x.shape[2] != weights["weight_ih_l0"].shape[1]:
        return best
    for axis in (1, 0):
        found = {n for each in inner_values(kind, x, weights, axis) for n in numbers(each)}
        best = max(best, found, key=len)
    return best
