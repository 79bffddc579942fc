"""Writes how a script reads rows that have no target, for a generator to learn."""

from __future__ import annotations

import sys
from dataclasses import replace

from nnspec.emit.batching import batches_source
from nnspec.emit.code import literal, wrap
from nnspec.emit.dataset import DatasetSource, is_pattern, table_reader
from nnspec.emit.reading import READERS, definitions
from nnspec.emit.snippets import snippets
from nnspec.errors import UsageError
from nnspec.network.networks import Networks
from nnspec.network.rules.normalization import normalised_alone

_STANDARD = (
    "import argparse",
    "import math",
    "from collections.abc import Iterator",
    "from pathlib import Path",
)


def rows_source(networks: Networks) -> DatasetSource | None:
    """Return the source that reads the rows, and puts them in order; None where there are none."""
    data, training = networks.document.data, networks.training
    if data is None:
        return None
    suffix = data.source.rpartition(".")[2].lower()
    from nnspec.emit.specialised import with_constants

    if suffix not in READERS or suffix in ("npy", "zarr"):
        raise UsageError(
            f'`data.source` "{data.source}" is no .csv, .parquet, .jsonl, .txt or .npz file'
        )
    is_table = suffix != "npz"
    known = definitions(suffix, is_fixed=True)
    ((name, type_),) = networks.discriminator.graph.inputs.items()
    names = list(data.features[name])
    if not is_table and len(names) != 1:
        raise UsageError(f'input "{name}" takes one array of an .npz file, and {len(names)} are')
    if is_table:
        text = table_reader(known["read_rows"].text, suffix, names)
        spelt = with_constants(known["column"].text, HAS_STRIPPED=False)
        column = replace(known["column"], text=spelt)
        place = replace(known["where"], text=with_constants(known["where"].text, HAS_PARTS=False))
        counting = [known[name] for name in ("wrong_line", "line_of") if name in known]
        copied = [replace(known["read_rows"], text=text), *counting, place, column]
    else:
        copied = [snippets("nnspec.emit.emitted", "one_array")["read_rows"]]
    columns = literal(names)
    if is_table and any(map(is_pattern, names)):
        copied.append(snippets("nnspec.emit.emitted", "all_columns")["matching"])
        columns = f"matching(rows, {columns}, path)"
    copied += [known["numbers"], known["shaped"]]
    lines = [
        "def load_rows(path: Path) -> np.ndarray:",
        '    """Return the rows as the discriminator takes them."""',
        "    rows = read_rows(path)",
        '    largest = float(np.finfo("float32").max)',
        *wrap(f"values = numbers(rows, {columns}, path, -largest, largest)", 4),
        "    if not len(values):",
        '        raise ValueError(f"{path}: there are no rows")',
        *_alone(networks),
        *wrap(f"values = shaped(values, {literal(list(type_.shape))}, f'{{path}}: \"{name}\"')", 4),
        f'    return values.astype("{type_.dtype}")',
    ]
    if training.shuffle:
        copied.append(known["permutation"])
    copied.append(known["require_writable"])
    texts = [each.text for each in copied]
    texts.insert(-1 if not training.shuffle else -2, "\n".join(lines))
    texts.insert(-1, batches_source(training))
    if not is_table:
        texts.insert(0, f"ARRAY = {literal(names[0])}")
    needed = {each for snippet in copied for each in snippet.imports.values()}
    standard = {each.statement for each in needed if each.module in sys.stdlib_module_names}
    imports = ["import numpy as np", *(["import polars as pl"] if is_table else [])]
    return DatasetSource("\n\n\n".join(texts), tuple({*standard, *_STANDARD}), tuple(imports))


def _alone(networks: Networks) -> list[str]:
    """Return the lines that refuse rows of which one would be normalised by itself."""
    both = (networks.generator, networks.discriminator)
    if all(normalised_alone(spec.graph) is None for spec in both):
        return []
    size = networks.training.batch_size
    return [
        f"    if (len(values) % {size} or min(len(values), {size})) == 1:",
        "        raise ValueError(",
        f'            f"{{path}}: {{len(values)}} rows in batches of {size} leave one row alone, "',
        '            "whose variance batch normalization cannot take"',
        "        )",
    ]
