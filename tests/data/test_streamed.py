"""Rows that are read while a network trains: the same rows, in the order of their law, or told."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import zarr

import nnspec
from nnspec.data import streamed as blocks
from nnspec.data import streamed_rows
from nnspec.data.rows import load_data
from nnspec.data.stored import Opened, Stored
from nnspec.data.stored_arrays import GroupRows
from nnspec.data.streamed import Streamed, streamed
from nnspec.emit.emitted import order
from nnspec.errors import DataError, SpecError
from nnspec.network.loader import Spec, load
from nnspec.support import streams
from nnspec.support.streams import block_permutation

ROWS = 150
PARTS = ("train", "validation", "test")
SPEC = """\
nnspec: 1
name: Long
inputs: {{x: {{shape: [{width}], dtype: {dtype}}}}}
layers:
  - {layer}
  - {{name: out, type: dense, units: 3}}
training: {{task: multiclass, epochs: 2, batch_size: 16}}
data:
  source: {source}
  features: {{x: {features}}}
  target: kind
  validation: 0.2
  test: 0.1
  {more}
"""
DENSE = "{name: hidden, type: dense, units: 4, activation: tanh}"
TABLE: dict[str, str] = {
    "width": "3", "dtype": "float32", "layer": DENSE, "source": "rows.parquet", "features": "x_*",
    "more": "",
}  # fmt: skip
CSV = {**TABLE, "source": "rows.csv"}
ARRAYS = {**TABLE, "source": "rows.npz", "features": "x"}
PREPARED = {
    **TABLE, "width": "8", "features": "[x_0, x_1, x_2, place]", "more": "prepare: {x_0: "
    "{missing: median, indicator: true, scale: standard}, place: {categories: one_hot}}",
}  # fmt: skip
CASES = {
    "table": TABLE,
    "standardized table": {**TABLE, "more": "standardize: true"},
    "prepared table": PREPARED,
    "weights, by time": {**TABLE, "more": "sample_weight: w\n  split: {time: w}"},
    "text": CSV,
    "standardized text": {**CSV, "more": "standardize: true"},
    "prepared text": {**PREPARED, "source": "rows.csv"},
    "text, by time": {**CSV, "more": "sample_weight: w\n  split: {time: w}"},
    "arrays": ARRAYS,
    "standardized arrays": {**ARRAYS, "more": "standardize: true"},
    "balanced arrays, in groups": {**ARRAYS, "more": "balance: kind\n  split: {group: place}"},
    "ids": {
        **ARRAYS, "features": "ids", "dtype": "int64",
        "layer": "{type: embedding, input_dim: 9, output_dim: 4}, {type: flatten}".replace(
            "}, {", "}\n  - {"
        ),
    },
}  # fmt: skip
STREAM = "\n  stream: {block: 8, buffer: 3}"


def write_rows(folder: Path) -> None:
    draw = np.random.default_rng(3)
    x = draw.normal(5, 3, (ROWS, 3)).astype("float32")
    x[:, 2] = 7
    kind = draw.integers(0, 3, ROWS)
    others = {"kind": kind, "w": draw.integers(1, 9, ROWS), "place": draw.integers(0, 4, ROWS)}
    np.savez(folder / "rows.npz", x=x, ids=draw.integers(0, 9, (ROWS, 3)), **others)
    missing = [None if i % 7 == 3 else float(value) for i, value in enumerate(x[:, 0])]
    table = pl.DataFrame({"x_0": x[:, 0], "x_1": x[:, 1], "x_2": x[:, 2], **others})
    if folder.name.startswith("missing"):
        table = table.with_columns(pl.Series("x_0", missing))
    # Groups of rows are smaller than what is read at once, and larger than a block.
    table.write_parquet(folder / "rows.parquet", row_group_size=20)
    table.write_csv(folder / "rows.csv")
    with (folder / "rows.csv").open("a") as file:
        file.write("\n\n")  # blank lines at the end are no rows


def spec_of(folder: Path, case: dict[str, str], *, streams: bool) -> Spec:
    more = case["more"] + (STREAM if streams else "")
    path = folder / ("streamed.yaml" if streams else "held.yaml")
    path.write_text(SPEC.format(**{**case, "more": more}), encoding="utf-8")
    return load(path)


@pytest.mark.parametrize("name", CASES)
def test_the_rows_are_those_that_memory_would_hold(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed_rows, "LEAST", 32)
    monkeypatch.setattr(streamed_rows, "CHUNK", 32 * 8 * 3)
    folder = tmp_path / ("missing" if name.startswith("prepared") else "rows")
    folder.mkdir()
    write_rows(folder)
    held = load_data(spec_of(folder, CASES[name], streams=False))
    read = load_data(spec_of(folder, CASES[name], streams=True))
    assert read.sha256 == held.sha256
    assert read.preprocessing.labels == held.preprocessing.labels
    for part in PARTS:
        one, other = getattr(held, part), getattr(read, part)
        assert other.is_lazy
        assert not one.is_lazy
        np.testing.assert_array_equal(other.target, one.target)
        if one.weight is not None:
            np.testing.assert_array_equal(other.weight, one.weight)
        values = np.asarray(other.inputs["x"])
        assert values.dtype == one.inputs["x"].dtype
        np.testing.assert_allclose(values, one.inputs["x"], rtol=1e-6, atol=1e-6)
        chosen = np.array([len(one) - 1, 0, 3, 3])
        np.testing.assert_array_equal(other.take(chosen).inputs["x"], values[chosen])
        np.testing.assert_array_equal(other.take(slice(2, 11)).inputs["x"], values[2:11])


def test_arrays_are_scaled_for_each_batch_where_the_disk_has_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(tmp_path)
    spec = spec_of(tmp_path, CASES["standardized arrays"], streams=True)
    written = load_data(spec).train.inputs["x"]
    full = SimpleNamespace(total=0, used=0, free=0)
    monkeypatch.setattr("shutil.disk_usage", lambda path: full)
    scaled = load_data(spec).train.inputs["x"]
    assert isinstance(written, Streamed)
    assert isinstance(scaled, Streamed)
    assert scaled.blocks.stored.start > 0 == written.blocks.stored.start
    np.testing.assert_array_equal(np.asarray(scaled), np.asarray(written))


@pytest.mark.parametrize("count", [1, 8, 100, 101])
def test_the_order_shuffles_blocks_and_the_rows_of_a_few(count: int) -> None:
    found = block_permutation(count, 8, 3, "order", 0, 1)
    np.testing.assert_array_equal(np.sort(found), np.arange(count))
    np.testing.assert_array_equal(found, order.block_permutation(count, 8, 3, "order", 0, 1))
    blocks = found // 8
    for stretch in np.split(blocks, np.arange(24, count, 24)):
        # The last block is smaller, so that a stretch may begin before its place.
        assert len(np.unique(stretch)) <= (3 if count % 8 == 0 else 6)
    if count == 100:
        assert not np.array_equal(found, np.sort(found))
        assert not np.array_equal(found, block_permutation(count, 8, 3, "order", 0, 2))


@pytest.mark.parametrize("repeats", [1, 50])
@pytest.mark.parametrize(("block", "buffer"), [(1, 1), (1, 7), (8, 3), (100, 1), (5000, 2)])
def test_equal_draws_keep_the_order_of_the_rows(
    block: int, buffer: int, repeats: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some stretches are sorted at once, in threads, and not by a stable sort: the law holds."""
    drawn = streams._raw

    def coarse(bits: np.random.Philox, count: int) -> Any:
        return drawn(bits, count) // np.uint64(2**64 // 1000 * repeats)

    monkeypatch.setattr(streams, "_raw", coarse)
    monkeypatch.setattr(order, "permutation", streams.permutation)
    for sorted_at_once in (1, 64, 2**17):
        monkeypatch.setattr(streams, "SORTED", sorted_at_once)
        for count in (0, 1, 99, 4003):
            np.testing.assert_array_equal(
                block_permutation(count, block, buffer, "order", 0, 1),
                order.block_permutation(count, block, buffer, "order", 0, 1),
            )


