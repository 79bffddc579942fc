"""Changes the images of the training rows, by numbers of the seed and the epoch alone."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, cast

from numpy.typing import NDArray

from nnspec.data.moving import moved
from nnspec.data.pictures import Pictures
from nnspec.errors import UsageError
from nnspec.language.objectives import has_teacher
from nnspec.layers.shapes import show
from nnspec.network.loader import Spec
from nnspec.network.objectives import terms_of
from nnspec.support.streams import stream, uniform

if TYPE_CHECKING:
    from nnspec.data.dataset import Part

Array = NDArray[Any]

DRAWN = 4
"""Numbers that are drawn for each row, whatever is declared."""


def require_augmentable(spec: Spec) -> None:
    """Raise UsageError where images cannot be changed without what they are to give."""
    data, training, graph = spec.model.data, spec.model.training, spec.graph
    assert data is not None
    assert training is not None
    for name, by in (data.augment or {}).items():
        shape = graph.inputs[name].shape
        if len(shape) not in (2, 3):
            raise UsageError(
                f'input "{name}" is {show(shape)}, and `augment` is of images: height, width and, '
                "where data_format says, channels"
            )
        first = len(shape) == 3 and graph.data_format == "channels_first"
        for side, most in zip(shape[1:] if first else shape[:2], by.shifts, strict=True):
            if isinstance(side, int) and most >= side:
                raise UsageError(f'input "{name}" is {show(shape)}, too small to shift by {most}')
    of_places = [name for name in graph.outputs if len(graph.types[name].shape) > 1]
    terms = terms_of(spec.model, graph)
    why = ""
    if of_places:
        why = f'the output "{of_places[0]}" is of places in an image, which would not move with it'
    if not data.targets or any(term.own is not None for term in terms):
        why = "the target is the input as it is"
    if has_teacher(spec.model):
        why = "a teacher says what it makes of the images as they are"
    if not training.shuffle:
        why = "with `shuffle: false` every epoch takes the rows as they are"
    if why:
        raise UsageError(f"images are not augmented where {why}: leave out `data.augment`")


def augmented(spec: Spec, part: Part, epoch: int) -> Part:
    """Return the training rows as an epoch, counted from 1, takes them."""
    data, training = spec.model.data, spec.model.training
    if data is None or training is None or not data.augment:
        return part
    inputs = dict(part.inputs)
    is_first = spec.graph.data_format == "channels_first"
    for name, by in data.augment.items():
        bits = stream("augment", training.seed, epoch, name)
        drawn = uniform(bits, DRAWN * len(part)).reshape(-1, DRAWN)
        values: Any = inputs[name]
        if isinstance(values, Pictures):
            inputs[name] = cast(Array, values.changed(by, drawn))
        else:
            inputs[name] = moved(values, by, drawn, is_first=is_first)
    return dataclasses.replace(part, inputs=inputs)
