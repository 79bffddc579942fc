"""Refuses changes of images that what the rows are to give would not follow."""

from __future__ import annotations

from nnspec.errors import UsageError
from nnspec.language.augmentation import Augmentation
from nnspec.language.objectives import has_teacher, is_composed
from nnspec.language.pictures import channels_of, sides_of
from nnspec.language.preparation import preparation_of
from nnspec.language.weighting import is_weighted
from nnspec.layers.shapes import show
from nnspec.network.loader import Spec
from nnspec.network.objectives import terms_of

MIXABLE = ("numbers", "distribution", "shares", "amounts")
"""Targets of losses, of which a mean of two is one too."""


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
        for side, most in zip(sides_of(shape, graph.data_format), by.shifts, strict=True):
            if isinstance(side, int) and most >= side:
                raise UsageError(f'input "{name}" is {show(shape)}, too small to shift by {most}')
        if by.colours:
            _require_colours(spec, name, by)
        if by.mixtures:
            _require_mixable(spec, name, next(iter(by.mixtures)))
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


def _require_colours(spec: Spec, name: str, by: Augmentation) -> None:
    """Raise UsageError where it is not known what black and white are, or no colour is there."""
    data = spec.model.data
    assert data is not None
    key = next(iter(by.colours))
    shape = spec.graph.inputs[name].shape
    if by.saturation is not None and channels_of(shape, spec.graph.data_format) != 3:
        raise UsageError(
            f'input "{name}" is {show(shape)}, and `saturation` is of red, green and blue'
        )
    found = preparation_of(data.prepare or {}, data.features[name][0])
    if found is not None and found.image is not None:
        if by.range is not None:
            raise UsageError(
                f'the images of "{name}" are files, whose black and white are known: leave out '
                "`range` of `data.augment`"
            )
        return
    if by.range is None:
        raise UsageError(
            f'`{key}` of "{name}" needs to know black and white, and the images are no files: say '
            f"`range: [0, 255]`, or whatever the rows hold"
        )
    if data.standardize or found is not None:
        what = "`standardize`" if data.standardize else "`prepare`"
        raise UsageError(
            f'`{key}` of "{name}" is of colours as the rows have them, and {what} changes them '
            "before: leave one of both out"
        )


def _require_mixable(spec: Spec, name: str, key: str) -> None:
    """Raise UsageError where two rows have no mean."""
    model, graph = spec.model, spec.graph
    data, training = model.data, model.training
    assert data is not None
    assert training is not None
    why = ""
    if len(graph.inputs) > 1:
        other = next(each for each in graph.inputs if each != name)
        why = f'the network takes "{other}" too, which is not mixed'
    elif is_composed(model) and len(graph.outputs) == 1:
        why = (
            "the target, the task or the loss is given by the name of the one output; write "
            "`target: COLUMN`, `task: multiclass` and the loss without that name"
        )
    elif is_composed(model) or len(graph.outputs) > 1:
        why = "the network learns several targets"
    elif is_weighted(model):
        why = "rows have weights"
    else:
        loss = training.resolved_loss
        takes_mean = loss.takes in MIXABLE or (not loss.takes and loss.ignored is None)
        if not takes_mean or loss.class_axis != -1:
            why = f"the loss {loss.type} takes no mean of two targets"
    if why:
        raise UsageError(f"`{key}` mixes two rows and their targets, and {why}: leave it out")
