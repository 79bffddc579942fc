"""Writes how a training script reads images: a folder of them, or a table of their paths."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from nnspec.data.images import FORMATS, MOST_PIXELS, SUFFIXES, Pictured, pictured
from nnspec.emit.code import literal, wrap
from nnspec.emit.prepared_columns import Mixed
from nnspec.emit.snippets import Snippet, snippets
from nnspec.emit.specialised import with_constants
from nnspec.emit.unread import without_unread
from nnspec.errors import UsageError
from nnspec.language.pictures import misfit
from nnspec.language.preparation import Preparation, preparation_of
from nnspec.layers.shapes import show
from nnspec.network.loader import Spec

IMPORT = "from PIL import Image, ImageOps"
_WHOLE = ("decoded", "pixels_of", "learnt_channels")
"""Definitions that are the same for every spec."""
FOLDER = "folder"
"""The kind of a source that is a folder of images."""


def image_inputs(spec: Spec) -> dict[str, Preparation]:
    """Return for each input that holds images what is declared of them."""
    data = spec.model.data
    if data is None or not data.prepare:
        return {}
    found = {}
    for name in spec.graph.inputs:
        for column in data.features.get(name, ()):
            declared = preparation_of(data.prepare, column)
            if declared is not None and declared.image is not None:
                found[name] = declared
    return found


def is_learned(spec: Spec, name: str) -> bool:
    """Whether mean and deviation of the channels of an input come from the training images."""
    data, declared = spec.model.data, image_inputs(spec)[name].image
    assert data is not None
    assert declared is not None
    is_float = spec.graph.inputs[name].dtype.startswith("float")
    is_usual = data.standardize and declared.normalize is None and is_float
    return declared.normalize == "learned" or is_usual


def told(spec: Spec, name: str) -> dict[str, Any]:
    """Return how a script is told what the images of an input become; raises UsageError."""
    return record_of(spec, name).model_dump(mode="json", exclude_none=True, exclude_defaults=False)


def record_of(spec: Spec, name: str) -> Pictured:
    """Return the record of an input of images, before anything is learned; raises UsageError."""
    wanted, type_ = image_inputs(spec)[name].image, spec.graph.inputs[name]
    assert wanted is not None
    is_float = type_.dtype.startswith("float")
    data_format = spec.graph.data_format
    if wrong := misfit(wanted, type_.shape, data_format, is_float=is_float):
        raise UsageError(f'input "{name}" is {show(type_.shape)}: {wrong}')
    return pictured(wanted, type_.shape, data_format, is_float=is_float)


def pictures_source(spec: Spec, suffix: str) -> Mixed | None:
    """Return what reads the images of a spec; None where it has none."""
    names = list(image_inputs(spec))
    if not names:
        return None
    known = snippets("nnspec.emit.emitted", "pictures")
    flags = _flags(spec, names)
    learned = [name for name in names if is_learned(spec, name)]
    used = [
        "decoded",
        *(["resized"] if flags["HAS_RESIZE"] else []),
        *(["cropped"] if flags["HAS_CROP"] else []),
        "fitted",
        "pixels_of",
        *(["learnt_channels"] if learned else []),
        "numbered",
        "images",
    ]
    constant = [
        *wrap(f"FORMATS = {literal(list(FORMATS))}"),
        f"MOST_PIXELS = 2**{MOST_PIXELS.bit_length() - 1}",
    ]
    if suffix == FOLDER:
        constant += wrap(f"SUFFIXES = {literal(list(SUFFIXES))}")
    names_of = Names("image", "learnt_channels", _WHOLE)
    return mixed_of_files(constant, [known[name] for name in used], flags, learned, names_of)


class Names(NamedTuple):
    """The names of what reads files of a kind: its key of an input, and definitions.

    learns: the one that learns of the training files. whole: those that are the same for every
    spec.
    """

    key: str
    learns: str
    whole: Collection[str]


def mixed_of_files(
    constant: list[str], used: list[Snippet], flags: Mapping[str, object],
    learned: Sequence[str], names: Names,
) -> Mixed:  # fmt: skip
    """Return what reads the files of inputs. learned: those of which files say something."""
    learning = []
    for name in learned:
        kind = f"kinds[{literal(name)}]"
        made = f'{names.learns}(rows, {kind}, path, parts["train"])'
        learning += wrap(f"{kind}[{literal(names.key)}] = {made}", 4)
    definitions = without_unread(
        [
            each.text if each.name in names.whole else with_constants(each.text, **flags)
            for each in used
        ]
    )
    return Mixed(constant, definitions, used, learning)


def merged(one: Mixed | None, other: Mixed | None) -> Mixed | None:
    """Return what prepares the columns of both."""
    if one is None or other is None:
        return one or other
    return Mixed(
        [*one.constant, *other.constant],
        [*one.definitions, *other.definitions],
        [*one.copied, *other.copied],
        [*one.learning, *other.learning],
    )


def read_lines(spec: Spec, plain: list[str]) -> list[str]:
    """Return the lines of `read_inputs` that give an input. plain: those of other inputs."""
    return files_or(spec, image_inputs(spec), "image", "images", plain)


def files_or(
    spec: Spec, inputs: Collection[str], key: str, function: str, plain: list[str]
) -> list[str]:
    """Return the lines that read inputs of files by a function, and others by the plain lines."""
    made = [f"        inputs[name] = {function}(rows, kind, path)"]
    if set(inputs) == spec.graph.inputs.keys():
        return made
    if not inputs:
        return plain
    return [
        f'        if "{key}" in kind:',
        *[f"    {line}" for line in made],
        "        else:",
        *[f"    {line}" for line in plain],
    ]


def _flags(spec: Spec, names: list[str]) -> dict[str, bool]:
    """Return which parts of the definitions these images need."""
    declared = [record_of(spec, name) for name in names]
    shapes = [spec.graph.inputs[name].shape for name in names]
    resizes = [each.resize for each in declared if each.resize is not None]
    crops = [each for each in declared if each.crop is not None]
    ranges = [each for each in declared if each.range is not None]
    normalized = [
        name
        for name, each in zip(names, declared, strict=True)
        if each.mean is not None or is_learned(spec, name)
    ]
    flat = [shape for shape in shapes if len(shape) == 2]
    return {
        "HAS_RESIZE": bool(resizes),
        "IS_RESIZED": len(resizes) == len(names),
        "HAS_SHORTER": any(isinstance(each, int) for each in resizes),
        "HAS_SIDES": any(isinstance(each, tuple) for each in resizes),
        "HAS_CROP": bool(crops),
        "IS_CROPPED": len(crops) == len(names),
        "HAS_RANGE": bool(ranges),
        "IS_RANGED": len(ranges) == len(names),
        "HAS_NORMALIZED": bool(normalized),
        "IS_NORMALIZED": len(normalized) == len(names),
        "HAS_FLAT": bool(flat),
        "IS_FLAT": len(flat) == len(names),
        "HAS_FIRST": spec.graph.data_format == "channels_first",
        "HAS_OWN_SIZE": any(each.crop is None and each.resize is None for each in declared),
    }
