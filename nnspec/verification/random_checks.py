"""Random layers, each alone and as in training, against the laws of their definitions."""

from __future__ import annotations

import math
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec import layers
from nnspec.layers import Layer
from nnspec.layers.base import channel_axis
from nnspec.layers.recurrent import Recurrent
from nnspec.layers.regularization import SpatialDropout
from nnspec.layers.shapes import Shape, TensorType
from nnspec.network.graph import Graph
from nnspec.support.streams import derived_seed
from nnspec.verification.alone import NAME, built, graph_of
from nnspec.verification.distributions import (
    against_distribution,
    fault_of_share,
    normal_distribution,
)
from nnspec.verification.engines import SourceEngine
from nnspec.verification.recurrent_laws import fault_of_recurrent

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.layers.shapes import DataFormat
    from nnspec.verification.state import State

ELEMENTS = 60_000
"""That a layer is given, at least: a rate that is off by 0.01 shows even where nothing is exact."""
ROWS = 4000
"""Of an attention, of one step."""
_EXACT = 1e-9
_AXES = 4
"""Size that a dynamic axis is given."""
_ALPHA = 1.6732632423543772 * 1.0507009873554805


def compare_random(state: State) -> None:
    """Hold each kind of random layer of every source against its law."""
    seen: dict[Any, tuple[str, Layer, tuple[Shape, ...]]] = {}
    for at in state.graph.walk():
        layer = at.node.layer
        if layer.is_random:
            key = (type(layer), tuple(map(repr, layer.settings())), at.input_shapes)
            seen.setdefault(key, (at.path, layer, at.input_shapes))
    engines = state.trainers
    if not seen or not engines:
        return
    state.progress("random layers")
    findings: dict[str, list[str]] = {}
    at_fault: dict[str, str] = {}
    for path, layer, shapes in seen.values():
        for engine in engines:
            found = state.recorder.attempt(
                partial(_fault, state, engine, layer, shapes),
                kind="random",
                label=engine.name,
                when=f"in training, of {path}",
            )
            if found is not None:
                findings.setdefault(engine.name, [])
            if found:
                findings[engine.name].append(f"{path}: {found}")
                at_fault.setdefault(engine.name, path)
    state.recorder.add_findings("random", "float64", "their laws", findings, layers=at_fault)