@pytest.mark.parametrize("share", [1.0, 0.95, 0.6, 0.02])
@pytest.mark.parametrize("is_made", [False, True])
def test_blocks_are_the_rows_however_far_apart(
    share: float, is_made: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows near each other are kept with those between them, and no block is larger for them."""
    monkeypatch.setattr("nnspec.data.stored.READ", 7 * 12)
    draw = np.random.default_rng(0)
    values = draw.normal(size=(2000, 3)).astype("float32")
    values.tofile(tmp_path / "rows")
    with (tmp_path / "rows").open("rb") as file:
        stored = Stored(Opened(file), 0, values.shape, values.dtype)
    rows = np.flatnonzero(draw.random(2000) < share)
    read = streamed(stored, rows, np.abs if is_made else None, 16, 4, "x")
    expected = np.abs(values[rows]) if is_made else values[rows]
    for start in range(0, len(rows), 40):
        chosen = start + draw.permutation(min(40, len(rows) - start))
        np.testing.assert_array_equal(np.asarray(read[chosen]), expected[chosen])
    np.testing.assert_array_equal(np.asarray(read), expected)
    is_dense = share == 1.0 and not is_made
    assert read.blocks.room == (16 if is_dense else read.blocks.room) <= 16 * 1.25


def test_an_epoch_reads_each_row_about_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(tmp_path)
    data = load_data(spec_of(tmp_path, ARRAYS, streams=True))
    read: list[int] = []
    whole = Stored.read

    def counted(stored: Stored, first: int, last: int) -> Any:
        read.append(last - first)
        return whole(stored, first, last)

    monkeypatch.setattr(Stored, "read", counted)
    rows = block_permutation(len(data.train), 8, 3, "order", 0, 1)
    values = data.train.inputs["x"]
    assert isinstance(values, Streamed)
    for start in range(0, len(rows), 16):
        np.asarray(data.train.take(rows[start : start + 16]).inputs["x"])
    assert sum(read) <= ROWS
    assert len(read) == -(-len(data.train) // 8)


@pytest.mark.parametrize("source", ["rows.npz", "arrays/*.npy", "rows.zarr"])
def test_no_array_is_read_to_know_that_it_is_there(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of 5 GiB was, in whole."""
    write_rows(tmp_path)
    arrays = dict(np.load(tmp_path / "rows.npz"))
    (tmp_path / "arrays").mkdir()
    for name, values in arrays.items():
        np.save(tmp_path / "arrays" / f"{name}.npy", values)
    group = zarr.open_group(tmp_path / "rows.zarr", mode="w")
    for name, values in arrays.items():
        group.create_array(name, data=values, chunks=(10, *values.shape[1:]))
    read: list[tuple[int, int]] = []
    for kind in (Stored, GroupRows):
        whole = kind.read

        def counted(stored: Any, first: int, last: int, whole: Any = whole) -> Any:
            read.append((stored.row_bytes, last - first))
            return whole(stored, first, last)

        monkeypatch.setattr(kind, "read", counted)
    spec = spec_of(tmp_path, {**ARRAYS, "source": source}, streams=True)
    for module in ("stored", "stored_arrays"):
        monkeypatch.setattr(f"nnspec.data.{module}.READ", 12 * 20)  # 20 rows of x
    load_data(spec)
    assert max(rows for size, rows in read if size == 12) <= ROWS // 2
    assert sum(rows for size, rows in read if size == 12) <= ROWS + len(PARTS)


def test_a_network_trains_on_them(tmp_path: Path) -> None:
    write_rows(tmp_path)
    one = nnspec.train(spec_of(tmp_path, TABLE, streams=True), "torch", tmp_path / "one")
    whole = TABLE | {"more": "stream: {block: 1000, buffer: 1}"}
    other = nnspec.train(spec_of(tmp_path, whole, streams=False), "torch", tmp_path / "other")
    held = nnspec.train(spec_of(tmp_path, TABLE, streams=False), "torch", tmp_path / "held")
    losses = [[each.values["loss"] for each in run.history] for run in (one, other, held)]
    # One block of all rows has the order that they have in memory.
    np.testing.assert_allclose(losses[1], losses[2], rtol=1e-5)
    assert not np.allclose(losses[0], losses[2], rtol=1e-5)
    assert one.test is not None


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ({**TABLE, "source": "rows.jsonl"}, "sink_parquet"),
        ({**TABLE, "more": "windows: {}"}, "`stream` does not go with `windows`"),
        (
            {**TABLE, "more": "prepare: {x_0: {image: {resize: 4}}}", "features": "x_0"},
            "images and sounds are read as they are needed",
        ),
    ],
)
def test_what_is_not_streamed_is_refused(case: dict[str, str], told: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=told):
        spec_of(tmp_path, case, streams=True)


