"""Blames a recurrent layer: for how it reads, or for what a file goes on with of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

import numpy as np

from nnspec.judge.found import Blamed, Fault
from nnspec.judge.parts import MIXED, exchanged
from nnspec.judge.recurring import How, outputs_of, right_way, ways
from nnspec.judge.sources import Source
from nnspec.judge.walk import Walk
from nnspec.layers.recurrent import Bidirectional, Recurrent
from nnspec.network.graph import LayerNode

if TYPE_CHECKING:
    from nnspec.backend import Array

BETWEEN = 30
"""Layers between two, at most, that are computed with another value of the first."""
FILLINGS = 8
"""With tensors of the file in one order of gates, which are tried: the likeliest."""


def read_otherwise(walk: Walk, node: LayerNode) -> Blamed | None:
    """Return the recurrent layer at fault where a walk stopped, if one is and its cause is known.

    node: the first layer that the run does not hold: the recurrent one, or one that takes it.
    """
    if isinstance(node.layer, Recurrent | Bidirectional):
        return _read(walk, node, node.layer)
    for before in walk.ours.nodes:
        layer = before.layer
        if before is not node and isinstance(layer, Recurrent | Bidirectional):
            found = _gone_on_with(walk, before, layer, node)
            if found is not None:
                return found
    return None


def _read(walk: Walk, node: LayerNode, layer: Recurrent | Bidirectional) -> Blamed | None:
    taken = [walk.values[value] for value in node.inputs]
    names = walk.ours.parameters(node)
    for chosen, weights in _fillings(walk, node):
        for how in (right_way(layer), *ways(layer, taken)):
            given = dict(zip(node.outputs, outputs_of(layer, how, taken, weights), strict=True))
            shapes = [given[value].shape == walk.values[value].shape for value in node.outputs]
            if not all(shapes) or not all(walk.prints.has(each) for each in given.values()):
                continue
            sources = {names[own]: source for own, source in chosen.items()}
            if not how.told:
                if not sources or all(walk.found.sources.get(n) == s for n, s in sources.items()):
                    return None  # held after all, but for what a layer gives besides
                return Blamed(node.name, _fault(walk, node, how, given, weights), [], sources)
            return Blamed(node.name, _fault(walk, node, how, given, weights), [given])
    return None


def _fillings(walk: Walk, node: LayerNode) -> Iterator[tuple[dict[str, Source], dict[str, Array]]]:
    """Yield the weights of a layer as it is filled, and as it may be filled as well."""
    own, owned = walk.ours.own_weights(node), walk.ours.parameters(node)
    kept = {name: set(parts) for name, parts in walk.ways.used.items()}
    missing = dict(walk.ways.missing)
    for name in owned.values():
        source = walk.found.sources.get(name)
        if source is not None:
            walk.ways.free_again(source)
    yield {}, own
    # A GRU whose reset comes before the product has one bias, which is that of the input.
    yield {}, own | {name: np.zeros_like(own[name]) for name in own if "bias_hh" in name}
    for chosen in _likeliest(walk.ways.choices(node, owned)):
        weights = own | {each: source.of(walk.theirs) for each, source in chosen.items()}
        yield chosen, weights
        bare = {name: np.zeros_like(own[name]) for name in own if "bias_hh" in name}
        if any(weights[name].any() for name in bare):
            yield {}, weights | bare
    walk.ways.used, walk.ways.missing = kept, missing


def _likeliest(choices: Iterator[dict[str, Source]]) -> Iterator[dict[str, Source]]:
    """Yield the first ways to fill a layer of each order of gates, none twice."""
    met: dict[object, list[Mapping[str, Source]]] = {}
    for chosen in choices:
        order = next((each.blocks for each in chosen.values() if each.tensor), ())
        those = met.setdefault(order, [])
        if len(those) < FILLINGS and chosen not in those:
            those.append(chosen)
            yield chosen


def _fault(
    walk: Walk, node: LayerNode, how: How, given: Mapping[str, Array], weights: Mapping[str, Array]
) -> Fault:
    numbers = {n for array in given.values() for n in walk.prints.of(array)}
    steps = [step for step in walk.trace.steps if numbers.intersection(step.outputs)]
    places = tuple(step.told() for step in steps[:1])
    path = walk.ours.path_of(node)
    return Fault(path, node.layer.type, places, how.told, _is_sure(walk, how, weights))


def _is_sure(walk: Walk, how: How, weights: Mapping[str, Array]) -> bool:
    """Whether a bias that is left out is not one that is 0, which no map has yet."""
    if not how.is_without:
        return True
    sizes = {each.size for name, each in weights.items() if name.startswith("bias")}
    free = [walk.theirs[e.name] for e in walk.ways.met if e.name not in walk.ways.used]
    return not any(
        array.size and array.size % size == 0 and not array.any()
        for array in free
        for size in sizes
    )


def _gone_on_with(
    walk: Walk, before: LayerNode, layer: Recurrent | Bidirectional, node: LayerNode
) -> Blamed | None:
    """Return a recurrent layer that the run holds, and of which it goes on with something else.

    node: what takes it, and is not held; it is, once the recurrent layer gives something else.
    """
    taken = [walk.values[value] for value in before.inputs]
    weights = walk.ours.own_weights(before)
    first = before.outputs[0]
    kept = dict(walk.ours.weights)
    for how in ways(layer, taken):
        instead = outputs_of(layer, how, taken, weights)[0]
        numbers = set(walk.prints.of(instead))
        if instead.shape != walk.values[first].shape or not _goes_on(walk, numbers):
            continue
        values = until(walk, first, node, instead)
        if values is None or not is_held_of(walk, node, values):
            walk.ours.weights.update(kept)
            continue
        walk.ours.weights.update(kept)
        steps = walk.trace.steps
        own = {walk.found.sources[name].tensor for name in walk.ours.parameters(before).values()
               if name in walk.found.sources}  # fmt: skip
        made = [step for step in steps if numbers.intersection(step.outputs)]
        wanted = [step for step in made if not own.intersection(step.tensors)] or made
        places = tuple(step.told() for step in wanted[:1])
        path = walk.ours.path_of(before)
        fault = Fault(path, layer.type, places, how.told)
        given = {value: walk.values[value] for value in before.outputs} | {first: instead}
        return Blamed(before.name, fault, [given])
    return None


def until(walk: Walk, value: str, node: LayerNode, instead: Array) -> dict[str, Array] | None:
    """Return the values with another one, and what the layers before a later one make of it.

    None where the later layer does not take it, or only by many layers.
    """
    values = {**walk.values, value: instead}
    changed = {value}
    between = _between(walk, changed, node)
    if len(between) > BETWEEN:
        return None
    for each in between:
        try:
            values |= walk.ours.values(each, values, walk.ours.own_weights(each))
        except Exception:  # of a framework too: it does not take these values
            return None
        changed.update(each.outputs)
    return values if changed.intersection(node.inputs) else None


def _between(walk: Walk, start: AbstractSet[str], node: LayerNode) -> list[LayerNode]:
    """Return the layers that are computed from some values, and that a layer is computed from."""
    wanted, reached = set(node.inputs), set(start)
    leading = []
    for each in reversed([*itertools.takewhile(lambda each: each is not node, walk.ours.nodes)]):
        if wanted.intersection(each.outputs):
            leading.append(each)
            wanted.update(each.inputs)
    found = []
    for each in reversed(leading):
        if reached.intersection(each.inputs):
            found.append(each)
            reached.update(each.outputs)
    return found


def _goes_on(walk: Walk, numbers: set[int]) -> bool:
    """Whether the run computes something else with values of these numbers."""
    return any(
        numbers.intersection(step.inputs) and not numbers.intersection(step.outputs)
        for step in walk.trace.steps
    )


def is_held_of(walk: Walk, node: LayerNode, values: Mapping[str, Array]) -> bool:
    """Whether the run holds what a layer gives of these values, with tensors of the file."""
    owned = walk.ours.parameters(node)
    kept = {name: set(parts) for name, parts in walk.ways.used.items()}
    for name in owned.values():
        if name in walk.found.sources:
            walk.ways.free_again(walk.found.sources[name])
    own = walk.ours.own_weights(node)
    filled = {each: walk.found.sources[n] for each, n in owned.items() if n in walk.found.sources}
    tries: list[Iterator[Mapping[str, Source]]] = [
        iter([{}]), exchanged(node.layer, filled), _likeliest(walk.ways.choices(node, owned)),
    ]  # fmt: skip
    found = False
    for chosen in itertools.chain.from_iterable(tries if owned else tries[:1]):
        weights = own | {each: source.of(walk.theirs) for each, source in chosen.items()}
        try:
            given = walk.ours.values(node, values, weights)
        except Exception:  # of a framework too: it does not take these values
            break
        if all(walk.prints.has(given[value]) for value in node.outputs):
            found = True
            break
    walk.ways.used = kept
    return found or _is_mixed(walk, node, values, filled)


def _is_mixed(
    walk: Walk, node: LayerNode, values: Mapping[str, Array], filled: Mapping[str, Source]
) -> bool:
    """Whether the run holds the values that an attention mixes, and did not of those before.

    The projection behind may be filled wrongly: nothing before it says how it lies in the file.
    """
    own = walk.ours.own_weights(node)
    for chosen in ({}, *exchanged(node.layer, filled)):
        weights = own | {each: source.of(walk.theirs) for each, source in chosen.items()}
        now = walk.parting(node, values, None, weights)
        if now.last == MIXED and MIXED in now.same:
            return MIXED not in walk.parting(node, walk.values, None, weights).same
    return False


def refilled_before(walk: Walk, node: LayerNode) -> Blamed | None:
    """Return the tensor of a parameter with which what takes it is held after all.

    A run holds whatever tensor a parameter was taken for: only what takes it tells.
    """
    made = {value: each for each in walk.ours.nodes for value in each.outputs}
    for value in dict.fromkeys(node.inputs):
        before = made.get(value)
        if before is None or before.layer.type != "parameter":
            continue
        for own, name in walk.ours.parameters(before).items():
            if name in walk.ways.given:
                continue
            for source in walk.ways.options(before, own, name):
                weights = {**walk.ours.own_weights(before), own: source.of(walk.theirs)}
                values = {**walk.values, **walk.ours.values(before, walk.values, weights)}
                found = walk.ours.values(node, values, walk.ours.own_weights(node))
                if all(walk.prints.has(each) for each in found.values()):
                    fault = Fault(walk.ours.path_of(node), node.layer.type, is_sure=False)
                    return Blamed(node.name, fault, [], {name: source})
    return None
