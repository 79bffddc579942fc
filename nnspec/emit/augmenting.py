"""Writes what changes the images of the training rows in each epoch of a script."""

from __future__ import annotations

from typing import Any, NamedTuple

from nnspec.data.augmenting import require_augmentable
from nnspec.emit.code import literal, wrap
from nnspec.emit.snippets import Snippet, snippets
from nnspec.emit.specialised import with_constants
from nnspec.emit.unread import without_unread
from nnspec.network.loader import Spec


class Changing(NamedTuple):
    """The constant and the definitions that change images, and what they were."""

    text: list[str]
    copied: list[Snippet]


def is_augmented(spec: Spec) -> bool:
    """Whether training changes images in each epoch."""
    return spec.model.data is not None and bool(spec.model.data.augment)


def augmenting_source(spec: Spec) -> Changing | None:
    """Return what changes the images of a spec; None where none are. Raises UsageError."""
    data, training = spec.model.data, spec.model.training
    if data is None or training is None or not data.augment:
        return None
    require_augmentable(spec)
    given = data.augment
    has_shift = any(any(each.shifts) for each in given.values())
    told: dict[int, dict[str, Any]] = {}
    for i, name in enumerate(spec.graph.inputs):
        if name in given:
            by = given[name]
            shift = {"shift": list(by.shifts)} if has_shift else {}
            flip = {"flip": list(by.axes)} if any(each.flip for each in given.values()) else {}
            told[i] = {"name": name, **flip, **shift}
    flags = {
        "HAS_FIRST": spec.graph.data_format == "channels_first",
        "HAS_FLIP": any(each.flip is not None for each in given.values()),
        "HAS_SHIFT": has_shift,
        "SEED": training.seed,
    }
    known = snippets("nnspec.emit.emitted", "augmenting")
    names = ("pixel_places", "moved", "augmented")
    constant = "\n".join(wrap(f"AUGMENTED: dict[int, dict[str, Any]] = {literal(told)}"))
    definitions = without_unread([with_constants(known[name].text, **flags) for name in names])
    return Changing([constant, *definitions], [known[name] for name in names])
