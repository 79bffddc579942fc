"""Writes what changes the images of the training rows in each epoch of a script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from nnspec.data.augmentable import require_augmentable
from nnspec.data.recolouring import black_and_white
from nnspec.emit.code import literal, wrap
from nnspec.emit.pictures import image_inputs, is_learned, record_of
from nnspec.emit.snippets import Snippet, snippets
from nnspec.emit.specialised import with_constants
from nnspec.emit.unread import without_unread
from nnspec.language.augmentation import COLOURS, MIXTURES, Augmentation
from nnspec.language.pictures import channels_of
from nnspec.network.loader import Spec


class Changing(NamedTuple):
    """The constant and the definitions that change images, and what they were."""

    text: list[str]
    copied: list[Snippet]


def is_augmented(spec: Spec) -> bool:
    """Whether training changes images in each epoch."""
    return spec.model.data is not None and bool(spec.model.data.augment)


def is_mixed(spec: Spec) -> bool:
    """Whether training mixes the targets of rows with their images."""
    return any(each.mixtures for each in _given(spec).values())


def needs_record(spec: Spec) -> bool:
    """Whether what changes images has to know what the training images say of their colours."""
    return bool(_learned(spec))


def augmenting_source(spec: Spec) -> Changing | None:
    """Return what changes the images of a spec; None where none are. Raises UsageError."""
    training = spec.model.training
    if training is None or not is_augmented(spec):
        return None
    require_augmentable(spec)
    given = _given(spec)
    told = {i: _told(spec, name) for i, name in enumerate(spec.graph.inputs) if name in given}
    flags = _flags(spec, given)
    known = snippets("nnspec.emit.emitted", "augmenting")
    used = {
        "random_numbers": True,
        "pixel_places": flags["HAS_MOVED"],
        "moved": flags["HAS_MOVED"],
        "sampled": flags["HAS_SAMPLED"],
        "as_before": flags["HAS_SAMPLED"] or flags["HAS_COLOURED"] or flags["HAS_MIXUP"],
        "grey": flags["HAS_CONTRAST"] or flags["HAS_SATURATION"],
        "recoloured": flags["HAS_COLOURED"],
        "black_and_white": flags["HAS_COLOURED"],
        "beta": flags["HAS_MIXTURES"],
        "boxes": flags["HAS_CUTMIX"],
        "class_shares": flags["HAS_MIXTURES"] and flags["HAS_CLASSES"],
        "mixed": flags["HAS_MIXTURES"],
        "augmented": True,
    }
    names = [name for name, is_used in used.items() if is_used]
    constant = "\n".join(wrap(f"AUGMENTED: dict[int, dict[str, Any]] = {literal(told)}"))
    definitions = without_unread([with_constants(known[name].text, **flags) for name in names])
    return Changing([constant, *definitions], [known[name] for name in names])


def _given(spec: Spec) -> Mapping[str, Augmentation]:
    data = spec.model.data
    return data.augment or {} if data is not None else {}


def _learned(spec: Spec) -> list[str]:
    """Return the inputs whose colours change by what the training images say of them."""
    images = image_inputs(spec)
    return [
        name
        for name, by in _given(spec).items()
        if by.colours and name in images and is_learned(spec, name)
    ]


def _told(spec: Spec, name: str) -> dict[str, Any]:
    """Return how a script is told what changes the images of an input."""
    given = _given(spec)
    by = given[name]
    told: dict[str, Any] = {"name": name}
    if by.moves:
        # Of all inputs that move, as the definitions ask for it.
        if any(each.flip is not None for each in given.values()):
            told["flip"] = list(by.axes)
        if any(any(each.shifts) for each in given.values()):
            told["shift"] = list(by.shifts)
    for key in ("crop", "rotate", *COLOURS, *MIXTURES):
        if getattr(by, key) is not None:
            told[key] = getattr(by, key)
    if by.colours and name not in _learned(spec):
        image = record_of(spec, name) if name in image_inputs(spec) else None
        black, white = black_and_white(image, by.range)
        told |= {"black": black.tolist(), "white": white.tolist()}
    return told


def _flags(spec: Spec, given: Mapping[str, Augmentation]) -> dict[str, Any]:
    """Return which parts of the definitions these changes need, and which all inputs need."""
    assert spec.model.training is not None
    kinds = {
        "MOVED": [each.moves for each in given.values()],
        "SAMPLED": [each.samples for each in given.values()],
        "COLOURED": [bool(each.colours) for each in given.values()],
    }
    for key in ("crop", "rotate", *COLOURS, *MIXTURES):
        # Asked for where one of its kind is there.
        among = "samples" if key in ("crop", "rotate") else "colours"
        if key in MIXTURES:
            among = "mixtures"
        kinds[key.upper()] = [
            getattr(each, key) is not None for each in given.values() if getattr(each, among)
        ]
    types = [spec.graph.inputs[name] for name in given]
    flat = [len(each.shape) == 2 for each in types]
    whole = [not each.dtype.startswith("float") for each in types]
    channels = {
        channels_of(spec.graph.inputs[name].shape, spec.graph.data_format)
        for name, each in given.items()
        if each.colours
    }
    training, output = spec.model.training, spec.graph.types[spec.graph.outputs[0]].shape
    learned, coloured = _learned(spec), [name for name in given if given[name].colours]
    return {
        **{f"HAS_{key}": any(values) for key, values in kinds.items()},
        **{f"ALL_{key}": bool(values) and all(values) for key, values in kinds.items()},
        "HAS_FIRST": spec.graph.data_format == "channels_first",
        "HAS_FLIP": any(each.flip is not None for each in given.values()),
        "HAS_SHIFT": any(any(each.shifts) for each in given.values()),
        "HAS_FLAT": any(flat),
        "IS_FLAT": all(flat),
        "HAS_WHOLE": any(whole),
        "IS_WHOLE": all(whole),
        "IS_COLOURFUL": channels == {3},
        "IS_GREY": 3 not in channels,
        "HAS_GIVEN": learned != coloured,
        "IS_GIVEN": not learned,
        "HAS_MIXTURES": any(each.mixtures for each in given.values()),
        "HAS_CLASSES": training.kind == "multiclass",
        "CLASSES": output[-1] if output else 1,
        "SEED": training.seed,
    }
