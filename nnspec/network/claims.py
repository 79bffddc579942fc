"""Judges what a key that a fix leaves out says of the network: `in_features: 99`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nnspec.errors import Mark
from nnspec.language.schema import Model
from nnspec.layers.base import Layer, channel_axis
from nnspec.layers.shapes import Dim, Shape, TensorType, show
from nnspec.layers.words.word import Claim
from nnspec.network.heads import final_activation
from nnspec.support.shown import shown


class Seen(NamedTuple):
    """A layer, or the use of a block (None), with what it takes, in the network of a document."""

    mark: Mark | None
    layer: Layer | None
    types: tuple[TensorType, ...]
    model: Model


Verdict = bool | str | None
"""True; what is wrong with it, for a reader; None where nothing tells."""


def verdict(claim: Claim, seen: Sequence[Seen], spec: Any) -> Verdict:
    """Return whether a claim is true of all layers that stand where its key stood.

    spec: the spec without the key, or None where it has other mistakes.
    """
    if claim.value is None:
        return True
    if claim.says == "logits":
        return _of_logits(claim, spec) if spec is not None else None
    if not seen:
        return None
    for each in seen:
        found = _CLAIMS[claim.says](claim.value, each)
        if found:
            return (
                f"{claim.key} is {shown(claim.value)}, and {found}: leave it out if that is meant, "
                "or change what comes before this layer"
            )
    return True


def _of_logits(claim: Claim, spec: Any) -> Verdict:
    head = final_activation(spec.graph)
    if claim.value is True or head is not None:
        return True  # it is computed from logits always
    return (
        f"{claim.key} is {shown(claim.value)}, and the network ends in no softmax or sigmoid: "
        "leave it out if the loss shall be that of what the network says"
    )


def _features(value: object, seen: Seen) -> str:
    return _differs(value, seen, seen.types[:1])


def _key_features(value: object, seen: Seen) -> str:
    return _differs(value, seen, _sequences(seen)[2:] or _sequences(seen)[-1:])


def _value_features(value: object, seen: Seen) -> str:
    return _differs(value, seen, _sequences(seen)[1:2] or _sequences(seen)[-1:])


def _sequences(seen: Seen) -> tuple[TensorType, ...]:
    """Return what an attention takes, without masks."""
    layer = seen.layer
    named = layer.named_inputs if layer is not None else ()
    return seen.types[: len(seen.types) - sum(getattr(layer, each) is not None for each in named)]


def _differs(value: object, seen: Seen, types: tuple[TensorType, ...]) -> str:
    number = value[0] if isinstance(value, list | tuple) and len(value) == 1 else value
    if not types or not types[0].shape:
        return "what comes in has no features"
    shape, layer = types[0].shape, seen.layer
    sizes: tuple[Dim, ...]
    channels = shape[channel_axis(len(shape), seen.model.data_format)]
    if layer is None or layer.refers:
        sizes, what = (channels, shape[-1]), "features"
    elif layer.placement == "spatial":
        sizes, what = (channels,), "channels"
    elif layer.placement == "pointwise":
        sizes, what = (channels, shape[-1]), "features"
    else:
        sizes, what = (shape[-1],), "features"
    return "" if any(_is(number, size) for size in sizes) else f"{sizes[0]} {what} come in"


def _is(number: object, size: Dim) -> bool:
    """Whether a number says this size; a dynamic axis may have any."""
    return isinstance(size, str) or (not isinstance(number, bool) and number == size)


def _shape(value: object, seen: Seen) -> str:
    given = list(value) if isinstance(value, list | tuple) else [value]
    shape = seen.types[0].shape if seen.types else ()
    # Who writes Keras's shapes has channels last.
    turned = (*shape[1:], *shape[:1]) if seen.model.data_format == "channels_first" else shape
    is_so = any(
        _are(sizes, each)
        for sizes in (given, given[1:] if len(given) > len(shape) else given)
        for each in (shape, turned)
    )
    return "" if is_so else f"{show(shape)} comes in"


def _are(given: Sequence[object], shape: Shape) -> bool:
    return len(given) == len(shape) and all(
        number in (None, -1) or _is(number, size) for number, size in zip(given, shape, strict=True)
    )


def _normalized(value: object, seen: Seen) -> str:
    sizes = list(value) if isinstance(value, list | tuple) else [value]
    shape = seen.types[0].shape if seen.types else ()
    if len(sizes) == 1 and isinstance(sizes[0], int) and sizes[0] < 0:
        return ""  # an axis
    last = shape[len(shape) - len(sizes) :]
    is_so = 0 < len(sizes) <= len(shape) and all(map(_is, sizes, last))
    return "" if is_so else f"{show(shape)} comes in"


def _channels_axis(value: object, seen: Seen) -> str:
    shape, model = seen.types[0].shape, seen.model
    axis = channel_axis(len(shape), model.data_format)
    is_keras = value == -1 and "data_format" not in model.model_fields_set
    if is_keras or value in (axis + 1, axis - len(shape)):
        return ""
    return (
        f"the channels are axis {axis + 1}, the batch counted, by data_format: {model.data_format}"
    )


def _channels_first(value: object, seen: Seen) -> str:
    is_first = seen.model.data_format == "channels_first"
    return "" if is_first else "the channels come last in this spec, where axis: -1 is theirs"


def _slopes(value: object, seen: Seen) -> str:
    return "" if value == 1 else _features(value, seen)


_CLAIMS: dict[str, Callable[[object, Seen], str]] = {
    "features": _features,
    "features of the key": _key_features,
    "features of the value": _value_features,
    "shape": _shape,
    "normalized": _normalized,
    "channels axis": _channels_axis,
    "channels first": _channels_first,
    "slopes": _slopes,
}
"""By what a claim says: what is wrong with its value for a layer, or an empty text."""
