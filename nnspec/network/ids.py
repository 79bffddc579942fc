"""Ranges of whole numbers that a network computes itself, where they reach a table.

Of inputs, domain.py says what they may be; an `argmax` gives 0 to n - 1, whatever the
weights, and what is clipped lies between its bounds. What comes from weights otherwise may be
anything.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnspec import layers
from nnspec.layers.base import Layer
from nnspec.layers.rows import MergeRows, PartRows
from nnspec.layers.shapes import DataFormat, Dim, TensorType
from nnspec.network.derivation import split_domain
from nnspec.network.domain import Domain, Limit, Range, size_of
from nnspec.network.graph import Graph, LayerNode, inline
from nnspec.network.integers import COMPUTED, MOVED, lined_up

Array = NDArray[Any]

_LARGEST = 2**22
"""Elements of a row beyond which values are not followed."""
_ROUNDING = 1e-6
"""Relative, of what is computed in float32."""
_MOST_SIZE = 64
"""Up to which a size is looked for that every dynamic axis may have."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Ids beyond what a layer takes, that the network can give it: least to most."""

    allowed: Range
    least: float
    most: float
    node: LayerNode


@dataclass(frozen=True, slots=True)
class Followed:
    """Facts about ids that the inputs alone do not decide.

    outside: that the network can give, and the layer does not take. limits: what dynamic axes may
    be, so that all ids are taken. unknown: that may be anything.
    """

    outside: tuple[Outside, ...] = ()
    limits: tuple[Limit, ...] = ()
    unknown: tuple[Range, ...] = ()


class _Span(NamedTuple):
    """The least and the most that each element of a row may be; ±inf where that is unknown.

    chosen: whether an argmax is part of it. is_exact: whether each element can be at both ends.
    """

    low: Array
    high: Array
    chosen: bool = False
    is_exact: bool = False


@functools.lru_cache(maxsize=16)
def followed(graph: Graph) -> Followed:
    """Return what is known of the ids that layers of the network make."""
    domain, made, undecided = _made(graph)
    if not made and not undecided:
        return Followed()
    flat, nodes = _inlined(graph)
    makers = {name: node for node in nodes for name in node.outputs}
    axes = _sizes(domain)
    spans = _spans(flat, nodes, axes) if axes is not None else {}
    outside, limits, unknown = [], [], []
    for allowed in (*made, *undecided):
        span = spans.get(allowed.value)
        if span is not None and _is_within(span, allowed):
            continue
        if span is not None and (found := _outside(span, allowed)):
            node = next(node for node in nodes if node.name == allowed.layer)
            outside.append(Outside(allowed, *found, node))
            continue
        size = _counted(flat, makers, allowed.value)
        if size is not None and allowed.least == 0 and isinstance(allowed.most, int):
            limits.append(Limit(size, 1, allowed.most + 1, allowed.layer, allowed.kind))
        elif allowed in undecided:
            unknown.append(allowed)
    return Followed(tuple(outside), tuple(limits), tuple(unknown))


def misfit_at(graph: Graph, axes: Mapping[str, int]) -> str:
    """Return why ids that follow from the sizes of all dynamic axes do not fit, or an empty text.

    Such are positions along an axis, and what is computed of them.
    """
    _, made, undecided = _made(graph)
    if not made and not undecided:
        return ""
    flat, nodes = _inlined(graph)
    if not any(isinstance(node.layer, layers.Arange) for node in nodes):
        return ""
    spans = _spans(flat, nodes, axes, is_at_sizes=True)
    for allowed in (*made, *undecided):
        span = spans.get(allowed.value)
        if span is None or not span.is_exact or span.chosen:
            continue
        found = _outside(span, allowed)
        if found is not None:
            return (
                f'"{allowed.value}" is {found[0]:g} to {found[1]:g}, and the layer '
                f'"{allowed.layer}" ({allowed.kind}) takes {allowed.least} to {allowed.most}'
            )
    return ""


