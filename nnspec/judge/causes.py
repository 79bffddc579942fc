"""Layers that one is often mistaken for: variants of it, each with the cause that it would be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnspec.judge.ours import with_fields

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.layers import Layer


class Variant(NamedTuple):
    """One mistake that files make of a layer.

    layer, weights: another in its place, and its weights by own name. told: what the file does if
    it computes so. is_order: whether it may as well hold the same weights in an order of its own.
    """

    layer: Any
    weights: Mapping[str, Array]
    told: str
    is_order: bool = False


VALUES: dict[str, tuple[Any, ...]] = {
    "epsilon": (1e-3, 1e-5, 1.001e-5, 1e-4, 2e-5, 1e-6, 1e-7, 1e-8, 1e-12, 0.0),
    "negative_slope": (0.01, 0.1, 0.2, 0.3),
    "alpha": (1.0, 0.3, 0.2, 0.1),
    "approximate": (True, False),
    "count_include_pad": (True, False),
    "align_corners": (True, False),
    "ceil_mode": (True, False),
    "is_causal": (True, False),
    "causal": (True, False),
    "use_causal_mask": (True, False),
    "reset_after": (True, False),
    "go_backwards": (True, False),
    "interleaved": (True, False),
    "half_pixel_centers": (True, False),
    "antialias": (True, False),
    "padding": ("same", "valid", "same_lower", "same_upper", "causal", 0, 1, 2, 3),
    "strides": (1, 2, 3),
    "dilation_rate": (1, 2, 3),
    "pool_size": (2, 3),
    "scale": (1.0,),
    "axis": (-1, 1, 0),
    "order": ("C", "F"),
    "merge_mode": ("concat", "sum", "ave", "mul"),
    "method": ("nearest", "bilinear", "bicubic"),
    "base": (10000.0, 500000.0, 100000.0),
    "rotary_wavelength": (10000.0, 500000.0, 100000.0, 1000000.0),
}
"""Other values that a field has in files that were ported wrongly."""
ACTIVATIONS = ("relu", "tanh", "sigmoid", "silu", "softmax", "elu", "leaky_relu", "relu6")
KIN = {
    one: other
    for first, second in (
        *((f"max_pooling{n}d", f"average_pooling{n}d") for n in (1, 2, 3)),
        *((f"global_max_pooling{n}d", f"global_average_pooling{n}d") for n in (1, 2, 3)),
        ("add", "multiply"), ("add", "average"), ("add", "subtract"), ("maximum", "minimum"),
        ("layer_normalization", "rms_normalization"), ("reduce_mean", "reduce_sum"),
    )
    for one, other in ((first, second), (second, first))
}  # fmt: skip
"""Layers that take the same fields, and are taken for one another."""
FORMS = ((False, "the exact form of gelu"), (True, "the tanh approximation of gelu"))
FIRST = (1, 2, -1)
"""Rows of a table of positions at which files begin."""
ROUNDING = 1e-8
"""Relative: of gradients in float64."""
FIELDS = ("activation", "recurrent_activation")


def variants(layer: Layer, weights: Mapping[str, Array]) -> Iterator[Variant]:
    """Yield what a layer is often mistaken for; raises nothing."""
    fields = type(layer).model_fields
    for name, others in VALUES.items():
        if name not in fields:
            continue
        mine = getattr(layer, name)
        for other in others:
            if other != mine and type(other) is not type(None):
                changed = _changed(layer, **{name: other})
                if changed is not None and getattr(changed, name) != mine:
                    said = "its default" if mine is None else mine
                    told = f"it computes as with {name} {other}, and not {said}"
                    yield Variant(changed, weights, told)
    for name in FIELDS:
        if name in fields:
            yield from _activations(layer, name, weights)
    if "activation" not in fields:
        for kind in ("relu", "gelu", "silu", "tanh", "sigmoid"):
            changed = _retyped(layer, kind)
            if changed is not None:
                yield Variant(changed, weights, f"it computes {kind}, and not {layer.type}")
    if layer.type in KIN:
        changed = _of_type(layer, KIN[layer.type])
        if changed is not None:
            yield Variant(changed, weights, f"it computes {KIN[layer.type]}, and not {layer.type}")
    yield from _neighbours(layer, weights)
    if layer.type == "position_embedding":
        for first in FIRST:
            later = {name: np.roll(array, -first, axis=0) for name, array in weights.items()}
            yield Variant(layer, later, f"its positions begin at {first}, and not at 0")
    for change in WEIGHTS:
        for changed, told in change(weights):
            yield Variant(layer, changed, told, change in ORDERS)


def _activations(layer: Layer, name: str, weights: Mapping[str, Array]) -> Iterator[Variant]:
    mine = getattr(layer, name)
    said = getattr(mine, "type", mine)
    for kind in (*ACTIVATIONS, "gelu"):
        for form, told in FORMS if kind == "gelu" else ((None, kind),):
            other = kind if form is None else {"type": kind, "approximate": form}
            is_mine = kind == said and form in (None, getattr(mine, "approximate", False))
            changed = None if is_mine else _changed(layer, **{name: other})
            if changed is not None:
                instead = f", and not {said or 'no activation'}" if kind != said else ""
                yield Variant(changed, weights, f"it computes {told}{instead}")
    if said is not None and (changed := _changed(layer, **{name: None})) is not None:
        yield Variant(changed, weights, f"it computes no activation, and not {said}")


def _changed(layer: Layer, **fields: Any) -> Any:
    try:
        return with_fields(layer, **fields)
    except Exception:  # pydantic's, or the layer's own: there is no such layer
        return None


def _of_type(layer: Layer, kind: str) -> Any:
    from nnspec.layers import LAYERS

    cls = LAYERS[kind]
    given = {
        name: getattr(layer, name)
        for name in type(layer).model_fields
        if name in cls.model_fields and name != "type"
    }
    try:
        return cls.model_validate({**given, "type": kind})
    except Exception:  # it has other fields
        return None


def _retyped(layer: Layer, kind: str) -> Any:
    from nnspec.layers import LAYERS, Activation

    if not isinstance(layer, Activation) or layer.type == kind:
        return None
    try:
        return LAYERS[kind].model_validate({"type": kind})
    except Exception:
        return None


def _neighbours(layer: Layer, weights: Mapping[str, Array]) -> Iterator[Variant]:
    """Yield rotary positions that turn neighbouring features: as of weights in another order."""
    if not getattr(layer, "rotary", False):
        return
    heads = {"q.weight": layer.num_heads, "k.weight": layer.num_kv_heads}  # type: ignore[attr-defined]
    heads |= {"q.bias": heads["q.weight"], "k.bias": heads["k.weight"]}
    changed = dict(weights)
    for name, count in heads.items():
        if name in weights:
            pairs = weights[name].reshape(count, -1, 2, *weights[name].shape[1:])
            changed[name] = np.swapaxes(pairs, 1, 2).reshape(weights[name].shape)
    told = "its rotary positions turn neighbouring features, and not the two halves"
    yield Variant(layer, changed, told)


Changed = Iterator[tuple[dict[str, "Array"], str]]


def _without_bias(weights: Mapping[str, Array]) -> Changed:
    biases = {name for name in weights if name.startswith("bias")}
    if biases:
        zero = {name: np.zeros_like(weights[name]) for name in biases}
        yield {**weights, **zero}, "it adds no bias"
        twice = {name: 2 * weights[name] for name in biases}
        yield {**weights, **twice}, "it adds the bias twice"


def _turned(weights: Mapping[str, Array]) -> Changed:
    for name, array in weights.items():
        if array.ndim == 2 and array.shape[0] == array.shape[1]:
            yield {**weights, name: array.T}, f"it uses the {name} transposed"
        if array.ndim >= 3:
            flipped = np.flip(array, tuple(range(2, array.ndim)))
            yield {**weights, name: flipped}, f"it uses the {name} flipped along its places"


def _root(weights: Mapping[str, Array]) -> Changed:
    if "running_var" in weights:
        squared = {**weights, "running_var": weights["running_var"] ** 2}
        yield squared, "it takes the variance for the deviation"


def _halves(weights: Mapping[str, Array]) -> Changed:
    """Yield the blocks of gates in other orders."""
    from nnspec.judge.sources import GATES

    for count, orders in GATES.items():
        names = [
            name for name, array in weights.items()
            if name.startswith(("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
            and array.shape[0] % count == 0
        ]  # fmt: skip
        if names:
            for order in orders:
                changed = dict(weights)
                for name in names:
                    pieces = np.split(weights[name], count)
                    changed[name] = np.concatenate([pieces[i] for i in order])
                yield changed, f"it takes the gates in the order {list(order)}"


WEIGHTS: tuple[Callable[[Mapping[str, Array]], Changed], ...] = (
    _without_bias,
    _turned,
    _root,
    _halves,
)
ORDERS = (_turned, _halves)
"""Of these: those that only put numbers elsewhere in a tensor."""


def untrained_rows(name: str, theirs: Array, ours: Array) -> str:
    """Return in words which rows of a table get no gradient in a file alone, or an empty text."""
    if ours.ndim != 2 or theirs.shape != ours.shape:
        return ""
    rows = np.flatnonzero(~theirs.any(axis=1) & ours.any(axis=1))
    rest = np.delete(theirs - ours, rows, axis=0)
    largest = float(np.max(np.abs(ours), initial=0.0))
    if len(rows) != 1 or float(np.max(np.abs(rest), initial=0.0)) > ROUNDING * largest:
        return ""
    told = f" The file gives row {rows[0]} of {name} no gradient, as that of padding"
    return f"{told} (padding_index: {rows[0]} in a spec)."
