"""The inputs of every training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import polars as pl
from numpy.typing import NDArray

from nnspec.data.feature import Feature, Raw, places
from nnspec.data.images import Pictured, pictured
from nnspec.data.named_files import Files
from nnspec.data.pictures import Pictures
from nnspec.data.sounds import Sounded, Sounds, sounded
from nnspec.data.splitting import split_column
from nnspec.data.tables import Rows, select
from nnspec.errors import DataError
from nnspec.language.schema import DType
from nnspec.language.training_schema import Data
from nnspec.layers.shapes import Shape, show
from nnspec.network.domains import domain_of
from nnspec.network.graph import Graph

if TYPE_CHECKING:
    from nnspec.data.windows import Rolled
    from nnspec.language.preparation import Preparation

Array = NDArray[Any]


def learned(
    data: Data,
    features: Mapping[str, Feature],
    raw: Mapping[str, Raw],
    rows: Array | slice,
    file: object,
) -> dict[str, Feature]:
    """Return the features with what these rows say of them; raises DataError.

    That is mean and deviation, where the spec standardises them, or what each column becomes.
    """
    if data.standardize:
        require_fixed(features)
    return {name: _learned(data, each, raw[name], rows, file) for name, each in features.items()}


def _learned(data: Data, feature: Feature, raw: Raw, rows: Array | slice, file: object) -> Feature:
    if isinstance(raw, Pictures):
        return _learned_images(data, feature, raw[rows])
    if isinstance(raw, Sounds):
        return _learned_sounds(data, feature, raw[rows])
    assert not isinstance(raw, Files)
    if not isinstance(raw, pl.DataFrame):
        return feature.standardised(raw[rows]) if data.standardize else feature
    from nnspec.data.learned import learned as of_column  # which few specs need

    wanted = wanted_of(data, feature.columns, feature.dtype)
    assert wanted is not None
    made = [
        of_column(each, raw[name], rows, file)
        for name, each in zip(feature.columns, wanted, strict=True)
    ]
    return feature.model_copy(update={"prepared": tuple(made)})


def _learned_images(data: Data, feature: Feature, images: Pictures) -> Feature:
    """Return a feature of images with what these say of their channels, where that is wanted."""
    from nnspec.data.images import learned as of_images
    from nnspec.language.preparation import preparation_of

    found = preparation_of(data.prepare or {}, feature.columns[0])
    assert found is not None
    assert found.image is not None
    assert feature.image is not None
    given = found.image.normalize
    is_usual = data.standardize and given is None and feature.image.range is not None
    if given != "learned" and not is_usual:
        return feature
    return feature.model_copy(update={"image": of_images(feature.image, images.pixels())})


def _learned_sounds(data: Data, feature: Feature, sounds: Sounds) -> Feature:
    """Return a feature of sounds with what these say of their samples, where that is wanted."""
    from nnspec.data.sounds import learned as of_sounds
    from nnspec.language.preparation import preparation_of

    found = preparation_of(data.prepare or {}, feature.columns[0])
    assert found is not None
    assert found.sound is not None
    assert feature.sound is not None
    given = found.sound.normalize
    if given != "learned" and not (data.standardize and given is None):
        return feature
    return feature.model_copy(update={"sound": of_sounds(feature.sound, sounds.samples())})


def wanted_of(data: Data, columns: Sequence[str], dtype: str) -> tuple[Preparation, ...] | None:
    """Return what the columns of an input are to become; None where all are plain numbers."""
    if not data.prepare:
        return None
    from nnspec.data.learned import drafts

    is_float = dtype.startswith("float")
    return drafts(data.prepare, columns, standardize=data.standardize and is_float)


def features_of(
    graph: Graph, data: Data, rows: Rows, file: object, targets: tuple[str, ...]
) -> dict[str, Feature]:
    """Return what each input is made of; targets: columns that no pattern of features takes.

    Where windows end before their target, its past is a feature if it is named as one.
    """
    if data.windows is not None and data.windows.horizon and data.targets:
        named = {name for given in data.features.values() for name in given}
        targets = tuple(name for name in targets if name not in named)
    missing = [name for name in graph.inputs if name not in data.features]
    if missing:
        raise DataError(f'`data.features` says nothing of the input "{missing[0]}"')
    return {name: _feature(graph, data, name, rows, file, targets) for name in graph.inputs}


def finished(
    graph: Graph,
    features: Mapping[str, Feature],
    raw: Mapping[str, Raw],
    rows: Rows,
    file: str | Path,
    *,
    is_whole: bool = True,
    windows: Rolled | None = None,
) -> dict[str, Array]:
    """Return the network's inputs from gathered values; raises DataError outside its domain.

    is_whole: whether images have to be decoded now, and windows cut, however many they are.
    windows: over the rows, where these are not yet the network's.
    """
    inputs = {
        name: feature.finish(raw[name], name, file, rows) for name, feature in features.items()
    }
    place = places(features, rows, file)
    if windows is not None:
        inputs = windows.inputs(inputs, is_whole=is_whole)
        place = windows.place(place, {name: each.width for name, each in features.items()})
    for name, values in inputs.items():
        if isinstance(values, Files):
            inputs[name] = values.held(whole=is_whole)
    _require_tables(graph, features, file)
    domain_of(graph).require(inputs, place, file=file)
    return inputs


def _require_tables(graph: Graph, features: Mapping[str, Feature], file: object) -> None:
    """Raise DataError where a column has more categories than the table that takes its number."""
    indexed = [
        (name, column, each)
        for name, feature in features.items()
        for column, each in zip(feature.columns, feature.prepared or (), strict=False)
        if each.numbers is not None
    ]
    if not indexed:
        return
    for allowed in domain_of(graph).ranges:
        for name, column, each in indexed:
            size = each.numbers or 0
            if name == allowed.value and isinstance(allowed.most, int) and allowed.most < size - 1:
                has_others = each.unknown or each.tokens is not None
                others = "others and " if has_others else ""
                what = "tokens" if each.kind == "text" else "categories"
                held = 256 if each.tokens == "bytes" else each.size or len(each.vocabulary)
                raise DataError(
                    f'{file}: column "{column}" has {others}{held} {what}, '
                    f'the numbers 0 to {size - 1}, and the layer "{allowed.layer}" '
                    f"({allowed.kind}) takes 0 to {allowed.most}; let it take {size}"
                )


def _feature(
    graph: Graph, data: Data, name: str, rows: Rows, file: object, targets: tuple[str, ...]
) -> Feature:
    type_ = graph.inputs[name]
    patterns = data.features[name]
    is_array = isinstance(rows, Mapping)
    if is_array and len(patterns) != 1:
        raise DataError(
            f'{file}: input "{name}" takes one array of an .npz file, and '
            f"{len(patterns)} are listed"
        )
    if not isinstance(rows, Mapping):
        patterns = tuple(select(rows, patterns, without=(*targets, *split_column(data)), file=file))
    dtype, shape = cast(DType, type_.dtype), type_.shape
    image = None if is_array else _image(graph, data, name, patterns)
    sound = None if is_array else _sound(graph, data, name, patterns)
    steps = None
    if data.windows is not None:
        if image is not None or sound is not None:
            raise DataError(f'input "{name}" is of files, and windows are over rows of numbers')
        steps, *rest = shape
        shape = tuple(rest)
    is_of_files = image is not None or sound is not None
    wanted = None if is_array or is_of_files else wanted_of(data, patterns, dtype)
    prepared = None
    if wanted is not None:
        from nnspec.data.learned import draft

        prepared = tuple(map(draft, wanted))
    return Feature(
        columns=patterns,
        is_array=is_array,
        shape=shape,
        steps=steps if isinstance(steps, int) else None,
        dtype=dtype,
        prepared=prepared,
        image=image,
        sound=sound,
    )


def _image(graph: Graph, data: Data, name: str, columns: Sequence[str]) -> Pictured | None:
    """Return how images become an input, or None where its columns hold none; raises DataError."""
    image = _of_files(data, name, columns, "image")
    if image is None:
        return None
    from nnspec.language.pictures import misfit

    type_ = graph.inputs[name]
    is_float = type_.dtype.startswith("float")
    wrong = misfit(image, type_.shape, graph.data_format, is_float=is_float)
    _require_fit(name, type_.shape, wrong)
    return pictured(image, type_.shape, graph.data_format, is_float=is_float)


def _sound(graph: Graph, data: Data, name: str, columns: Sequence[str]) -> Sounded | None:
    """Return how sounds become an input, or None where its columns hold none; raises DataError."""
    sound = _of_files(data, name, columns, "sound")
    if sound is None:
        return None
    from nnspec.language.sounds import misfit

    type_ = graph.inputs[name]
    is_float = type_.dtype.startswith("float")
    wrong = misfit(sound, type_.shape, graph.data_format, is_float=is_float)
    _require_fit(name, type_.shape, wrong)
    return sounded(sound, graph.data_format)


def _of_files(data: Data, name: str, columns: Sequence[str], key: str) -> Any:
    """Return what is declared of the files of an input, or None; raises DataError for several.

    key: of the `Preparation`, the kind of files.
    """
    if not data.prepare:
        return None
    from nnspec.language.preparation import preparation_of

    given = [getattr(preparation_of(data.prepare, column), key, None) for column in columns]
    found = next((each for each in given if each is not None), None)
    if found is not None and len(columns) > 1:
        raise DataError(
            f'input "{name}" has {len(columns)} columns, and {key}s are an input of one'
        )
    return found


def _require_fit(name: str, shape: Shape, wrong: str | None) -> None:
    if wrong:
        raise DataError(f'input "{name}" is {show(shape)}: {wrong}')


def require_fixed(features: Mapping[str, Feature]) -> None:
    """Raise DataError for an input whose elements have no fixed mean."""
    for name, feature in features.items():
        if feature.is_of_files:
            continue  # their pixels or samples have a mean
        if feature.dtype.startswith("float") and any(isinstance(n, str) for n in feature.shape):
            raise DataError(
                f'input "{name}" has a dynamic axis, so its elements have no fixed mean; '
                "leave out `standardize`"
            )