@functools.lru_cache(maxsize=16)
def _made(graph: Graph) -> tuple[Domain, list[Range], Sequence[Range]]:
    """Return the domain of the inputs, the ids that layers make, and those of unknown ends."""
    domain, undecided = split_domain(graph)
    made = [allowed for allowed in domain.ranges if allowed.value not in domain.inputs]
    return domain, made, undecided


@functools.lru_cache(maxsize=16)
def _inlined(graph: Graph) -> tuple[Graph, list[LayerNode]]:
    """Return the graph without blocks, and its layers."""
    flat = inline(graph)
    return flat, [node for node in flat.nodes if isinstance(node, LayerNode)]


def _is_within(span: _Span, allowed: Range) -> bool:
    # What fits a sequence of this length may not fit a shorter one.
    most = allowed.most if isinstance(allowed.most, int) else allowed.least
    return bool(span.low.min() >= allowed.least and span.high.max() <= most)


def _outside(span: _Span, allowed: Range) -> tuple[float, float] | None:
    """Return the least and the largest of an element that the layer cannot take, if there is one.

    That is one that takes both ends, or that is always beyond.
    """
    most = allowed.most if isinstance(allowed.most, int) else np.inf
    too_low, too_high = span.low < allowed.least, span.high > most
    wrong = (span.high < allowed.least) | (span.low > most)
    if span.is_exact:
        wrong |= too_low | too_high
    if not wrong.any():
        return None
    return float(span.low[wrong].min()), float(span.high[wrong].max())


def _sizes(domain: Domain) -> dict[str, int] | None:
    """Return sizes that the dynamic axes may have."""
    names = {
        size for type_ in domain.inputs.values() for size in type_.shape if isinstance(size, str)
    }
    choices = (dict.fromkeys(sorted(names), size) for size in range(1, _MOST_SIZE + 1))
    return next((axes for axes in choices if domain.fits(axes)), None)


def _counted(flat: Graph, makers: Mapping[str, LayerNode], value: str) -> str | None:
    """Return the dynamic size of the axis along which indices, the value, are chosen or count."""
    while value in makers:
        node = makers[value]
        if isinstance(node.layer, layers.Argmax | layers.Argsort | layers.TopK):
            if value != node.outputs[-1]:
                return None  # what top_k chose, and not where it was
            axis: int = node.layer.axis
            size = flat.types[node.inputs[0]].shape[axis % flat.types[node.inputs[0]].rank]
            return size if isinstance(size, str) else None
        if isinstance(node.layer, layers.Arange):
            (size,) = flat.types[value].shape
            return size if isinstance(size, str) else None
        is_whole = isinstance(node.layer, layers.Cast) and node.layer.dtype.startswith("int")
        if len(node.inputs) > 1 or not (is_whole or type(node.layer) in MOVED):
            return None
        value = node.inputs[0]
    return None


def _looked_along(layer: layers.Argmax, given: TensorType) -> Dim:
    return given.shape[layer.axis % len(given.shape)]


