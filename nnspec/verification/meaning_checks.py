"""Inputs that must not matter: later steps where a network is causal, and masked ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec import layers
from nnspec.layers import Activation, Layer
from nnspec.layers.recurrent import Recurrent
from nnspec.layers.regularization import Dropout
from nnspec.layers.shapes import Shape
from nnspec.network.graph import Graph, LayerNode, inline
from nnspec.support.streams import derived_seed
from nnspec.verification.evaluators import run_exact
from nnspec.verification.tolerance import EXACT, tensor_error

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.verification.engines import Outputs
    from nnspec.verification.state import State

_BY_STEP = (
    Dropout,
    layers.Rescaling,
    layers.Clip,
    layers.Add,
    layers.Subtract,
    layers.Multiply,
    layers.PositionEmbedding,
    layers.SinusoidalPosition,
    layers.RotaryPosition,
)
"""Layers that compute each step of a sequence from that step alone, whatever its axis."""
MASKS = ("mask", "key_padding")
"""Fields of attention that name what hides."""
SHOWN = 3
_OVER_AXIS = (layers.Softmax, layers.LogSoftmax, layers.Softmin)


def compare_causality(state: State) -> None:
    """See that later steps move no earlier output, where the spec makes the network causal."""
    graph = state.graph
    inputs = [name for name, kind in graph.inputs.items() if kind.shape]
    outputs = causal_outputs(graph, inputs[0]) if len(inputs) == 1 else None
    steps = state.inputs[inputs[0]].shape[1 + outputs[1]] if outputs is not None else 0
    if outputs is None or steps < 2:
        if backward := [at.path for at in graph.walk() if _looks_back(at.node.layer)]:
            reason = (
                f"causality: {', '.join(backward[:SHOWN])} may look back alone, but that no output "
                "depends on later steps does not follow from the layers"
                if outputs is None
                else "causality: there is one step alone"
            )
            state.recorder.leave_out("meaning", (), reason)
        return
    array = state.inputs[inputs[0]]
    names, axis = outputs
    half = steps // 2
    later: list[Any] = [slice(None)] * array.ndim
    later[1 + axis] = slice(half, None)
    changed = array.copy()
    changed[tuple(later)] = np.roll(array, 1, axis=0)[tuple(later)]
    changed_inputs = {**state.inputs, inputs[0]: changed}

    def moved(first: Outputs, second: Outputs) -> list[str]:
        return [
            f'later steps of "{inputs[0]}" move earlier ones of "{name}", by {error:.1e}'
            for name, output_axis in names.items()
            if (error := _before(first, second, name, output_axis, half)) > EXACT
        ]

    _compare(state, changed_inputs, "later steps", moved)


def _compare(
    state: State,
    changed_inputs: Mapping[str, Array],
    changed: str,
    moved: Callable[[Outputs, Outputs], list[str]],
) -> None:
    """Add what moves where an engine is given other inputs, beside its outputs for the usual."""
    findings: dict[str, list[str]] = {}
    for engine in state.engines:
        outputs = state.recorder.attempt(
            partial(run_exact, state, engine, changed_inputs, None),
            kind="meaning",
            label=engine.name,
            when=f"with other {changed}",
        )
        if outputs is not None:
            findings[engine.name] = moved(state.outputs[engine.name], outputs)
    state.recorder.add_findings("meaning", "float64", f"the same, {changed} changed", findings)


def _looks_back(layer: Layer) -> bool:
    """Whether a layer may be one of a causal network."""
    if isinstance(layer, layers.MultiHeadAttention | layers.GroupedQueryAttention):
        return layer.causal
    if isinstance(layer, Recurrent):
        return layer.return_sequences and not layer.go_backwards
    return isinstance(layer, layers.Conv1D) and layer.padding == "causal"


def _before(first: Outputs, second: Outputs, name: str, axis: int, half: int) -> float:
    """Return the difference of the steps before `half`."""
    taken: list[Any] = [slice(None)] * first[name].ndim
    taken[1 + axis] = slice(0, half)
    return tensor_error(second[name][tuple(taken)], first[name][tuple(taken)])


def causal_outputs(graph: Graph, entry: str) -> tuple[dict[str, int], int] | None:
    """Return the causal outputs with the axis of their steps, and that of the input's steps.

    None where no layer looks back, or one looks ahead, or is not known to do neither.
    """
    flat = inline(graph)
    for axis in range(len(flat.inputs[entry].shape)):
        axes: dict[str, int] = {entry: axis}
        looks_back = False
        for node in flat.nodes:
            assert isinstance(node, LayerNode)
            found = _step_axis(flat, node, axes)
            if found is None:
                continue
            axes.update(dict.fromkeys(node.outputs[:1], found[0]))
            looks_back |= found[1]
        outputs = {
            name: axes[path]
            for name, path in zip(graph.outputs, flat.outputs, strict=True)
            if path in axes
        }
        if looks_back and len(outputs) == len(graph.outputs):
            return outputs, axis
    return None


def _step_axis(graph: Graph, node: LayerNode, axes: Mapping[str, int]) -> tuple[int, bool] | None:
    """Return the axis of the steps of a layer's output, and whether it looks back, or None."""
    taken = [axes.get(value) for value in node.inputs]
    if None in taken or len(set(taken)) != 1:
        return None
    axis = taken[0]
    assert axis is not None
    layer = node.layer
    shapes = graph.shapes(node.inputs)
    activation = layer.output_activation
    if isinstance(activation, _OVER_AXIS) and activation.axis % len(shapes[0]) == axis:
        return None
    if len({len(shape) for shape in shapes}) != 1:
        return None
    return _of_layer(layer, shapes[0], axis, graph, count=len(node.inputs))


