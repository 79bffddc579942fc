"""The values within a layer that is one in a spec, and many operations in a file."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.judge.ours import with_fields
from nnspec.judge.sources import Source
from nnspec.layers.attention import GroupedQueryAttention, MultiHeadAttention

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.layers import Layer


@dataclass(frozen=True, slots=True)
class Part:
    """A value within a layer.

    called: in reports. of: the parts that it is computed from; none where it is from what the
    layer takes. parameters: that it is computed with, by the layer's names for them.
    """

    called: str
    value: Array
    of: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()


Alone = Callable[[Any], "Array"]
"""Computes what a layer gives with other fields, of the same values and weights."""


def parts_of(
    layer: Layer, taken: Sequence[Array], weights: Mapping[str, Array], alone: Alone
) -> Iterator[Part]:
    """Yield the values within a layer, in the order of computation, but for what it gives."""
    if isinstance(layer, MultiHeadAttention | GroupedQueryAttention):
        yield from _attention(layer, taken, weights)
    elif getattr(layer, "activation", None) is not None and "weight" in weights:
        plain = alone(with_fields(layer, activation=None))
        yield Part("what its activation takes", plain, (), tuple(weights))


def exchanged(layer: Layer, chosen: Mapping[str, Source]) -> Iterator[dict[str, Source]]:
    """Yield the sources with those of queries, keys and values in other orders.

    Each of them is found by its own product, which does not say which of the three it is.
    """
    if not isinstance(layer, MultiHeadAttention | GroupedQueryAttention):
        return
    named = {own: (own.partition(".")[0], own.partition(".")[2]) for own in chosen}
    groups = [
        {last: chosen[own] for own, (first, last) in named.items() if first == name}
        for name in "qkv"
    ]
    for order in itertools.permutations(range(3)):
        pairs = [(groups[i], groups[j]) for i, j in enumerate(order)]
        if order != (0, 1, 2) and all(_are_alike(one, other) for one, other in pairs):
            yield {
                **chosen,
                **{
                    f"{name}.{own}": source
                    for name, (_, other) in zip("qkv", pairs, strict=True)
                    for own, source in other.items()
                },
            }


def _are_alike(one: Mapping[str, Source], other: Mapping[str, Source]) -> bool:
    return one.keys() == other.keys() and all(one[own].shape == other[own].shape for own in one)


def _attention(
    layer: MultiHeadAttention | GroupedQueryAttention,
    taken: Sequence[Array],
    weights: Mapping[str, Array],
) -> Iterator[Part]:
    given = taken[: len(taken) - layer.masks]
    query = given[0]
    value = given[1] if len(given) > 1 else query
    key = given[2] if len(given) > 2 else value
    sizes = layer.sizes(tuple(array.shape[1:] for array in taken))
    parameters: dict[str, tuple[str, ...]] = {}
    heads: dict[str, Array] = {}
    for name, called, array, count in (
        ("q", "queries", query, sizes.heads),
        ("k", "keys", key, sizes.kv_heads),
        ("v", "values", value, sizes.kv_heads),
    ):
        parameters[name] = tuple(own for own in weights if own.startswith(f"{name}."))
        found = array @ weights[f"{name}.weight"].T + weights.get(f"{name}.bias", 0.0)
        yield Part(called, found, (), parameters[name])
        split = found.reshape(*found.shape[:-1], count, -1)
        heads[name] = np.swapaxes(split, -2, -3)
    q, k, v = heads["q"], heads["k"], heads["v"]
    sources = ("queries", "keys")
    if layer.rotary_base is not None:
        q, k = (_turned(each, layer.rotary_base) for each in (q, k))
        yield Part("turned queries", q, ("queries",))
        yield Part("turned keys", k, ("keys",))
        sources = ("turned queries", "turned keys")
    shared = sizes.heads // sizes.kv_heads
    k, v = (np.repeat(each, shared, axis=-3) for each in (k, v))
    products = q @ np.swapaxes(k, -1, -2)
    scale = 1.0 / math.sqrt(sizes.key_dim) if layer.scale is None else layer.scale
    yield Part("products of queries and keys", products, sources)
    yield Part("scores", scale * products, ("products of queries and keys",))
    if layer.masks:
        return
    shares = _softmax(scale * products, is_causal=layer.causal)
    yield Part("shares of attention", shares, ("scores",))
    mixed = np.swapaxes(shares @ v, -2, -3)
    yield Part("mixed values", mixed, ("shares of attention", "values"))


def _turned(heads: Array, base: float) -> Array:
    """Turn each pair by its position; see RotaryPosition."""
    time, features = heads.shape[-2:]
    half = features // 2
    speeds = base ** (-np.arange(half) * 2.0 / features)
    angles = np.arange(time)[:, None] * speeds
    first, second = heads[..., :half], heads[..., half:]
    cos, sin = np.cos(angles), np.sin(angles)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def _softmax(scores: Array, *, is_causal: bool) -> Array:
    if is_causal:
        may = np.tril(np.ones(scores.shape[-2:], dtype=bool))
        scores = np.where(may, scores, -np.inf)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, slots=True)
class Parting:
    """The place within a layer at which a run parts from it.

    numbers: of the values of the run that are parts. starts: of those that the first part that it
    lacks is computed from. proven: parameters that the parts it holds are computed with.
    """

    numbers: frozenset[int]
    starts: frozenset[int]
    proven: frozenset[str]
    same: tuple[str, ...]
    lacks: str
    last: str
    is_sure: bool
    """Whether the first part that it lacks takes nothing of the file but parts that it holds."""

    def told(self) -> str:
        """Return it in words, or an empty text where nothing within the layer is held."""
        if not self.same:
            return ""
        *others, last = self.same
        same = f"{', '.join(others)} and {last}" if others else last
        rest = f", and its {self.lacks} are not" if self.lacks else ""
        return f"its {same} are those of the layer{rest}"


def parting(
    parts: Sequence[Part], numbers_of: Callable[[Array], Sequence[int]], owned: Iterable[str]
) -> Parting:
    """Return where a run parts from a layer that it does not hold.

    owned: all parameters of the layer, by its names for them.

    A part that is not in the run, though one that is computed from it is, is no difference: the
    file computes several in one.
    """
    held = {part.called: found for part in parts if (found := numbers_of(part.value))}
    within: dict[str, set[str]] = {}
    for part in parts:
        within[part.called] = set(part.of).union(*(within[each] for each in part.of))
    passed = set(held).union(*(within[called] for called in held))
    proven = {own for part in parts if part.called in passed for own in part.parameters}
    lacks = next((part for part in parts if part.called not in passed), None)
    used = {each for part in parts if part.called in passed for each in part.of}
    ends = [part.called for part in parts if part.called in held and part.called not in used]
    sources = lacks.of if lacks is not None and lacks.of else tuple(ends)
    starts = {number for called in sources for number in held.get(called, ())}
    return Parting(
        frozenset(number for found in held.values() for number in found),
        frozenset(starts),
        frozenset(proven),
        tuple(part.called for part in parts if part.called in held),
        lacks.called if lacks is not None else "",
        parts[-1].called if parts else "",
        bool(held) and (proven >= set(owned) if lacks is None else not lacks.parameters),
    )