def _spans(
    flat: Graph,
    nodes: Sequence[LayerNode],
    axes: Mapping[str, int],
    *,
    is_at_sizes: bool = False,
) -> dict[str, _Span]:
    """Return what values may be, the dynamic axes having these sizes.

    is_at_sizes: whether they need not hold at others.
    """
    rows = dict.fromkeys(flat.inputs, 1)

    def shape_of(name: str) -> tuple[int, ...]:
        return (rows[name], *(int(size_of(size, axes)) for size in flat.types[name].shape))

    def exactly(name: str, numbers: Array) -> _Span:
        ends = np.broadcast_to(numbers.astype(np.float64), shape_of(name))
        return _Span(ends, ends, is_exact=True)

    def within(name: str, low: float, high: float, *, is_argmax: bool = False) -> _Span:
        ends = [np.broadcast_to(np.float64(end), shape_of(name)) for end in (low, high)]
        return _Span(ends[0], ends[1], chosen=is_argmax, is_exact=is_argmax)

    spans = {name: within(name, -np.inf, np.inf) for name in flat.inputs}
    for node in nodes:
        layer = node.layer
        first = node.outputs[0]
        rows.update(dict.fromkeys(node.outputs, _rows(layer, [shape_of(n) for n in node.inputs])))
        is_small = all(np.prod(shape_of(name), dtype=float) < _LARGEST for name in node.outputs)
        given = [spans[name] for name in node.inputs]
        spans.update((name, within(name, -np.inf, np.inf)) for name in node.outputs)
        always = _ALWAYS.get(type(layer.output_activation or layer))
        if always is not None:
            spans[first] = within(first, *always)
        elif isinstance(layer, layers.Argmax):
            size = _looked_along(layer, flat.types[node.inputs[0]])
            if isinstance(size, int):
                spans[first] = within(first, 0, size - 1, is_argmax=True)
        elif isinstance(layer, layers.Argsort | layers.TopK):
            size = layer.size(flat.types[node.inputs[0]].shape)
            if isinstance(size, int):
                last = node.outputs[-1]
                spans[last] = within(last, 0, size - 1, is_argmax=True)
        elif isinstance(layer, layers.Arange):
            (size,) = flat.types[first].shape
            if isinstance(size, int) or is_at_sizes:
                spans[first] = exactly(first, np.arange(int(size_of(size, axes))))
        elif isinstance(layer, layers.ConstantTensor):
            spans[first] = exactly(first, np.asarray(layer.value))
        elif isinstance(layer, layers.Cast) and flat.types[node.inputs[0]].dtype == "bool":
            spans[first] = within(first, 0, 1)
        elif is_small and isinstance(layer, layers.Reshape):
            # To the sizes that its axes have here, of which several may stand in names.
            (own,) = given
            low, high = (end.reshape(shape_of(first)) for end in (own.low, own.high))
            spans[first] = _Span(low, high, own.chosen, own.is_exact)
        elif is_small:
            results = _passed(layer, given, flat.data_format)
            spans.update(zip(node.outputs, results, strict=False))
    return spans


def _rows(layer: Layer, given: list[tuple[int, ...]]) -> int:
    """Return how many rows a layer gives of one row of the network: more where rows are parted."""
    if isinstance(layer, MergeRows):
        return given[0][0] * given[0][1]
    source = given[1:] if isinstance(layer, PartRows) else given
    return source[0][0] if source else 1


def _passed(layer: Layer, given: Sequence[_Span], data_format: DataFormat) -> Iterator[_Span]:
    """Yield what the outputs of a layer may be; nothing where that is not known."""
    lows, highs = [span.low for span in given], [span.high for span in given]
    is_exact = all(span.is_exact for span in given)
    chosen = [span.chosen for span in given]
    if type(layer) in MOVED:
        moved = MOVED[type(layer)]
        ends = zip(moved(layer, lows, data_format), moved(layer, highs, data_format), strict=True)
        yield from (_Span(low, high, any(chosen), is_exact) for low, high in ends)
    elif type(layer) in COMPUTED and all((span.low == span.high).all() for span in given):
        yield from (
            _Span(x, x, is_exact=True) for x in COMPUTED[type(layer)](layer, lows, data_format)
        )
    elif type(layer) in _BETWEEN:
        with np.errstate(invalid="ignore"):
            low, high = _BETWEEN[type(layer)](layer, lows, highs, data_format)
        low = np.where(np.isnan(low), -np.inf, low)
        high = np.where(np.isnan(high), np.inf, high)
        # Two argmaxes may be of one tensor, and never be at these ends together.
        yield _Span(low, high, any(chosen), is_exact and sum(chosen) < 2)


_Ends = tuple[Array, Array]


