"""The law of recurrent dropout: which states a recurrent layer may give in training, how often."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from nnspec.layers import Bidirectional
from nnspec.layers.recurrent import Recurrent
from nnspec.layers.shapes import Shape, TensorType
from nnspec.support.streams import derived_seed
from nnspec.verification.alone import NAME, built, graph_of
from nnspec.verification.distributions import fault_of_share
from nnspec.verification.engines import SourceEngine
from nnspec.verification.samples import exercised_weights

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights
    from nnspec.verification.state import State

UNITS = 2
"""So few that every set of masks is tried: at most 2 to the power of 4 gates times 2 units."""
STEPS, FEATURES = 4, 2
DROPS = 60_000
"""Elements of masks that are drawn, at least."""
_EXACT = 1e-9

Vectors = tuple["Array", ...]


def fault_of_recurrent(
    state: State,
    engine: SourceEngine,
    layer: Recurrent | Bidirectional,
    shapes: tuple[Shape, ...],
) -> str:
    """Return the difference from the law of the layer, or an empty text.

    A layer of few units takes the same sequence in every row. What a row gives must be what one of
    all sets of masks gives: one for each gate and direction, the same at every step. How often
    each element is kept, and that no two go together, is counted.
    """
    lengths = layer.lengths_index(shapes)
    small = _small(layer)
    names = [f"input_{i}" for i in range(len(shapes))]
    kinds = {name: TensorType((UNITS,)) for name in names}
    kinds[names[0]] = TensorType((STEPS, FEATURES))
    if lengths is not None:
        kinds[names[lengths]] = TensorType((), "int32")
    graph = graph_of(state, small, kinds)
    draw = np.random.default_rng(derived_seed("random", state.settings.seed))
    # Of one sign, so that a relu is never 0.
    weights = {
        name: array if not array.any() else draw.uniform(0.2, 0.9, array.shape)
        for name, array in exercised_weights(graph, state.settings.seed).items()
    }
    program = built(state, engine, graph, weights)
    one = {
        name: draw.uniform(0.2, 1.0, tuple(map(int, kind.shape))) for name, kind in kinds.items()
    }
    count = STEPS
    if lengths is not None:
        count -= 1
        one[names[lengths]] = np.array(count, np.int32)
    cell = layer.cell
    rows = -(-DROPS // (cell.gates * UNITS * layer.directions))
    program.reseed(derived_seed("random", state.settings.seed, engine.name))
    inputs = {name: np.repeat(array[None], rows, axis=0) for name, array in one.items()}
    given = [*program.training_outputs(inputs).values()]
    first = [one[name] for i, name in enumerate(names) if 0 < i != lengths]
    kept = []
    for way, (found, start) in enumerate(_by_direction(small, given, first)):
        suffix = "_reverse" if way else ""
        sets, expected = _possible(small.cell, weights, suffix, one[names[0]][:count], tuple(start))
        share = 1 - cell.recurrent_dropout
        likely = np.where(sets, share, 1 - share).prod(axis=1)
        chosen = _chosen(found, expected, likely, draw)
        if (chosen < 0).any():
            return (
                "a state is not what one mask for each gate makes of it, the same at every step, "
                "with what is kept divided by 1 - rate"
            )
        kept.append(sets[chosen])
    return _fault_of_drops(np.concatenate(kept, axis=1), 1 - cell.recurrent_dropout)


def _small(layer: Recurrent | Bidirectional) -> Recurrent | Bidirectional:
    if isinstance(layer, Bidirectional):
        cell = layer.cell.model_copy(update={"units": UNITS})
        return layer.model_copy(update={"layer": cell, "merge_mode": "concat"})
    return layer.model_copy(update={"units": UNITS})


def _by_direction(
    layer: Recurrent | Bidirectional, given: list[Array], first: list[Array]
) -> Iterator[tuple[list[Array], list[Array]]]:
    """Yield of each direction what it gives, its output first, and the states that it takes."""
    output, *states = given
    each = len(layer.cell.state_names)
    for way in range(layer.directions):
        part = output[..., way * UNITS : (way + 1) * UNITS]
        own = slice(way * each, (way + 1) * each)
        yield [part, *states[own]], first[own]


def _possible(
    cell: Recurrent, weights: Weights, suffix: str, x: Array, first: Vectors
) -> tuple[Array, list[Array]]:
    """Return every set of masks (sets, gates · units), as what is kept, and what it makes."""
    size = cell.gates * UNITS
    sets = np.array([*itertools.product([False, True], repeat=size)])
    masks = sets.reshape(-1, cell.gates, UNITS) / (1 - cell.recurrent_dropout)
    count = len(sets)
    start = first or (np.zeros(UNITS),) * len(cell.state_names)
    states: Vectors = tuple(np.repeat(each[None], count, axis=0) for each in start)

    def parameter(name: str) -> Array:
        array = weights.get(f"{NAME}.{name}_l0{suffix}")
        return np.zeros(size) if array is None else array

    given = (x @ parameter("weight_ih").T + parameter("bias_ih")).reshape(-1, cell.gates, UNITS)
    weight = parameter("weight_hh").reshape(cell.gates, UNITS, UNITS)
    bias = parameter("bias_hh").reshape(cell.gates, UNITS)
    steps = np.zeros((count, STEPS, UNITS))
    is_backward = bool(suffix) or cell.go_backwards
    for t in range(len(x))[:: -1 if is_backward else 1]:
        states = _step(cell, given[t], masks * states[0][:, None], weight, bias, states)
        steps[:, t] = states[0]
    output = steps if cell.return_sequences else states[0]
    return sets, [output, *(states if cell.return_state else ())]


def _step(
    cell: Recurrent, given: Array, dropped: Array, weight: Array, bias: Array, states: Vectors
) -> Vectors:
    """Return the states after a step; `dropped` is (sets, gates, units)."""
    products = np.einsum("sgi,gui->sgu", dropped, weight) + bias
    total = given + products
    if cell.type == "simple_rnn":
        return (
            np.maximum(total[:, 0], 0)
            if getattr(cell, "activation", "") == "relu"
            else np.tanh(total[:, 0]),
        )
    if cell.type == "lstm":
        i, f, o = (_sigmoid(total[:, gate]) for gate in (0, 1, 3))
        memory = f * states[1] + i * np.tanh(total[:, 2])
        return o * np.tanh(memory), memory
    r, z = _sigmoid(total[:, 0]), _sigmoid(total[:, 1])
    if getattr(cell, "reset_after", True):
        inner = r * products[:, 2]
    else:
        inner = (r * dropped[:, 2]) @ weight[2].T + bias[2]
    n = np.tanh(given[2] + inner)
    return ((1 - z) * n + z * states[0],)


def _sigmoid(x: Array) -> Array:
    result: Array = 1 / (1 + np.exp(-x))
    return result


def _chosen(
    found: list[Array], expected: list[Array], likely: Array, draw: np.random.Generator
) -> Array:
    """Return of each row the set whose outputs it has, or -1.

    likely: how likely each set is. Of sets that make the same, as where nothing of the state is
    left for a gate to reset, one is drawn.
    """
    rows = np.concatenate([each.reshape(len(each), -1) for each in found], axis=1)
    sets = np.concatenate([each.reshape(len(each), -1) for each in expected], axis=1)
    bound = _EXACT * np.abs(sets).max(initial=1.0)
    chosen = np.full(len(rows), -1)
    seen = np.zeros(len(sets), bool)
    for number, values in enumerate(sets):
        if seen[number]:
            continue
        alike = (np.abs(sets - values) <= bound).all(axis=1)
        seen |= alike
        hits = (np.abs(rows - values) <= bound).all(axis=1)
        share = likely[alike] / likely[alike].sum()
        chosen[hits] = draw.choice(np.flatnonzero(alike), hits.sum(), p=share)
    return chosen


def _fault_of_drops(kept: Array, share: float) -> str:
    """Return that elements (rows, masks) are not kept with this share, each by itself."""
    if fault := fault_of_share(int(kept.sum()), kept.size, share):
        return f"of the state {fault}, is kept"
    alike = share**2 + (1 - share) ** 2
    pairs = itertools.combinations(kept.T, 2)
    last = len(kept) // 2 * 2
    rows = [(column[:last:2], column[1:last:2]) for column in kept.T]
    for first, second in (*pairs, *rows):
        if fault_of_share(int((first == second).sum()), first.size, alike):
            return "elements of the state are not dropped independently of each other"
    return ""
