"""Writes how a training script reads its rows: the same parts, in the same order, as nnspec does.

What is emitted needs NumPy and polars (a table) or NumPy alone (.npz), and no nnspec.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from nnspec.emit.code import literal, wrap
from nnspec.errors import UsageError
from nnspec.loader import Spec
from nnspec.shapes import Shape
from nnspec.training_schema import Data, Training


@dataclass(frozen=True)
class DatasetSource:
    """Source of load_data and batches, and the imports that they need."""

    text: str
    standard_imports: tuple[str, ...]
    imports: tuple[str, ...]


def dataset_source(spec: Spec) -> DatasetSource | None:
    """Return the source that reads the spec's data, or None where the spec names none."""
    data, training = spec.model.data, spec.model.training
    if data is None or training is None:
        return None
    is_table = not data.source.endswith(".npz")
    if is_table and not data.source.endswith((".csv", ".parquet")):
        raise UsageError(f'`data.source` "{data.source}" is no .csv, .parquet or .npz file')
    parts = [_PERMUTATION]
    if data.standardize:
        parts.append(_STANDARDIZED)
    parts += [_load_data(spec, data, training, is_table=is_table), _batches(training)]
    imports = ["import numpy as np"]
    if is_table:
        imports.append("import polars as pl")
    standard = ["import hashlib", "import json", "from collections.abc import Iterator"]
    if is_table and any(_is_pattern(p) for given in data.features.values() for p in given):
        standard.append("from fnmatch import fnmatchcase")
    standard.append("from pathlib import Path")
    return DatasetSource("\n\n\n".join(parts), tuple(standard), tuple(imports))


_PERMUTATION = '''\
def permutation(count: int, *key: str | int) -> np.ndarray:
    """Return 0 .. count - 1 in an order that depends on the key alone."""
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    bits = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8"))
    return np.argsort(bits.random_raw(count), kind="stable")'''

_STANDARDIZED = '''\
def standardized(rows: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Shift and scale each element to mean 0 and deviation 1 over the training rows."""
    constant = (rows[train] == rows[train[0]]).all(axis=0)
    mean = np.where(constant, rows[train[0]], rows[train].mean(axis=0))
    deviation = np.where(constant, 1.0, rows[train].std(axis=0))
    return (rows - mean) / deviation'''


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _load_data(spec: Spec, data: Data, training: Training, *, is_table: bool) -> str:
    graph = spec.graph
    names = list(graph.inputs)
    lines = [
        "def load_data(path: Path) -> dict[str, tuple[np.ndarray, ...]]:",
        *_docstring(f"Return {', '.join(names)} and target of each part of the rows."),
    ]
    if is_table:
        reader = "read_csv" if data.source.endswith(".csv") else "read_parquet"
        lines.append(f"    table = pl.{reader}(path)")
    else:
        lines.append("    table = np.load(path, allow_pickle=False)")
    for name, kind in graph.inputs.items():
        if any(isinstance(size, str) for size in kind.shape) and is_table:
            raise UsageError(f'input "{name}" has a dynamic axis, which a table cannot fill')
        lines += _feature(name, kind.shape, data, is_table=is_table)
    output = graph.types[graph.outputs[0]].shape
    lines += _target(data, training, output, is_table=is_table)
    lines += _split(data, training)
    for name, kind in graph.inputs.items():
        if data.standardize and kind.dtype.startswith("float"):
            lines.append(f'    {name} = standardized({name}, parts["train"])')
        shape = ", ".join(map(str, kind.shape))
        is_fixed = all(isinstance(size, int) for size in kind.shape)
        if is_fixed:
            lines += wrap(f'{name} = {name}.reshape(len(table), {shape}).astype("{kind.dtype}")', 4)
        else:
            lines.append(f'    {name} = {name}.astype("{kind.dtype}")')
    taken = ", ".join(f"{name}[rows]" for name in [*names, "target"])
    lines += wrap(f"return {{part: ({taken}) for part, rows in parts.items()}}", 4)
    return "\n".join(lines)