def test_several_losses_are_refused(tmp_path: Path) -> None:
    text = SPEC.format(**{**TABLE, "more": STREAM.strip()})
    text = text.replace("task: multiclass", "task: {out: multiclass, hidden: regression}")
    text = text.replace("target: kind", "target: {out: kind, hidden: w}")
    (tmp_path / "net.yaml").write_text(text + "outputs: [out, hidden]\n", encoding="utf-8")
    with pytest.raises(SpecError, match="one output and one loss"):
        load(tmp_path / "net.yaml")


def refused(folder: Path, case: dict[str, str], told: str) -> None:
    with pytest.raises(DataError, match=told):
        load_data(spec_of(folder, case, streams=True))


def test_a_value_that_is_none_is_told_by_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed_rows, "LEAST", 32)
    monkeypatch.setattr(streamed_rows, "CHUNK", 1)
    write_rows(tmp_path)
    table = pl.read_parquet(tmp_path / "rows.parquet")
    for value, told in ((float("inf"), "not a finite number"), (None, "is missing")):
        column = table["x_1"].to_list()
        column[77] = value
        table.with_columns(pl.Series("x_1", column)).write_parquet(tmp_path / "rows.parquet")
        refused(tmp_path, TABLE, f'column "x_1", row 78.*{told}')
    words = table.with_columns(pl.Series("x_1", ["a"] * ROWS))
    words.write_parquet(tmp_path / "rows.parquet")
    refused(tmp_path, TABLE, 'column "x_1", row 1: "a" is not a number')
    arrays = dict(np.load(tmp_path / "rows.npz"))
    arrays["x"][99, 1] = np.nan
    arrays["ids"][40, 2] = 9
    np.savez(tmp_path / "rows.npz", **arrays)
    refused(tmp_path, ARRAYS, r'array "x", row 100, element \[1\]: nan')
    refused(tmp_path, CASES["ids"], r'array "ids", row 41, element \[2\].*0 to 8')


