"""Follows the axis of the features through a network: the last, or, as channels, the first.

A layer that takes the first axis for the channels gives another network where the features come
last, and nothing else would tell: `check` refuses it, unless the spec says which layout it means.
"""

from __future__ import annotations

from collections.abc import Iterable

from nnspec.language.schema import Model
from nnspec.layers.base import Layer, Side
from nnspec.layers.shapes import DataFormat, Shape, TensorType
from nnspec.layers.weighted import Weighted
from nnspec.network.entries import Entry
from nnspec.network.state import BodyState, Features

_READ_LAST = frozenset({"last", "vectors", "across", "along"})
_CHANNELS = frozenset({1, 3, 4})
"""Sizes of what is likely an axis of channels: grey, colours, colours with an alpha."""


def looked_at(shape: Shape, origin: str, data_format: DataFormat) -> Features | None:
    """Return where a value has its channels, by its sizes alone, if not where the spec has them.

    Of the two ends one is a usual number of channels, or the other is a dynamic axis.
    """
    if not 2 <= len(shape) <= 4:
        return None
    side: Side = "last" if data_format == "channels_first" else "first"
    end, other = (shape[-1], shape[0]) if side == "last" else (shape[0], shape[-1])
    if isinstance(end, str) or other in _CHANNELS:
        return None
    sizes = shape[1:] if side == "last" else shape[:-1]
    if len(sizes) > 1 and len(set(sizes)) == 1:
        return None  # A square map of many channels, as likely.
    if isinstance(other, str) or end == 1 or (end in _CHANNELS and len(shape) > 2):
        return Features(side, origin, is_seen=True)
    # A sequence of three or four features, or as many channels of what is hardly longer.
    is_doubtful = end in _CHANNELS and other > 2 * end
    return Features(side, origin, is_sure=False, is_seen=True) if is_doubtful else None


def finds_features(
    body: BodyState, entry: Entry, layer: Layer, types: tuple[TensorType, ...]
) -> bool:
    """Whether a layer finds the features where it looks for them; else that is reported.

    Where the spec says which layout it means, or where more may be meant, it is advice.
    """
    known, inputs = body.features, entry.inputs
    if not known or not inputs:
        return True
    role = layer.features_role
    if layer.placement == "spatial" or role == "layout":
        wanted: Side = "first" if body.model.data_format == "channels_first" else "last"
        for name, type_ in zip(inputs, types, strict=True):
            found = known.get(name)
            is_lost = found is not None and found.side != wanted and type_.rank > 1
            if found is not None and is_lost and layer.takes_rank(type_.rank):
                return _is_allowed(body, entry, layer, type_, found, is_sure=found.is_sure)
        return True
    found = known.get(inputs[0])
    if found is None or found.side == "last" or role not in _READ_LAST:
        return True
    if role != "last" and "axis" in layer.model_fields_set:
        return True
    is_sure = found.is_sure and (role != "along" or _is_dense_on_map(layer, types[0]))
    if _is_allowed(body, entry, layer, types[0], found, is_sure=is_sure):
        return True
    # What it would give is known all the same, so that mistakes after it are found at once.
    body.accused.add(entry.name)
    return True


def _is_dense_on_map(layer: Layer, type_: TensorType) -> bool:
    """Whether it is a dense layer on the width of an image; on a sequence more may be meant."""
    return isinstance(layer, Weighted) and type_.rank > 2


def _is_allowed(
    body: BodyState,
    entry: Entry,
    layer: Layer,
    type_: TensorType,
    found: Features,
    *,
    is_sure: bool,
) -> bool:
    """Report that a layer looks for the features at the other end; return whether it may."""
    from nnspec.network.mixed_layouts import report  # which few specs need

    is_error = is_sure and "data_format" not in body.model.model_fields_set
    report(
        body.problems,
        entry,
        layer,
        type_,
        found.side,
        found.origin,
        is_seen=found.is_seen,
        is_error=is_error,
    )
    return not is_error


def features_given(
    body: BodyState, entry: Entry, layer: Layer, types: tuple[TensorType, ...], given: TensorType
) -> Features | None:
    """Return where what a layer gives has its features, or None where that cannot be told."""
    if given.rank < 2 or entry.name in body.accused:
        return None
    role = layer.features_role
    if layer.placement == "spatial" or role == "layout":
        # Elsewhere both read the last axis.
        if body.model.data_format == "channels_last":
            return None
        found = Features("first", _origin(layer, entry))
        last = layer.output_activation
        is_along = last is not None and last.features_role == "along"
        if last is not None and is_along and "axis" not in last.model_fields_set:
            _is_allowed(body, entry, last, given, found, is_sure=False)
        return found
    known, inputs = body.features, entry.inputs or ()
    kept = None
    if known and role != "lost":
        kept = _kept(layer, map(known.get, inputs), types, given)
        if kept is None and role != "last" and inputs:
            kept = _under_a_new_axis(body.model, known.get(inputs[0]), layer, types, given)
    if role in ("last", "vectors") and (kept is None or kept.is_seen or kept.side == "first"):
        if kept is not None and role == "vectors" and "axis" in layer.model_fields_set:
            return kept
        return Features("last", _origin(layer, entry))
    if (
        kept is not None
        and role == "shaped"
        and (kept.is_seen or not _is_end_kept(kept, types, given))
    ):
        kept = None
    if kept is None and role == "shaped":
        return looked_at(given.shape, _origin(layer, entry), body.model.data_format)
    if kept is None and isinstance(layer, Weighted):
        return Features("last", _origin(layer, entry), is_sure=False)
    return kept


def _is_end_kept(kept: Features, types: tuple[TensorType, ...], given: TensorType) -> bool:
    """Whether the axis of the features has its size still."""
    end = -1 if kept.side == "last" else 0
    return types[0].shape[end] == given.shape[end]


def _under_a_new_axis(
    model: Model,
    found: Features | None,
    layer: Layer,
    types: tuple[TensorType, ...],
    given: TensorType,
) -> Features | None:
    """Return where the last features are that a new first axis makes a map of one channel of.

    In doubt, if the spec says no layout: for Keras they are the channels.
    """
    if found is None or found.side == "first" or not found.is_sure or found.is_seen:
        return None
    is_new = given.rank == types[0].rank + 1 and given.shape[1:] == types[0].shape
    if not is_new or layer.features_side("last", types[0].rank) is not None:
        return None
    if "data_format" not in model.model_fields_set:
        return found._replace(is_sure=False)
    return found if model.data_format == "channels_last" else None


def _origin(layer: Layer, entry: Entry) -> str:
    return f'{layer.type} "{entry.name}"'


def _kept(
    layer: Layer,
    found: Iterable[Features | None],
    types: tuple[TensorType, ...],
    given: TensorType,
) -> Features | None:
    """Return where the features of what a layer takes are in what it gives."""
    kept: Features | None = None
    for each, type_ in zip(found, types, strict=True):
        if each is None or (type_.rank != given.rank and len(types) > 1):
            continue
        side = layer.features_side(each.side, type_.rank)
        if side is None or (kept is not None and kept.side != side):
            return None
        axis = 0 if side == "first" else -1
        if len(types) > 1 and type_.shape[axis] == 1 != given.shape[axis]:
            continue  # One that stretches is no axis of channels, as of a mask or a bias.
        if kept is None or each.is_sure:
            kept = each._replace(side=side)
    return kept