def _docstring(text: str) -> list[str]:
    return [f'    """{text}"""']


def _feature(name: str, shape: Shape, data: Data, *, is_table: bool) -> list[str]:
    given = data.features.get(name)
    if given is None:
        raise UsageError(f'`data.features` says nothing of the input "{name}"')
    if not is_table:
        return [f"    {name} = table[{literal(given[0])}]"]
    if not any(map(_is_pattern, given)):
        columns = literal(list(given))
        return wrap(f"{name} = table.select({columns}).to_numpy()", 4)
    target = literal(data.target)
    if len(given) == 1:
        matches = f"fnmatchcase(c, {literal(given[0])}) and c != {target}"
        return [
            *wrap(f"columns = [c for c in table.columns if {matches}]", 4),
            f"    {name} = table.select(columns).to_numpy()",
        ]
    return [
        *wrap(f"patterns = {literal(list(given))}", 4),
        *wrap(f"candidates = [c for c in table.columns if c != {target}]", 4),
        "    columns = []",
        "    for pattern in patterns:",
        "        matches = [c for c in candidates if fnmatchcase(c, pattern)]",
        "        columns += [pattern] if pattern in candidates else matches",
        f"    {name} = table.select(columns).to_numpy()",
    ]


def _target(data: Data, training: Training, output: Shape, *, is_table: bool) -> list[str]:
    column = literal(data.target)
    fixed = [size for size in output if isinstance(size, int)]
    shape = ", ".join(map(str, fixed))
    cast = f'.reshape(len(table), {shape}).astype("float32")'
    if not is_table:
        if training.task == "multiclass":
            return [f"    target = table[{column}]"]
        return wrap(f"target = table[{column}]{cast}", 4)
    if training.task == "regression" and math.prod(fixed) == 1:
        return wrap(f"target = table[{column}].to_numpy(){cast}", 4)
    lines = [
        f"    target = table[{column}]",
        "    if target.dtype == pl.String:",
        "        target = target.str.strip_chars()",
        "        numbers = target.cast(pl.Float64, strict=False)",
        "        names = pl.Enum(target.unique().sort())  # of classes, numbered in this order",
        "        is_named = numbers.has_nulls()",
        "        target = target.cast(names).to_physical() if is_named else numbers",
    ]
    if training.task == "multiclass":
        return [*lines, '    target = target.to_numpy().astype("int64")']
    return [*lines, *wrap(f"target = target.to_numpy(){cast}", 4)]


def _split(data: Data, training: Training) -> list[str]:
    lines = [f'    order = permutation(len(target), "split", {training.seed})']
    if not data.validation and not data.test:
        return ['    parts = {"train": np.arange(len(target))}']
    cuts = []
    previous = ""
    for part, share in (("validation", data.validation), ("test", data.test)):
        if share:
            start = f"{previous} + " if previous else ""
            lines.append(f"    {part} = {start}int(len(order) * {literal(share)} + 0.5)")
            cuts.append((part, previous, part))
            previous = part
    lines += ["    parts = {", f'        "train": np.sort(order[{previous}:]),']
    lines += [f'        "{part}": np.sort(order[{begin}:{end}]),' for part, begin, end in cuts]
    return [*lines, "    }"]


def _batches(training: Training) -> str:
    lines = [
        "def batches(count: int, epoch: int) -> Iterator[np.ndarray]:",
        *_docstring("Yield the rows of each batch; epochs count from 1."),
    ]
    if training.shuffle:
        lines.append(f'    order = permutation(count, "order", {training.seed}, epoch)')
    else:
        lines.append("    order = np.arange(count)")
    size = training.batch_size
    return "\n".join(
        [
            *lines,
            f"    for start in range(0, count, {size}):",
            f"        yield order[start : start + {size}]",
        ]
    )
