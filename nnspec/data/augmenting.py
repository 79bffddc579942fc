"""Changes the images of the training rows, by numbers of the seed and the epoch alone."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from numpy.typing import NDArray

from nnspec.data.changing import Change, mixed_images
from nnspec.data.dataset import Dataset, Part
from nnspec.data.mixing import Mixture, mixture
from nnspec.data.pictures import Pictures
from nnspec.data.recolouring import black_and_white
from nnspec.language.pictures import sides_of
from nnspec.network.loader import Spec
from nnspec.support.streams import stream, uniform

Array = NDArray[Any]

MOVED, SAMPLED, COLOURED, MIXED = 4, 5, 3, 7
"""Numbers that are drawn for each row."""


def augmented(spec: Spec, data: Dataset, epoch: int) -> Part:
    """Return the training rows as an epoch, counted from 1, takes them."""
    given, training, part = spec.model.data, spec.model.training, data.train
    if given is None or training is None or not given.augment:
        return part
    inputs, target, count = dict(part.inputs), part.target, len(part)
    is_first = spec.graph.data_format == "channels_first"
    for name, by in given.augment.items():
        values: Any = inputs[name]
        key = "augment", training.seed, epoch, name
        image = data.preprocessing.inputs[name].image
        white_of: dict[str, Array] = {}
        if by.colours:
            white_of["black"], white_of["white"] = black_and_white(image, by.range)
        change = Change(
            by,
            is_first,
            moved=_drawn(count, MOVED, *key) if by.moves else None,
            sampled=_drawn(count, SAMPLED, *key, "sample") if by.samples else None,
            coloured=_drawn(count, COLOURED, *key, "colour") if by.colours else None,
            **white_of,
        )
        mixed = None
        if by.mixtures:
            height, width = sides_of(values.shape[1:], spec.graph.data_format)
            assert isinstance(height, int)
            assert isinstance(width, int)
            mixed = mixture(by, _drawn(count, MIXED, *key, "mix"), height, width)
            assert not isinstance(target, dict)
            target = mixed.targets(target, _classes(spec))
        inputs[name] = changed(values, change, mixed)
    return dataclasses.replace(part, inputs=inputs, target=target)


def changed(values: Any, change: Change, mixed: Mixture | None) -> Array:
    """Return images changed, and mixed with others, which are changed as they are themselves."""
    if isinstance(values, Pictures):
        return cast(Array, values.changed(change, mixed))
    images = change.images(values)
    if mixed is None:
        return images
    return mixed_images(images, images[mixed.other], mixed, is_first=change.is_first)


def _classes(spec: Spec) -> int | None:
    training = spec.model.training
    assert training is not None
    if training.kind != "multiclass":
        return None
    size = spec.graph.types[spec.graph.outputs[0]].shape[-1]
    assert isinstance(size, int)
    return size


def _drawn(count: int, width: int, *key: str | int) -> Array:
    """Return so many numbers from 0 to 1 for each row, which the key alone decides."""
    return uniform(stream(*key), width * count).reshape(-1, width)