def test_a_file_that_is_not_whole_is_told(tmp_path: Path) -> None:
    write_rows(tmp_path)
    refused(tmp_path, {**TABLE, "features": "[x_9]"}, 'there is no column "x_9"')
    refused(tmp_path, {**ARRAYS, "features": "y"}, 'there is no array "y"')
    refused(tmp_path, {**TABLE, "source": "none.parquet"}, "there is no such file")
    for name in ("rows.parquet", "rows.npz"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        refused(tmp_path, TABLE if "parquet" in name else ARRAYS, "is no readable")
        if name == "rows.npz":
            middle = bytearray(content)
            middle[600] ^= 1
            (tmp_path / name).write_bytes(middle)
            refused(tmp_path, ARRAYS, 'array "x" is damaged')
    write_rows(tmp_path)
    arrays = dict(np.load(tmp_path / "rows.npz"))
    np.savez_compressed(tmp_path / "rows.npz", **arrays)
    refused(tmp_path, ARRAYS, 'array "kind" is compressed.*numpy.savez')
    np.savez(tmp_path / "rows.npz", **{**arrays, "x": np.asfortranarray(arrays["x"])})
    refused(tmp_path, ARRAYS, "Fortran order")
    np.savez(tmp_path / "rows.npz", **{**arrays, "x": arrays["x"][:-1]})
    refused(tmp_path, ARRAYS, "unequal numbers of rows")
    for name in ("x", "kind"):
        np.savez(tmp_path / "rows.npz", **{**arrays, name: np.float32(1)})
        refused(tmp_path, ARRAYS, f'array "{name}" is a single value; rows are expected')


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has a priority of each thread")
def test_who_reads_steps_back() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert blocks.readers().submit(priority).result() == 19
    assert priority() < 19


def spoilt(content: bytes, line: int, old: bytes, new: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    lines[line - 1] = lines[line - 1].replace(old, new)
    return b"".join(lines)


def test_a_text_that_is_no_table_is_told_by_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed_rows, "LEAST", 32)
    monkeypatch.setattr(streamed_rows, "CHUNK", 1)
    write_rows(tmp_path)
    path = tmp_path / "rows.csv"
    content = path.read_bytes()
    wrong = {
        "": "the file is empty",
        spoilt(content, 90, b"\n", b",1\n"): "line 90 has 7 values, and the header 6",
        spoilt(content, 120, b"\n", b"\xff\n"): "line 120: the text is not UTF-8",
        spoilt(content, 1, b"place", b"x_0"): 'the header has the column "x_0" twice',
        spoilt(content, 79, b"7.0", b"a"): 'line 79: column "x_2", row 78: "a" is not a number',
        spoilt(content, 79, b"7.0", b""): 'line 79: column "x_2", row 78: the value is missing',
        content.replace(b",", b";"): "the columns are separated by semicolons",
        content.splitlines(keepends=True)[0]: "there are no rows",
    }
    for text, told in wrong.items():
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        refused(tmp_path, CSV, told)


def test_a_text_trains_as_the_table_that_it_is(tmp_path: Path) -> None:
    write_rows(tmp_path)
    spec = spec_of(tmp_path, CASES["standardized text"], streams=True)
    run = nnspec.train(spec, "torch", tmp_path / "run")
    other = spec_of(tmp_path, CASES["standardized table"], streams=True)
    losses = [each.values["loss"] for each in run.history]
    found = [each.values["loss"] for each in nnspec.train(other, "torch", tmp_path / "o").history]
    np.testing.assert_allclose(losses, found, rtol=1e-5)


def test_rows_are_read_where_no_call_reads_at_a_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(tmp_path)
    wanted = np.asarray(load_data(spec_of(tmp_path, ARRAYS, streams=True)).train.inputs["x"])
    monkeypatch.delattr("os.preadv")
    found = load_data(spec_of(tmp_path, ARRAYS, streams=True)).train.inputs["x"]
    np.testing.assert_array_equal(np.asarray(found), wanted)


def test_blocks_that_memory_would_not_hold_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nnspec.data.streamed.MOST", 500)
    write_rows(tmp_path)
    refused(tmp_path, ARRAYS, "give `data.stream` a smaller `block` or `buffer`")


def test_a_disk_without_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed_rows.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1))
    write_rows(tmp_path)
    refused(tmp_path, TABLE, "let TMPDIR name a folder")