def _fault(state: State, engine: SourceEngine, layer: Layer, shapes: tuple[Shape, ...]) -> str:
    """Return the difference from the law of the layer, or an empty text."""
    data_format = state.graph.data_format
    if isinstance(layer, layers.MultiHeadAttention | layers.GroupedQueryAttention):
        return _fault_of_attention(state, engine, layer, shapes)
    if isinstance(layer, Recurrent | layers.Bidirectional):
        return fault_of_recurrent(state, engine, layer, shapes)
    shape = tuple(_AXES if isinstance(size, str) else size for size in shapes[0])
    if isinstance(layer, layers.Sampling):
        return _fault_of_sampling(state, engine, layer, shape)
    program = built(state, engine, _graph(state, layer, (shape,)))
    draw = np.random.default_rng(derived_seed("random", state.settings.seed))
    rows = max(-(-ELEMENTS // max(math.prod(shape), 1)), 50)
    x = draw.uniform(0.5, 2, (rows, *shape)) * draw.choice([-1, 1], (rows, *shape))
    program.reseed(derived_seed("random", state.settings.seed, engine.name))
    (y,) = program.training_outputs({"x": x}).values()
    if isinstance(layer, layers.GaussianNoise):
        return _fault_of_normal((y - x) / layer.stddev)
    if isinstance(layer, layers.GaussianDropout):
        return _fault_of_normal((y / x - 1) / math.sqrt(layer.rate / (1 - layer.rate)))
    rate: float = getattr(layer, "rate")  # noqa: B009  # every other random layer has one
    kept, dropped = x / (1 - rate), np.zeros_like(x)
    if isinstance(layer, layers.AlphaDropout):
        a = 1 / math.sqrt((1 - rate) * (1 + rate * _ALPHA**2))
        b = a * rate * _ALPHA
        kept, dropped = a * x + b, np.full_like(x, -a * _ALPHA + b)
    is_kept = np.abs(y - kept) <= _EXACT * np.abs(x)
    if not (is_kept | (np.abs(y - dropped) <= _EXACT)).all():
        return "what is kept is scaled otherwise"
    return _fault_of_mask(layer, is_kept, 1 - rate, data_format)


def _fault_of_sampling(
    state: State, engine: SourceEngine, layer: layers.Sampling, shape: tuple[int, ...]
) -> str:
    """Return that what is drawn around the mean is not normal, of the variance that is given."""
    program = built(state, engine, _graph(state, layer, (shape, shape)))
    draw = np.random.default_rng(derived_seed("random", state.settings.seed))
    rows = max(-(-ELEMENTS // max(math.prod(shape), 1)), 50)
    mean, log_variance = (draw.uniform(-2, 2, (rows, *shape)) for _ in range(2))
    program.reseed(derived_seed("random", state.settings.seed, engine.name))
    (y,) = program.training_outputs({"x": mean, "value": log_variance}).values()
    return _fault_of_normal((y - mean) / (layer.stddev * np.exp(log_variance / 2)))


def _fault_of_mask(layer: Layer, kept: Array, share: float, data_format: DataFormat) -> str:
    """Return that a mask is not drawn anew, with this share, for each element or channel."""
    if isinstance(layer, SpatialDropout):
        kept = np.moveaxis(kept, 1 + channel_axis(kept.ndim - 1, data_format), 1)
        kept = kept.reshape(*kept.shape[:2], -1)
        if (kept != kept[..., :1]).any():
            return "elements of a channel are dropped one by one"
        kept = kept[..., 0]
    if fault := fault_of_share(int(kept.sum()), kept.size, share):
        return f"{fault}, is kept"
    for axis in range(kept.ndim):
        size = kept.shape[axis]
        if size < 2:
            continue
        # Disjoint pairs are independent of each other.
        pairs = size // 2
        first = np.take(kept, range(0, 2 * pairs, 2), axis)
        second = np.take(kept, range(1, 2 * pairs, 2), axis)
        alike = share**2 + (1 - share) ** 2
        if fault_of_share(int((first == second).sum()), first.size, alike):
            return "neighbours are not dropped independently of each other"
    return ""


def _fault_of_normal(values: Array) -> str:
    fault = against_distribution(values.ravel(), normal_distribution)
    return f"the noise is not normal: {fault}" if fault else ""


def _fault_of_attention(
    state: State,
    engine: SourceEngine,
    layer: layers.MultiHeadAttention | layers.GroupedQueryAttention,
    shapes: tuple[Shape, ...],
) -> str:
    """Return the fault of rows of one step, of which each head is kept whole or dropped."""
    data_shapes = shapes[: len(shapes) - layer.masks]
    plain = layer.model_copy(update=dict.fromkeys(layer.named_inputs))
    steps = tuple((1, shape[-1]) for shape in data_shapes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = built(state, engine, _graph(state, plain, steps))
    draw = np.random.default_rng(derived_seed("random", state.settings.seed))
    inputs = {
        name: np.repeat(draw.normal(size=(1, *map(int, kind.shape))), ROWS, axis=0)
        for name, kind in _graph(state, plain, steps).inputs.items()
    }
    program.reseed(derived_seed("random", state.settings.seed, engine.name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of a softmax over one number
        (y,) = program.training_outputs(inputs).values()
        (whole,) = program.forward(inputs).values()
    weights = program.weights()
    bias = weights.get(f"{NAME}.out.bias", np.zeros(y.shape[-1]))
    scaled = (whole - bias) / (1 - layer.dropout) + bias
    scale = np.abs(scaled).max(initial=1e-300)
    rows = tuple(range(1, y.ndim))
    is_whole = np.abs(y - scaled).max(axis=rows) <= _EXACT * scale
    is_none = np.abs(y - bias).max(axis=rows) <= _EXACT * scale
    heads = layer.num_heads
    for hits, share, kept in (
        (is_whole, (1 - layer.dropout) ** heads, "all heads kept and scaled"),
        (is_none, layer.dropout**heads, "no head kept"),
    ):
        if fault := fault_of_share(int(hits.sum()), ROWS, share):
            return f"of attention weights {fault}, has {kept}"
    return ""


def _graph(state: State, layer: Layer, shapes: tuple[Shape, ...]) -> Graph:
    names = ("x", "value", "key")[: len(shapes)]
    return graph_of(state, layer, dict(zip(names, map(TensorType, shapes), strict=True)))
