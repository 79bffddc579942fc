"""Small networks that end as their loss wants it, and rows that fit them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import soundfile
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers

from nnspec.data.weighting import parted
from nnspec.language.losses import LOSSES
from nnspec.language.preparation import Preparation
from nnspec.language.windows import Windows
from nnspec.network.loader import Spec, loads
from nnspec.network.windows import frame_of
from nnspec.verification.samples import random_goals, random_inputs
from tests.fuzz.trainings import OPTIONAL_LOSSES

Document = dict[str, Any]
ROWS, BATCH = 24, 6
"""No batch is of one row or two, of which a normalisation enlarges what float32 rounds."""
CLASSES = 3
SGD = {"type": "sgd", "learning_rate": 0.05, "momentum": 0.5}
INPUTS: dict[str, Document] = {
    "vector": {"shape": [6]},
    "ids": {"shape": [5], "dtype": "int64"},
    "open": {"shape": ["time"], "dtype": "int64"},
    "series": {"shape": [5, 4]},
    "image": {"shape": [2, 6, 6]},
}
BODIES: dict[str, list[Document]] = {
    "vector": [{"name": "hidden", "type": "dense", "units": 5, "activation": "tanh"}],
    "ids": [{"name": "hidden", "type": "embedding", "input_dim": 7, "output_dim": 4}],
    "open": [{"name": "hidden", "type": "embedding", "input_dim": 7, "output_dim": 4}],
    "series": [{"name": "hidden", "type": "gru", "units": 4, "return_sequences": True}],
    "image": [
        {"name": "hidden", "type": "conv2d", "filters": 3, "kernel_size": 3, "activation": "relu"},
        {"type": "batch_normalization"},
        {"type": "global_average_pooling2d"},
    ],
}
TASK_OF = {loss: task for task, losses in OPTIONAL_LOSSES.items() for loss in losses}
"""Loss -> a task that has it, where several have it that of its usual targets."""
TASK_OF |= dict.fromkeys(OPTIONAL_LOSSES["regression"], "regression")
TASK_OF |= dict.fromkeys(OPTIONAL_LOSSES["multiclass"], "multiclass")
TASK_OF |= dict.fromkeys(OPTIONAL_LOSSES["binary"], "binary")


def end(loss: Document, task: str, name: str = "out", **more: Any) -> list[Document]:
    """Return the layers that give what a loss takes."""
    cls = LOSSES[loss["type"]]
    units = CLASSES
    if cls.stacked:
        units = cls.stacked * 2
    elif loss["type"] == "gaussian_nll":
        units = 4
    elif task == "autoencoder":
        units = 6
    elif task == "binary":
        units = 1
    found: list[Document] = [{"name": name, "type": "dense", "units": units, **more}]
    if False in (loss.get("log_input"), loss.get("log_variance")):
        found[0]["activation"] = "softplus"
    if cls.stacked:
        found.append({"name": f"{name}_pair", "type": "reshape", "shape": [cls.stacked, 2]})
    if loss["type"] == "value":
        found.append({"name": f"{name}_mean", "type": "reduce_mean", "axes": [0]})
    if cls.leaves_out and len(loss) == 1:
        found.append({"name": f"{name}_given", "type": cls.leaves_out})
    return found


def document(
    loss: str | Document = "mse",
    *,
    task: str | None = None,
    given: str = "vector",
    after: list[Document] | None = None,
    layers: list[Document] | None = None,
    training: Document | None = None,
    data: Document | None = None,
    **more: Any,
) -> Document:
    """Return a spec of this loss; after: layers between the first and the last."""
    record = {"type": loss} if isinstance(loss, str) else loss
    task = task or TASK_OF[record["type"]]
    if layers is None:
        layers = [*BODIES[given], *(after or []), *end(record, task)]
    target = {} if LOSSES[record["type"]].takes == "nothing" or task == "autoencoder" else "wanted"
    rows = {"source": "rows.npz", "features": {"x": "x"}, "validation": 0.3}
    if target:
        rows["target"] = target
    return {
        "nnspec": 1,
        "name": "Trained",
        "inputs": {"x": INPUTS[given]},
        "layers": layers,
        "data": {**rows, **(data or {})},
        "training": {
            "task": task,
            "loss": record,
            "optimizer": SGD,
            "epochs": 2,
            "batch_size": BATCH,
            "seed": 1,
            **(training or {}),
        },
        **more,
    }


def spec_of(found: Document, folder: Path) -> Spec:
    """Return the spec of a document, beside rows that are written for it."""
    spec = loads(json.dumps(found), path=folder / "net.json", is_json=True)
    write_rows(spec)
    return spec


def unprepared(wanted: Preparation, name: str, numbers: Any) -> pl.Series:
    """Return a column that becomes numbers by what is declared of it, some of it missing."""
    draw = np.random.default_rng(len(name))
    column = pl.Series(numbers)
    if wanted.text is not None:
        words = draw.choice(["a", "B", "b", "cc", "d"], (ROWS, 8))
        column = pl.Series([" ".join(row[: 1 + i % 8]) for i, row in enumerate(words)])
    elif wanted.categories is not None:
        column = pl.Series(draw.choice([*"aabbbcd"], ROWS))
    elif wanted.date is not None:
        stamps = pl.Series(draw.integers(0, 2**30, ROWS) * 1_000_000).cast(pl.Datetime("us"))
        column = stamps.dt.strftime(wanted.format)
    holes = pl.Series(draw.random(ROWS) < 0.2)
    return column if wanted.missing == "refuse" else column.set(holes, None)


def write_images(folder: Path) -> list[str]:
    """Write images in a folder for each of three labels; return their paths from its parent."""
    draw = np.random.default_rng(5)
    names = []
    for i in range(ROWS):
        file = folder / "abc"[i % CLASSES] / f"{i:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 256, (7, 9, 3), np.uint8)
        Image.fromarray(pixels).save(file)
        names.append(file.relative_to(folder.parent).as_posix())
    return names


def write_sounds(folder: Path) -> None:
    """Write sounds of two channels in a folder for each of three labels."""
    draw = np.random.default_rng(5)
    for i in range(ROWS):
        file = folder / "abc"[i % CLASSES] / f"{i:02}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, draw.uniform(-0.9, 0.9, (25 + i, 2)), 8000)


def write_tokenizer(path: Path) -> None:
    """Write a tokenizer of the few words that rows have."""
    numbers = {word: i for i, word in enumerate(["a", "B", "b", "cc", "d"])}
    made = Tokenizer(models.WordLevel(numbers, unk_token="d"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.save(str(path))


def ordered(windows: Windows) -> Document:
    """Return the columns that tell the series of a row, and its time in that."""
    found: Document = {}
    if windows.series is not None:
        found[windows.series] = np.arange(ROWS) % 2
    if windows.order is not None:
        days = np.random.default_rng(4).permutation(ROWS)
        found[windows.order] = days
        if windows.format is not None:
            found[windows.order] = np.array([f"2024-01-{1 + day:02}" for day in days])
    return found


def write_database(path: Path, table: pl.DataFrame) -> None:
    """Write a table called `rows` into a file of SQLite."""
    names = ", ".join(f'"{name}"' for name in table.columns)
    places = ", ".join("?" * table.width)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE rows ({names})")
        connection.executemany(f"INSERT INTO rows VALUES ({places})", table.rows())


def write_rows(spec: Spec) -> None:
    """Write rows of the kind that the spec names."""
    data, graph = spec.model.data, spec.graph
    assert data is not None
    axes = {size: 6 for kind in graph.inputs.values() for size in kind.shape if str(size) == size}
    inputs = random_inputs(graph, ROWS, axes, 1)
    arrays: dict[str, Any] = dict(inputs)  # each input reads what has its name
    wanted, _ = parted(random_goals(spec, ROWS, axes, 1))
    frame = frame_of(spec.model, graph)
    if frame is not None:
        # A row of each window is a row of the file.
        arrays = {name: array[:, 0] for name, array in arrays.items()}
        wanted = wanted[:, 0] if frame.has_steps else wanted
        arrays |= ordered(frame.windows)
    if data.sample_weight is not None:
        draw = np.random.default_rng(2)
        weight = draw.uniform(0.25, 2, ROWS) * (draw.random(ROWS) < 0.8)
        arrays[data.sample_weight] = weight.round(3)
    if data.balance is not None:
        arrays[data.balance] = np.arange(ROWS) % 5 // 2
    if data.resample is not None:
        arrays[data.resample] = np.arange(ROWS) % 7 // 3
    if data.split is not None:
        by = np.random.default_rng(3).integers(0, 9, ROWS)
        arrays[data.split.column] = by + 10
        if data.split.part is not None:
            arrays[data.split.column] = np.clip(by, 0, 2) + 10
    task = spec.model.training.task  # type: ignore[union-attr]
    if task == "autoencoder":
        # One of shares takes what lies between 0 and 1.
        arrays = {name: 1 / (1 + np.exp(-array)) for name, array in arrays.items()}
    targets: Any = data.target
    if isinstance(wanted, dict) and isinstance(targets, dict):
        given = {output: targets[output] for output in wanted if output in targets}
        arrays |= {name: wanted[output] for output, name in given.items() if isinstance(name, str)}
    elif targets is not None:
        # One that stands beside no other; with a weight it is by output all the same.
        arrays["wanted"] = next(iter(wanted.values())) if isinstance(wanted, dict) else wanted
    path = spec.folder / data.source
    if not path.suffix:
        is_heard = any(each.sound is not None for each in (data.prepare or {}).values())
        (write_sounds if is_heard else write_images)(path)
        return
    if path.suffix == ".npz":
        np.savez(path, **arrays)
        return
    if path.suffix == ".txt":
        path.write_text("".join(np.random.default_rng(6).choice([*"ab \nc"], 5 * ROWS)))
        return
    columns: dict[str, Any] = {}
    for name, array in arrays.items():
        flat = np.asarray(array).reshape(ROWS, -1)
        if flat.shape[1] == 1:
            columns[name] = flat[:, 0]
        else:
            columns |= {f"{name}_{i}": flat[:, i] for i in range(flat.shape[1])}
    for name, prepared in (data.prepare or {}).items():
        if prepared.text is not None and prepared.text.tokenizer is not None:
            write_tokenizer(spec.folder / prepared.text.tokenizer)
        if prepared.image is not None:
            columns[name] = write_images(spec.folder / "photos")
            continue
        for column in [each for each in columns if fnmatchcase(each, name)] or [name]:
            columns[column] = unprepared(prepared, column, columns.get(column))
    if data.split is not None and data.split.format is not None:
        columns[data.split.column] = [f"2024-01-{each}" for each in columns[data.split.column]]
    table = pl.DataFrame(columns)
    if data.query is not None:
        write_database(path, table)
        return
    written = "ndjson" if path.suffix == ".jsonl" else path.suffix[1:]
    getattr(table, f"write_{written}")(path)
