"""Writes how a training script reads its rows: the same parts, in the same order, as nnspec does.

What is emitted needs NumPy and polars (a table) or NumPy alone (.npz), and no nnspec.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nnspec.data.fixed_targets import require_fixed_target
from nnspec.emit.answers import read_target
from nnspec.emit.array_kinds import ARRAY_KINDS
from nnspec.emit.augmenting import augmenting_source
from nnspec.emit.batching import batches_source, resampled_batches
from nnspec.emit.bounds import LARGEST, bounds_of
from nnspec.emit.goals import goals_source, is_named, own_term, shifts_ids
from nnspec.emit.input_constants import input_constants
from nnspec.emit.load_data import one_target, several_targets
from nnspec.emit.named_parts import (
    kinds_source,
    named_source,
    resample_constant,
)
from nnspec.emit.parts_of_files import by_file, joining
from nnspec.emit.pictures import (
    FOLDER,
    IMPORT,
    merged,
    pictures_source,
)
from nnspec.emit.prepared_columns import (
    TOKENIZERS,
    has_tokenizers,
    mixed_source,
    prepared_inputs,
    text_windows,
    windows_function,
)
from nnspec.emit.read_inputs import read_inputs_source
from nnspec.emit.reading import definitions, several
from nnspec.emit.snippets import Snippet
from nnspec.emit.sounds import sound_imports, sounds_source
from nnspec.emit.sources import file_inputs, has_categories, query_constants
from nnspec.emit.splitting import (
    as_tuple,
    balance_source,
    counting,
    keys_source,
    left_out,
    split_constant,
    split_source,
)
from nnspec.emit.training import gives_spreads, shifts_target
from nnspec.emit.weighted_rows import weight_constant
from nnspec.emit.windows import past_targets, windows_constant, windows_source
from nnspec.errors import UsageError
from nnspec.language.databases import is_server
from nnspec.language.objectives import has_teacher
from nnspec.language.prepared_columns import cut_by
from nnspec.language.training_schema import Data, Training
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.network.objectives import terms_of
from nnspec.network.windows import frame_of


@dataclass(frozen=True)
class DatasetSource:
    """Source of what reads and splits the rows, and the imports that it needs."""

    text: str
    standard_imports: tuple[str, ...]
    imports: tuple[str, ...]


def dataset_source(spec: Spec, *, has_batches: bool = True) -> DatasetSource | None:
    """Return the source that reads the spec's data, or None where the spec names none.

    has_batches: whether the script makes batches itself.
    """
    from nnspec.emit.specialised import with_constants

    data, training = spec.model.data, spec.model.training
    if data is None or training is None:
        return None
    if has_teacher(spec.model):
        return None  # What a teacher says is in no file.
    suffix, graph = _kind_of(spec, data), spec.graph
    is_table = suffix not in ARRAY_KINDS
    if is_table:
        _require_apart(spec, data)
    has_patterns = is_table and any(
        is_pattern(p) for given in data.features.values() for p in given
    )
    goals = goals_source(spec, is_table=is_table) if is_named(spec) else None
    outputs = graph.outputs if goals is not None else graph.outputs[:1]
    shapes = [graph.types[output].shape for output in outputs]
    shapes += [type_.shape for type_ in graph.inputs.values()]
    is_fixed = all(isinstance(size, int) for shape in shapes for size in shape)
    known: Mapping[str, Snippet] = definitions(suffix, is_fixed=is_fixed)
    own = own_term(spec)
    is_one = not data.targets or data.one_target is not None or own is not None
    has_several = data.one_target is None or goals is not None
    has_several |= bool(left_out(data) or past_targets(data))
    if is_table and has_several:
        known = {**known, **several()}
    if goals is not None:
        has_patterns = has_patterns or bool(goals.matching)
    elif not is_one:
        if not is_table:
            raise UsageError("the target is one array, and several are listed")
        has_patterns = True
    columns, pictures = mixed_source(spec, suffix), pictures_source(spec, suffix)
    sounds = sounds_source(spec, suffix)
    mixed = merged(merged(columns, pictures), sounds)
    prepared = {*prepared_inputs(spec), *file_inputs(spec)}
    is_read = bool(data.targets) and own is None
    has_numbers = bool(is_read or data.sample_weight or graph.inputs.keys() - prepared)
    how = data.split
    has_numbers |= is_table and how is not None and bool(how.time) and how.format is None
    of_parts = joining(data, suffix)
    over = data.windows
    has_numbers |= is_table and over is not None and bool(over.order) and over.format is None
    has_shapes = has_numbers or bool(prepared - file_inputs(spec))
    floats = [
        name
        for name, type_ in graph.inputs.items()
        if type_.dtype.startswith("float") and name not in prepared
    ]
    standardised = floats if data.standardize else []
    _require_fixed(graph, standardised)
    if data.standardize_target:
        require_fixed_target(graph)
    read = ["matching"] if has_patterns else []
    read += ["array_names"] if "array_names" in known["read_rows"].uses else []
    helpers = ("wrong_line", "line_of", "packed_by", "require_codecs")
    read += [name for name in helpers if name in known]
    read += ["where", "column"] if is_table else ["where"] if has_numbers else []
    read += ["numbers"] if has_numbers else []
    is_shifted = shifts_target(spec)
    shifting = ["standard", "standardised"] if standardised or is_shifted else []
    shifting += ["restored"] if is_shifted else []
    has_spreads = gives_spreads(spec)
    shifting += ["with_spreads"] if has_spreads else []
    shifting += ["following"] if shifts_ids(spec) else []
    before = ["images_in"] if suffix == FOLDER else []
    is_timed = data.windows is not None if data.split is None else bool(data.split.time)
    is_drawn = (data.validation or data.test) and not is_timed
    is_drawn = is_drawn and (how is None or not how.names_parts)
    is_streamed = data.stream is not None and training.shuffle
    order = ["permutation"] if training.shuffle or is_drawn else []
    order += ["block_permutation"] if is_streamed else []
    bounds = bounds_of(graph)
    has_target = data.one_target is not None and goals is None and own is None
    load = (
        one_target(
            spec, data, training, standardised, has_patterns=has_patterns, own=own, mixed=mixed
        )
        if goals is None
        else several_targets(
            spec, goals, data, training, standardised, has_patterns=has_patterns, mixed=mixed
        )
    )
    changing = augmenting_source(spec)
    cut, of_ids = cut_by(data) if suffix == "txt" else None, has_tokenizers(spec)
    cutting = windows_function(cut, of_ids=of_ids)
    flags = {
        "array_names": {
            "HAS_TARGET": has_target,
            "HAS_TARGETS": goals is not None and bool(goals.readers),
            "HAS_WEIGHTS": data.sample_weight is not None,
            "HAS_SPLIT": data.split is not None and not of_parts,
            "HAS_BALANCE": data.balance is not None,
            "HAS_RESAMPLE": data.resample is not None,
            "HAS_SERIES": data.windows is not None and data.windows.series is not None,
            "HAS_ORDER": data.windows is not None and data.windows.order is not None,
        },
        "where": {"HAS_PARTS": bool(of_parts)},
        "column": {"HAS_STRIPPED": columns is not None},
        "restored": {"GIVES_SPREADS": has_spreads},
        "with_spreads": {
            "IS_LOGARITHM": has_spreads
            and training.resolved_loss.gives == "means and log variances"
        },
    }
    parts = [
        "\n".join(
            [
                input_constants(spec, data, bounds, goals, is_table=is_table),
                *(mixed.constant if mixed is not None else ()),
                *query_constants(data),
                *weight_constant(spec),
                *resample_constant(data),
                *split_constant(data),
                *windows_constant(data),
            ]
        ),
        *(known[name].text for name in before),
        *(text_windows(known[name].text, cut) for name in cutting if cut is not None),
        table_reader(
            known["read_rows"].text,
            suffix,
            named_columns(spec, data),
            cutting,
        )
        if is_table
        else known["read_rows"].text,
        *(each.text for each in of_parts),
        *(
            with_constants(known[name].text, **flags[name]) if name in flags else known[name].text
            for name in read
        ),
        *(mixed.definitions if mixed is not None else ()),
        *([known["shaped"].text] if has_shapes else []),
        read_inputs_source(spec, bounds, is_table=is_table),
        *(goals.readers if goals is not None else ()),
        *(
            _read_target(spec, data, training, is_table=is_table, is_one=is_one)
            if goals is None and own is None
            else ()
        ),
        *(
            with_constants(known[name].text, **flags[name]) if name in flags else known[name].text
            for name in shifting
        ),
        with_constants(known["prepared"].text, IS_STANDARDISED=bool(standardised)),
        *(known[name].text for name in order),
        *keys_source(data, suffix=suffix),
        *([balance_source(suffix=suffix)] if data.balance is not None else []),
        *([kinds_source(is_table=is_table)] if data.resample is not None else []),
        *(
            named_source(how, is_table=is_table)
            if how is not None and how.part is not None
            else [by_file() if of_parts else split_source(data, training)]
        ),
        *windows_source(spec, suffix),
        load,
        *(changing.text if changing is not None else ()),
        *(
            [
                resampled_batches(training)
                if data.resample
                else batches_source(training, data.stream)
            ]
            if has_batches
            else []
        ),
        known["require_writable"].text,
    ]
    text = "\n\n\n".join(parts)
    if any(
        isinstance(node, ast.Name) and node.id == LARGEST.name for node in ast.walk(ast.parse(text))
    ):
        text = f'LARGEST = float(np.finfo("float32").max)\n{text}'
    copied = [
        known[name]
        for name in (
            "read_rows",
            *cutting,
            *before,
            *read,
            "shaped",
            *shifting,
            "prepared",
            *order,
            *_LAST,
        )
    ]
    copied += of_parts
    copied += mixed.copied if mixed is not None else []
    copied += changing.copied if changing is not None else []
    needed = {each for snippet in copied for each in snippet.imports.values()}
    standard = {each.statement for each in needed if each.module in sys.stdlib_module_names}
    # What is written here uses these, and `json` is what the script keeps its record in.
    standard.update(_STANDARD)
    if has_batches:
        standard.add("from collections.abc import Iterator")
    imports = ["import numpy as np", *(["import polars as pl"] if is_table else [])]
    imports += ["import psycopg"] if suffix == "postgresql" else []
    imports += [IMPORT] if pictures is not None else []
    imports += sound_imports(spec)
    imports += [TOKENIZERS] if of_ids else []
    imports += ["import zarr"] if suffix == "zarr" else []
    return DatasetSource(text, tuple(sorted(standard)), tuple(imports))


def _require_apart(spec: Spec, data: Data) -> None:
    """Raise UsageError for a column that is named twice, or as a target too, as training does."""
    targets = {*columns_of(spec, data)[sum(map(len, data.features.values())) :]}
    for name, given in data.features.items():
        columns = [column for column in given if not is_pattern(column)]
        for column in columns:
            if columns.count(column) > 1:
                raise UsageError(f'input "{name}": the column "{column}" is taken twice')
            if column in targets and column not in past_targets(data):
                raise UsageError(f'the column "{column}" is the target and a feature')


def _kind_of(spec: Spec, data: Data) -> str:
    """Return how a source is read: by the end of its name, or as a folder; raises UsageError."""
    if data.query is not None:
        return "postgresql" if is_server(data.source) else "sqlite"
    suffix = data.source.rpartition(".")[2].lower()
    if suffix in ("csv", "parquet", "jsonl", "ndjson", "txt", *ARRAY_KINDS):
        return suffix
    if file_inputs(spec):
        return FOLDER
    raise UsageError(
        f'`data.source` "{data.source}" is no .csv, .parquet, .jsonl, .txt, .npz, .npy or .zarr'
    )


def columns_of(spec: Spec, data: Data) -> list[str]:
    """Return the columns, and patterns of columns, that a spec names."""
    names = [name for given in data.features.values() for name in given]
    for each in [term.model.data for term in terms_of(spec.model, spec.graph)]:
        names += each.targets if each is not None and isinstance(each.target, str | tuple) else ()
    return names


def named_columns(spec: Spec, data: Data) -> list[str]:
    """Return every name of a column in a spec, and every pattern."""
    split = data.split.columns if data.split is not None else ()
    over = data.windows.columns if data.windows is not None else ()
    alone = (data.sample_weight, data.balance, data.resample)
    names = [each for each in alone if isinstance(each, str)]
    return [*columns_of(spec, data), *(data.prepare or ()), *split, *over, *names]


def table_reader(
    text: str,
    suffix: str,
    names: Iterable[str],
    cutting: Sequence[str] = (),
) -> str:
    """Return what reads a table; a quote in the name of a column takes a line more in text.

    cutting: the function that cuts a plain text into windows, if one does.
    """
    from nnspec.emit.specialised import with_constants

    if suffix == "txt":
        has_ids, has_windows = (f"windows_of{end}" in cutting for end in ("_ids", ""))
        return with_constants(text, HAS_WINDOWS=has_windows, HAS_IDS=has_ids)
    if suffix != "csv":
        return text
    return with_constants(text, HAS_QUOTES=any('"' in name for name in names))


_LAST = ("require_writable",)

_STANDARD = (
    "import json",
    "from pathlib import Path",
    "from typing import Any",
)


def is_pattern(text: str) -> bool:
    """Whether a text stands for every column that it matches."""
    return any(sign in text for sign in "*?[")


def _require_fixed(graph: Graph, names: list[str]) -> None:
    for name in names:
        if any(isinstance(size, str) for size in graph.inputs[name].shape):
            raise UsageError(
                f'input "{name}" has a dynamic axis, so its elements have no fixed mean; leave '
                "out `standardize`"
            )


def _read_target(
    spec: Spec, data: Data, training: Training, *, is_table: bool, is_one: bool
) -> list[str]:
    """Return the definition that reads the target, where that is not the input."""
    if not data.targets:
        return []
    frame = frame_of(spec.model, spec.graph)
    output = spec.graph.types[spec.graph.outputs[0]].shape if frame is None else frame.output
    is_exact = data.standardize_target
    without = as_tuple(counting(data)) if counting(data) else ""
    return [
        read_target(
            training,
            output,
            is_table=is_table,
            is_exact=is_exact,
            is_one=is_one,
            without=without,
            has_categories=has_categories(data),
        )
    ]
