"""Reports a layer that looks for the features of a value at the end where they are not."""

from __future__ import annotations

from nnspec.language.problems import Problems
from nnspec.layers.base import Layer, Side
from nnspec.layers.shapes import TensorType, show
from nnspec.network.entries import Entry

_PLACES = {2: ("length",), 3: ("height", "width"), 4: ("depth", "height", "width")}

_ON_IMAGE = (
    "for a vector of each image put `flatten` or `global_average_pooling2d` before it; to mix the "
    "channels use a conv2d of kernel_size 1, or data_format: channels_last"
)


def report(
    problems: Problems,
    entry: Entry,
    layer: Layer,
    type_: TensorType,
    side: Side,
    origin: str,
    *,
    is_seen: bool,
    is_error: bool,
) -> None:
    """Report it: as an error, or as advice where the spec says which layout it means.

    side: where the features are, as `origin` has put them, or as the sizes look (`is_seen`).
    """
    rank, is_last = type_.rank, side == "last"
    is_spatial = layer.placement == "spatial" or layer.features_role == "layout"
    takes = _axes(rank, "first" if is_last else "last", is_image=is_spatial)
    gives = _axes(rank, side, is_image=is_seen or not is_last)
    said = f"{origin} {'looks like' if is_seen else 'gives'} {gives}: {show(type_.shape)}"
    end = "first" if is_spatial and not is_last else "last"
    other = f"data_format: channels_{end}"
    moved = [rank - 1, *range(rank - 1)] if is_last else [*range(1, rank), 0]
    permute = f"{{type: permute, axes: {moved}}}"
    subject = f'{layer.type} "{entry.name}"'
    if layer.type == "dense" and rank > 2:
        message = (
            f"{subject} works on the last axis, and that of {show(type_.shape)}, which "
            f"{origin} makes, is the width"
        )
        hint = _ON_IMAGE
        if is_error:
            hint += "; if you mean the width, data_format: channels_first"
        tell = problems.add if is_error else problems.advise
        tell("dense-on-image", message, entry.mark, hint)
        return
    places = _PLACES.get(rank, ("last axis",))
    if "axis" in type(layer).model_fields and not is_spatial and not is_last:
        message = f"{subject} takes {takes}, where it says no axis, and {said}"
        hint = (
            f"write axis: 0 if the channels are meant, axis: -1 if the {places[-1]}; or "
            f"`{other}` beside `name:` if channels come {end} in this spec"
        )
        if is_error:
            problems.add("ambiguous-layout", message, entry.mark, hint)
        else:
            problems.advise("mixed-layouts", message, entry.mark, hint)
        return
    if is_error:
        meant = (
            f"`data_format: channels_first` if {_size(type_, 0)} are the channels"
            if is_last
            else f"`data_format: channels_first` if {_size(type_, -1)} are the features"
        )
        problems.add(
            "ambiguous-layout",
            f"{subject} takes {takes}, where no data_format is written, and {said}",
            entry.mark,
            f"write `data_format: channels_last` beside `name:` if channels come last in this "
            f"spec, or {meant}; or put {permute} before this layer",
        )
        return
    problems.advise(
        "mixed-layouts",
        f"{subject} takes {takes}, and {said}: the axes change their meaning",
        entry.mark,
        f"put {permute} between them, or write {other} if channels come {end} in this spec",
    )


def _axes(rank: int, side: Side, *, is_image: bool) -> str:
    if not is_image:
        return "(time, features)" if rank == 2 else "(..., time, features)"
    places = _PLACES.get(rank, ("...",))
    return show(("channels", *places) if side == "first" else (*places, "channels"))


def _size(type_: TensorType, axis: int) -> str:
    size = type_.shape[axis]
    return f"the {size}" if isinstance(size, int) else f"`{size}`"
