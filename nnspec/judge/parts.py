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
from nnspec.layers.attention import AttentionSizes, GroupedQueryAttention, MultiHeadAttention

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.layers import Layer


MIXED = "mixed values"
"""The last part of an attention, from which it projects what it gives."""


@dataclass(frozen=True, slots=True)
class Part:
    """A value within a layer.

    called: in reports. of: the parts that it is computed from; none where it is from what the
    layer takes. parameters: that it is computed with, by the layer's names for them. heads: that
    its features are cut into, or 0. is_told: whether reports name it.
    """

    called: str
    value: Array
    of: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    heads: int = 0
    is_told: bool = True


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
        yield Part("values before the activation", plain, (), tuple(weights))


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
        yield Part(called, found, (), parameters[name], count)
        split = found.reshape(*found.shape[:-1], count, -1)
        heads[name] = np.swapaxes(split, -2, -3)
    q, k, v = heads["q"], heads["k"], heads["v"]
    sources = ("queries", "keys")
    if layer.rotary_base is not None:
        for called, array in (("queries", q), ("keys", k)):
            yield from _turned(array, layer.rotary_base, called)
        q, k = (_turned(each, layer.rotary_base, "")[-1].value for each in (q, k))
        sources = ("turned queries", "turned keys")
    shared = sizes.heads // sizes.kv_heads
    k, v = (np.repeat(each, shared, axis=-3) for each in (k, v))
    products = q @ np.swapaxes(k, -1, -2)
    scale = 1.0 / math.sqrt(sizes.key_dim) if layer.scale is None else layer.scale
    yield Part("products of queries and keys", products, sources)
    yield Part("scores", scale * products, ("products of queries and keys",))
    masked = _masked(layer, scale * products, taken[len(given) :], sizes)
    yield Part("masked scores", masked, ("scores",), is_told=False)
    shares = _softmax(masked)
    yield Part("shares of attention", shares, ("masked scores",))
    mixed = np.swapaxes(shares @ v, -2, -3)
    yield Part(MIXED, mixed, ("shares of attention", "values"))


def _turned(heads: Array, base: float, called: str) -> list[Part]:
    """Turn each pair by its position, see RotaryPosition: return what that is made of, and it."""
    time, features = heads.shape[-2:]
    half = features // 2
    speeds = base ** (-np.arange(half) * 2.0 / features)
    angles = np.arange(time)[:, None] * speeds
    cos, sin = np.cos(angles), np.sin(angles)
    first, last = heads[..., :half], heads[..., half:]
    made = {
        "first": (first, (called,)), "last": (last, (called,)),
        "first cos": (first * cos, ("first",)), "last sin": (last * sin, ("last",)),
        "last cos": (last * cos, ("last",)), "first sin": (first * sin, ("first",)),
        "first sum": (first * cos - last * sin, ("first cos", "last sin")),
        "last sum": (last * cos + first * sin, ("last cos", "first sin")),
    }  # fmt: skip
    parts = [
        Part(f"{name} of {called}", value,
             tuple(each if each == called else f"{each} of {called}" for each in of),
             is_told=False)
        for name, (value, of) in made.items()
    ]  # fmt: skip
    turned = np.concatenate([made["first sum"][0], made["last sum"][0]], axis=-1)
    of = (f"first sum of {called}", f"last sum of {called}")
    return [*parts, Part(f"turned {called}", turned, of)]


def _masked(
    layer: MultiHeadAttention | GroupedQueryAttention, scores: Array, masks: Sequence[Array],
    sizes: AttentionSizes,
) -> Array:  # fmt: skip
    """Return the scores with the layer's bias, and -∞ where a mask says so.

    masks: of the batch, in the order of the layer's inputs.
    """
    if layer.causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:], dtype=bool)), scores, -np.inf)
    for name, mask in zip(layer.given_masks, masks, strict=True):
        place = layer.place(name, mask.shape[1:], sizes)
        axes = [*range(1, 1 + place.missing)]
        if name == "key_padding":
            axes += [mask.ndim - 1 + place.missing, mask.ndim + place.missing]
        elif not place.has_heads:
            axes.append(mask.ndim - 2 + place.missing)
        mask = np.expand_dims(mask, tuple(axes))
        scores = scores + mask if name == "score_bias" else np.where(mask, scores, -np.inf)
    return scores


def _softmax(scores: Array) -> Array:
    """Return the shares along the last axis; where all scores are -∞ they are 0."""
    largest = scores.max(axis=-1, keepdims=True)
    powers = np.exp(scores - np.where(np.isfinite(largest), largest, 0.0))
    total = powers.sum(axis=-1, keepdims=True)
    return np.asarray(powers / np.where(total > 0, total, 1.0))


def _held_before(part: Part, parts: Sequence[Part], held: Mapping[str, object]) -> set[str]:
    """Return the parts that a run holds, and that lead to one which it lacks without others."""
    by_name = {each.called: each for each in parts}
    found: set[str] = set()
    for name in part.of:
        is_told = by_name[name].is_told
        found |= {name} if name in held or is_told else _held_before(by_name[name], parts, held)
    return found


def is_cut_rightly(given: Array, features: Array, heads: int) -> bool:
    """Whether an array holds features cut into heads one after another, in any order of axes.

    features: (batch, time, heads · size).
    """
    cut = features.reshape(*features.shape[:-1], heads, -1)
    given = given.reshape([size for size in given.shape if size != 1])
    for axes in itertools.permutations(range(cut.ndim)):
        turned = np.transpose(cut, axes)
        bare = [size for size in turned.shape if size != 1]
        is_whole = list(given.shape) == bare
        is_parted = axes.index(cut.ndim - 1) + 1 == axes.index(cut.ndim - 2)  # heads within sizes
        if given.size == turned.size and (is_whole or not is_parted):
            scale = float(np.max(np.abs(features), initial=0.0))
            if np.allclose(given, turned.reshape(given.shape), rtol=0, atol=1e-4 * scale):
                return True
    return False


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
    told = [part for part in parts if part.is_told]
    lacks = next((part for part in told if part.called not in passed), None)
    used = {each for part in parts if part.called in passed for each in part.of}
    ends = [part.called for part in parts if part.called in held and part.called not in used]
    sources = _held_before(lacks, parts, held) if lacks is not None and lacks.of else {*ends}
    starts = {number for called in sources for number in held.get(called, ())}
    return Parting(
        frozenset(number for found in held.values() for number in found),
        frozenset(starts),
        frozenset(proven),
        tuple(part.called for part in told if part.called in held),
        lacks.called if lacks is not None else "",
        parts[-1].called if parts else "",
        bool(held) and (proven >= set(owned) if lacks is None else not lacks.parameters),
    )