def _of_layer(
    layer: Layer, shape: Shape, axis: int, graph: Graph, *, count: int
) -> tuple[int, bool] | None:
    last = len(shape) - 1
    if isinstance(layer, _OVER_AXIS):
        return (axis, False) if layer.axis % len(shape) != axis else None
    if isinstance(layer, (Activation, *_BY_STEP)):
        return axis, False
    if isinstance(layer, layers.Embedding):
        return axis, False
    if isinstance(layer, layers.Dense | layers.TiedDense):
        return (axis, False) if axis != last else None
    if isinstance(layer, layers.LayerNormalization | layers.RmsNormalization):
        normalized = {each % len(shape) for each in layer.axis}
        return (axis, False) if axis not in normalized else None
    if isinstance(layer, layers.MultiHeadAttention | layers.GroupedQueryAttention):
        if axis == last or count > 1 or (axis == last - 1 and not layer.causal):
            return None
        return axis, axis == last - 1
    if isinstance(layer, Recurrent):
        is_causal = layer.return_sequences and not layer.go_backwards and count == 1
        return (axis, True) if is_causal and axis == 0 else None
    if isinstance(layer, layers.Conv1D):
        steps = 1 if graph.data_format == "channels_first" else 0
        is_causal = axis == steps and layer.padding == "causal" and layer.strides == (1,)
        return (axis, True) if is_causal else None
    return None


def compare_padding(state: State) -> None:
    """See that what a mask or a length hides from a layer moves nothing, however large it is."""
    flat = inline(state.graph)
    inputs = dict(state.inputs)
    hidden: list[str] = []
    lengths = _lengths(flat)
    draw = np.random.default_rng(derived_seed("padding", state.settings.seed))
    for sequence, length in lengths.items():
        array = inputs[sequence].copy()
        beyond = np.arange(array.shape[1]) >= inputs[length].reshape(-1, 1)
        if array.dtype.kind == "f" and beyond.any():
            array[beyond] = draw.normal(0, 1e4, array[beyond].shape)
            inputs[sequence] = array
            hidden.append(sequence)
    for at in state.graph.walk():
        masked = [name for name in MASKS if getattr(at.node.layer, name, None) is not None]
        if masked:
            reason = (
                f"padding: what {' and '.join(masked)} of {at.path} hides is not changed by "
                "itself; the outputs for masks that are drawn are compared"
            )
            state.recorder.leave_out("meaning", (), reason)
    if not hidden:
        return

    def moved(first: Outputs, second: Outputs) -> list[str]:
        return [
            f'steps of {", ".join(hidden)} beyond its lengths move "{name}", by {error:.1e}'
            for name, array in first.items()
            if (error := tensor_error(second[name], array)) > EXACT
        ]

    _compare(state, inputs, "padding", moved)


def _lengths(flat: Graph) -> dict[str, str]:
    """Return the inputs that nothing but recurrent layers with lengths take, with these lengths."""
    found: dict[str, str] = {}
    refused: set[str] = set()
    for node in flat.nodes:
        assert isinstance(node, LayerNode)
        layer = node.layer
        index = (
            layer.lengths_index(flat.shapes(node.inputs))
            if isinstance(layer, Recurrent | layers.Bidirectional)
            else None
        )
        for i, value in enumerate(node.inputs):
            if index is not None and i == 0 and node.inputs[index] in flat.inputs:
                found[value] = node.inputs[index]
            elif index is None or i != index:
                refused.add(value)
    return {
        value: length
        for value, length in found.items()
        if value in flat.inputs and value not in refused and value not in flat.outputs
    }