def _rising(layer: Any, lows: list[Array], highs: list[Array], data_format: DataFormat) -> _Ends:
    compute = COMPUTED[type(layer)]
    return compute(layer, lows, data_format)[0], compute(layer, highs, data_format)[0]


def _difference(
    layer: layers.Subtract, lows: list[Array], highs: list[Array], data_format: DataFormat
) -> _Ends:
    compute = COMPUTED[layers.Subtract]
    low = compute(layer, [lows[0], highs[1]], data_format)[0]
    return low, compute(layer, [highs[0], lows[1]], data_format)[0]


def _product(
    layer: layers.Multiply, lows: list[Array], highs: list[Array], data_format: DataFormat
) -> _Ends:
    compute = COMPUTED[layers.Multiply]
    low, high = lows[0], highs[0]
    for ends in zip(lows[1:], highs[1:], strict=True):
        pairs = itertools.product((low, high), ends)
        products = [compute(layer, pair, data_format)[0] for pair in pairs]
        low, high = np.min(products, axis=0), np.max(products, axis=0)
    return low, high


def _whole(layer: layers.Cast, lows: list[Array], highs: list[Array], _: DataFormat) -> _Ends:
    if not layer.dtype.startswith("int"):
        return lows[0], highs[0]

    # In float32 a fraction may be rounded to the next whole number.
    def beyond(end: Array, sign: int) -> Array:
        return np.where(end == np.trunc(end), end, end + sign * np.abs(end) * _ROUNDING)

    return np.trunc(beyond(lows[0], -1)), np.trunc(beyond(highs[0], 1))


def _rescaled(
    layer: layers.Rescaling, lows: list[Array], highs: list[Array], _: DataFormat
) -> _Ends:
    ends = [end * layer.scale + layer.offset for end in (lows[0], highs[0])]
    return np.minimum(*ends), np.maximum(*ends)


def _clipped(layer: layers.Clip, lows: list[Array], highs: list[Array], _: DataFormat) -> _Ends:
    low, high = (np.clip(end, layer.min_value, layer.max_value) for end in (lows[0], highs[0]))
    return low, high


def _remainder(layer: layers.Modulo, lows: list[Array], highs: list[Array], _: DataFormat) -> _Ends:
    last = layer.divisor - 1.0
    is_kept = (lows[0] >= 0) & (highs[0] <= last)
    return np.where(is_kept, lows[0], 0.0), np.where(is_kept, highs[0], last)


def _either(_: layers.Where, lows: list[Array], highs: list[Array], __: DataFormat) -> _Ends:
    # The condition only lends its shape.
    low, high = lined_up([*lows]), lined_up([*highs])
    shape = np.broadcast_shapes(*(x.shape for x in low))
    return (
        np.broadcast_to(np.minimum(low[1], low[2]), shape),
        np.broadcast_to(np.maximum(high[1], high[2]), shape),
    )


_BETWEEN: dict[type[Layer], Callable[[Any, list[Array], list[Array], DataFormat], _Ends]] = {
    layers.Add: _rising,
    layers.Cast: _whole,
    layers.Clip: _clipped,
    layers.Cumsum: _rising,
    layers.FloorDivide: _rising,
    layers.Maximum: _rising,
    layers.Minimum: _rising,
    layers.Modulo: _remainder,
    layers.Multiply: _product,
    layers.Negative: lambda _, lows, highs, __: (-highs[0], -lows[0]),
    layers.Relu: lambda _, lows, highs, __: (np.maximum(lows[0], 0), np.maximum(highs[0], 0)),
    layers.Rescaling: _rescaled,
    layers.Sign: _rising,
    layers.Subtract: _difference,
    layers.Where: _either,
}
_ALWAYS: dict[type[Layer], tuple[float, float]] = {
    layers.HardSigmoid: (0, 1),
    layers.HardTanh: (-1, 1),
    layers.Relu6: (0, 6),
    layers.Sigmoid: (0, 1),
    layers.Softmax: (0, 1),
    layers.Tanh: (-1, 1),
}
