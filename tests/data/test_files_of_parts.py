"""Rows of which each part has a file of its own: as one table, with the place of every row."""

import json
import re

import numpy as np
import polars as pl
import pytest
from PIL import Image
from script_cases import first_weights, require_weights_of_train, run, script_of

import nnspec
from nnspec.cli import main
from nnspec.data.rows import load_data
from nnspec.errors import DataError, SpecError, UsageError
from nnspec.network.loader import loads

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]

SIZES = {"train": 20, "validation": 7, "test": 5}
TABLES = ("csv", "parquet", "jsonl")


def table_of(seed, count):
    draw = np.random.default_rng(seed)
    return pl.DataFrame({
        "a": draw.normal(size=count).round(3), "b": draw.normal(size=count).round(3),
        "kind": draw.choice(["x", "y", "z"], count), "label": draw.choice(["no", "yes"], count),
    })  # fmt: skip


def write(table, path):
    path.parent.mkdir(exist_ok=True, parents=True)
    if path.suffix == ".npz":
        numbers = table.select("a", "b").to_numpy()
        np.savez(path, x=numbers, label=(table["label"] == "yes").to_numpy().astype(int))
        return
    kind = {"jsonl": "ndjson"}.get(path.suffix[1:], path.suffix[1:])
    getattr(table, f"write_{kind}")(path)


def document_of(suffix, *, parts=("validation", "test"), data=None, **training):
    is_array = suffix == "npz"
    features = {"x": "x"} if is_array else {"x": ["a", "b", "kind"]}
    given = {"source": f"rows/train.{suffix}", "features": features, "target": "label",
             "split": {part: f"more/{part}.{suffix}" for part in parts}}  # fmt: skip
    if not is_array:
        given["prepare"] = {"kind": {"categories": "one_hot"}, "a": {"scale": "standard"}}
    return {
        "nnspec": 1, "name": "Net", "inputs": {"x": {"shape": [2 if is_array else 5]}},
        "layers": [{"type": "dense", "units": 3, "activation": "tanh"},
                   {"name": "out", "type": "dense", "units": 1}],
        "data": {**given, **(data or {})},
        "training": {"task": "binary", "epochs": 2, "batch_size": 4, "seed": 1,
                     "optimizer": {"type": "sgd", "learning_rate": 0.1}, **training},
    }  # fmt: skip


def spec_of(folder, suffix, **more):
    for seed, (part, count) in enumerate(SIZES.items()):
        place = folder / ("rows" if part == "train" else "more") / f"{part}.{suffix}"
        write(table_of(seed, count), place)
    document = document_of(suffix, **more)
    (folder / "net.json").write_text(json.dumps(document))
    return loads(json.dumps(document), path=folder / "net.json")


@pytest.mark.parametrize("suffix", TABLES)
def test_rows_are_those_of_one_table_with_a_column_of_the_part(tmp_path, suffix):
    spec = spec_of(tmp_path / "files", suffix)
    every = [
        table_of(seed, count).with_columns(pl.lit(part).alias("fold"))
        for seed, (part, count) in enumerate(SIZES.items())
    ]
    write(pl.concat(every), tmp_path / "one" / f"rows.{suffix}")
    how = {"part": "fold", "validation": "validation", "test": "test"}
    document = document_of(suffix, data={"source": f"rows.{suffix}", "split": how})
    (tmp_path / "one" / "net.json").write_text(json.dumps(document))
    one = load_data(loads(json.dumps(document), path=tmp_path / "one" / "net.json"))
    found = load_data(spec)
    assert found.sizes == one.sizes == SIZES
    for part in SIZES:
        ours, theirs = getattr(found, part), getattr(one, part)
        np.testing.assert_array_equal(ours.inputs["x"], theirs.inputs["x"])
        np.testing.assert_array_equal(ours.target, theirs.target)
    assert found.preprocessing.inputs == one.preprocessing.inputs


@pytest.mark.parametrize("parts", [("validation",), ("test",), ("validation", "test")])
def test_a_part_without_a_file_has_no_rows(tmp_path, parts):
    found = load_data(spec_of(tmp_path, "npz", parts=parts))
    assert found.sizes == {p: n if p in (*parts, "train") else 0 for p, n in SIZES.items()}
    for seed, (part, count) in enumerate(SIZES.items()):
        if part in (*parts, "train"):
            expected = table_of(seed, count).select("a", "b").to_numpy().astype(np.float32)
            np.testing.assert_array_equal(getattr(found, part).inputs["x"], expected)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("suffix", [*TABLES, "npz"])
def test_a_script_ends_with_the_weights_of_train(tmp_path, backend, suffix):
    spec = spec_of(
        tmp_path, suffix, parts=("test",) if suffix == "jsonl" else ("validation", "test")
    )
    module = script_of(spec, backend)
    output = tmp_path / f"out.{ {'torch': 'safetensors', 'keras': 'keras'}[backend] }"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)
    module.predict(output, tmp_path / "more" / f"validation.{suffix}")


def folders(root, *, validation="photos/val"):
    for part, count in (("photos/train", 8), (validation, 4)):
        for i in range(count):
            file = root / part / "ab"[i % 2] / f"{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(len(part) + i).integers(0, 256, (4, 5, 3), np.uint8)
            Image.fromarray(pixels).save(file)
    document = document_of("npz", data={
        "source": "photos/train", "features": {"photo": "file"}, "target": "label",
        "prepare": {"file": {"image": {"normalize": "learned"}}},
        "split": {"validation": validation},
    })  # fmt: skip
    document["inputs"] = {"photo": {"shape": [3, 4, 5]}}
    document["layers"] = [{"type": "flatten"}, *document["layers"]]
    (root / "net.json").write_text(json.dumps(document))
    return loads(json.dumps(document), path=root / "net.json")


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("validation", ["photos/val", "held/out"])
def test_folders_of_images_are_parts_too(tmp_path, backend, validation):
    spec = folders(tmp_path, validation=validation)
    assert load_data(spec).sizes == {"train": 8, "validation": 4, "test": 0}
    module = script_of(spec, backend)
    output = tmp_path / f"out.{ {'torch': 'safetensors', 'keras': 'keras'}[backend] }"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)
    (tmp_path / validation / "b" / "3.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=rf"{validation}/b/3.png: it is no image"):
        load_data(spec)
    with pytest.raises(ValueError, match=rf"{validation}/b/3.png"):
        module.load_data(tmp_path / "photos" / "train")


def test_windows_of_texts_and_of_rows_stay_in_their_file(tmp_path):
    for part in ("train", "val"):
        (tmp_path / f"{part}.txt").write_text(f"{part} " * 40)
    document = {
        "nnspec": 1, "name": "Net", "inputs": {"ids": {"shape": [8], "dtype": "int64"}},
        "layers": [{"type": "embedding", "input_dim": 32, "output_dim": 3},
                   {"type": "dense", "units": 32}],
        "data": {"source": "train.txt", "features": {"ids": "text"}, "target": {"shifted": "ids"},
                 "prepare": {"text": {"text": {"tokens": "characters", "windows": True,
                                               "length": 8, "most": 30}}},
                 "split": {"validation": "val.txt"}},
        "training": {"task": "language", "epochs": 1, "batch_size": 4,
                     "optimizer": {"type": "sgd", "learning_rate": 0.1}},
    }  # fmt: skip
    (tmp_path / "net.json").write_text(json.dumps(document))
    spec = loads(json.dumps(document), path=tmp_path / "net.json")
    found = load_data(spec)
    assert found.validation is not None
    assert found.sizes == {"train": 240 // 8, "validation": 160 // 8, "test": 0}
    script = script_of(spec, "torch").load_data(tmp_path / "train.txt")[0]
    for part in ("train", "validation"):
        np.testing.assert_array_equal(script[part][0], getattr(found, part).inputs["ids"])

    for i, part in enumerate(("train", "val")):
        pl.DataFrame({"a": np.arange(20.0) + 100 * i}).write_csv(tmp_path / f"{part}.csv")
    document = {
        "nnspec": 1, "name": "Net", "inputs": {"x": {"shape": [4, 1]}},
        "layers": [{"type": "flatten"}, {"type": "dense", "units": 1}],
        "data": {"source": "train.csv", "features": {"x": "a"}, "target": "a",
                 "windows": {"horizon": 1}, "split": {"validation": "val.csv"}},
        "training": {"task": "regression", "epochs": 1,
                     "optimizer": {"type": "sgd", "learning_rate": 1e-9}},
    }  # fmt: skip
    (tmp_path / "net.json").write_text(json.dumps(document))
    spec = loads(json.dumps(document), path=tmp_path / "net.json")
    found = load_data(spec)
    assert found.validation is not None
    assert found.sizes == {"train": 16, "validation": 16, "test": 0}
    assert float(found.validation.inputs["x"].min()) == 100
    script = script_of(spec, "torch").load_data(tmp_path / "train.csv")[0]
    for part in ("train", "validation"):
        np.testing.assert_array_equal(script[part][0], getattr(found, part).inputs["x"])


def spoilt(folder, suffix, change):
    spec = spec_of(folder, suffix)
    place = folder / "more" / f"validation.{suffix}"
    if suffix == "npz":
        arrays = dict(np.load(place))
        change(arrays)
        np.savez(place, **arrays)
        return spec
    table = change(table_of(1, SIZES["validation"]))
    write(table, place)
    return spec


def no_number(table):
    return table.with_columns(
        pl.when(pl.int_range(pl.len()) == 2)
        .then(pl.lit("much"))
        .otherwise(pl.col("a").cast(str))
        .alias("a")
    )


WRONG = {
    "text": ("csv", no_number, r'validation.csv, line 4: column "a", row 3: "?much'),
    "column": ("csv", lambda table: table.drop("kind"),
               r'validation.csv: there is no column "kind"'),
    "missing": ("parquet", lambda table: table.with_columns(pl.lit(None).alias("b")),
                r'validation.parquet: column "b", row 1: the value is missing'),
    "type": ("parquet", lambda table: table.with_columns(pl.lit([1]).alias("b")),
             'column "b" is not alike in the files of the parts|the files of the parts differ'),
    "class": ("csv", lambda table: table.with_columns(pl.lit("perhaps").alias("label")),
              "holds 3 labels|3 labels|labels"),
    "empty": ("csv", lambda table: table.head(0), "validation.csv: there are no rows"),
    "array": ("npz", lambda arrays: arrays.pop("label"),
              'validation.npz: there is no array "label"'),
    "shape": ("npz", lambda arrays: arrays.update(x=arrays["x"][:, :1]),
              'array "x" is not alike in the files|the parts differ in "x"'),
    "nan": ("npz", lambda arrays: arrays["x"].__setitem__((4, 1), np.nan),
            r'validation.npz: array "x", row 5'),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_its_file_and_its_row_there(tmp_path, name):
    suffix, change, message = WRONG[name]
    spec = spoilt(tmp_path, suffix, change)
    with pytest.raises(DataError, match=message):
        load_data(spec)
    module = script_of(spec, "torch")
    with pytest.raises(ValueError, match=message):
        module.load_data(tmp_path / "rows" / f"train.{suffix}")


def test_a_file_of_other_arrays_is_told(tmp_path):
    module = script_of(spec_of(tmp_path, "npz"), "torch")
    np.savez(tmp_path / "rows" / "train.npz", z=np.zeros(3))
    with pytest.raises(ValueError, match="there is no array"):
        module.load_data(tmp_path / "rows" / "train.npz")


def test_a_file_that_is_not_there_is_told_by_check_and_train(tmp_path, capsys):
    spec = spec_of(tmp_path, "csv")
    (tmp_path / "more" / "test.csv").unlink()
    with pytest.raises(DataError, match=r"more/test.csv: there is no such file"):
        nnspec.train(spec, "torch", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(SystemExit):
        main(["check", "--data", str(tmp_path / "net.json")])
    assert "more/test.csv" in re.sub(r"\s+", "", capsys.readouterr().out)


def test_rows_that_are_in_two_files_are_told(tmp_path):
    spec = spec_of(tmp_path, "csv")
    write(table_of(0, SIZES["train"]).head(4), tmp_path / "more" / "validation.csv")
    (note,) = load_data(spec).notes
    assert "4 of 4 validation rows are also for training" in note


REFUSED = {
    "shares": ({"validation": 0.3}, {}, "write `validation` within `split`, as their file"),
    "kind": ({"split": {"validation": "val.parquet"}}, {}, '"val.parquet" beside "rows/train.csv"'),
    "same": ({"split": {"validation": "rows/train.csv"}}, {}, "a file of one kind"),
    "twice": ({"split": {"validation": "v.csv", "test": "v.csv"}}, {}, "are two files"),
    "two": ({"split": {"validation": "v.csv", "group": "kind"}}, {}, "where no column is named"),
    "stream": ({"source": "t.npz", "split": {"validation": "v.npz"}, "stream": {}}, {},
               "`stream` takes rows of one source"),
    "query": ({"source": "t.db", "split": {"validation": "v.db"}, "query": "SELECT 1"}, {},
              "`query` takes rows of one source"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_files_do_not_go_with_is_refused(name):
    data, training, message = REFUSED[name]
    with pytest.raises(SpecError, match=re.escape(message)):
        loads(json.dumps(document_of("csv", data=data, **training)))


def test_folds_are_drawn_of_one_file(tmp_path):
    from nnspec.data.folding import Fold

    with pytest.raises(UsageError, match=r"the files of `data.split` say which rows"):
        load_data(spec_of(tmp_path, "csv"), Fold(0, 3))


def test_arrays_that_nothing_names_may_be_anything(tmp_path):
    spec = spec_of(tmp_path, "npz")
    expected = load_data(spec)
    for part, place in (("train", "rows"), ("validation", "more"), ("test", "more")):
        path = tmp_path / place / f"{part}.npz"
        with np.load(path) as arrays:
            kept = dict(arrays)
        np.savez(path, classes=["a", "b"], rate=np.array(16000), **kept)
    found = load_data(spec)
    assert np.array_equal(found.train.inputs["x"], expected.train.inputs["x"])


def test_arrays_of_one_file_are_equally_long(tmp_path):
    spec = spec_of(tmp_path, "npz")
    for place, part, more in (("rows", "train", 1), ("more", "validation", -1)):
        path = tmp_path / place / f"{part}.npz"
        with np.load(path) as arrays:
            x, label = arrays["x"], arrays["label"]
        label = np.r_[label, 0] if more > 0 else label[:-1]
        np.savez(path, x=x, label=label)
    with pytest.raises(DataError, match=r"train\.npz"):
        load_data(spec)


def test_a_column_of_lists_that_nothing_takes_is_no_obstacle(tmp_path):
    rows = [
        {"x": i / 10, "y": i % 2, "fold": "val" if i % 5 == 0 else "train", "tags": ["a", str(i)]}
        for i in range(20)
    ]
    rows[5]["x"], rows[5]["y"] = rows[1]["x"], rows[1]["y"]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    document = {
        "nnspec": 1, "name": "Net", "inputs": {"x": {"shape": [1]}},
        "layers": [{"type": "dense", "units": 1}],
        "data": {"source": "rows.jsonl", "features": {"x": "x"}, "target": "y",
                 "split": {"part": "fold", "validation": "val"}},
        "training": {"task": "binary"},
    }  # fmt: skip
    found = load_data(loads(json.dumps(document), path=tmp_path / "net.json"))
    (note,) = (each for each in found.notes if "also for training" in each)
    assert "1 of 4 validation row is also for training, alike in every column but tags" in note


SERIES = {
    "nnspec": 1, "name": "Net", "inputs": {"x": {"shape": [4, 1]}},
    "layers": [{"type": "flatten"}, {"name": "out", "type": "dense", "units": 1}],
    "data": {"source": "train.csv", "features": {"x": "a"}, "target": "a",
             "windows": {"order": "t"}, "split": {"validation": "val.csv"}},
    "training": {"task": "regression", "epochs": 1, "seed": 1,
                 "optimizer": {"type": "sgd", "learning_rate": 0.01}},
}  # fmt: skip


def series(folder, first, second):
    """Write two recordings, the times of each as they are given."""
    draw = np.random.default_rng(4)
    for name, times in (("train", first), ("val", second)):
        numbers = draw.normal(size=len(times)).round(3)
        pl.DataFrame({"t": times, "a": numbers}).write_csv(folder / f"{name}.csv")
    return loads(json.dumps(SERIES), path=folder / "net.json")


@pytest.mark.parametrize("second", [range(12), range(1, 25, 2), range(30, 42)])
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_windows_of_files_are_of_each_by_itself(tmp_path, second, backend):
    first = list(range(0, 40, 2))
    spec = series(tmp_path, first, list(second))
    found = load_data(spec)
    numbers = [pl.read_csv(tmp_path / f"{n}.csv")["a"].to_numpy() for n in ("train", "val")]
    for part, values in zip((found.train, found.validation), numbers, strict=True):
        wanted = np.lib.stride_tricks.sliding_window_view(values, 4)[:-1]
        assert np.allclose(np.asarray(part.inputs["x"])[..., 0], wanted)
        assert np.allclose(part.target[:, 0], values[4:])
    assert not any("in no part" in note for note in found.notes)
    module = script_of(spec, backend)
    parts, _ = module.load_data(tmp_path / "train.csv")
    for name, part in (("train", found.train), ("validation", found.validation)):
        x, target = parts[name]
        assert np.allclose(x, np.asarray(part.inputs["x"]))
        assert np.allclose(target, part.target)


def test_a_row_of_a_window_is_told_with_its_own_file(tmp_path):
    with pytest.raises(DataError, match=r"val\.csv: rows 3 and 4 have the same"):
        load_data(series(tmp_path, list(range(20)), [0, 1, 2, 2, 3, 4, 5, 6]))
    with pytest.raises(DataError, match=r"val\.csv: the series has 3 rows"):
        load_data(series(tmp_path, list(range(20)), [0, 1, 2]))


def test_an_array_that_is_not_there_is_told_beside_those_that_are(tmp_path):
    spec = spec_of(tmp_path, "npz", data={"features": {"x": "imagez"}})
    with pytest.raises(DataError, match=r"train\.npz.*imagez.*(x, label|label, x)"):
        load_data(spec)


@pytest.mark.parametrize("stride", [1, 4])
def test_windows_of_a_file_that_is_copied_are_told(tmp_path, stride):
    """Their targets are compared with the rows of training, and not windows by their numbers."""
    spec = series(tmp_path, list(range(20)), list(range(20)))
    document = {**SERIES, "data": {**SERIES["data"], "windows": {"order": "t", "stride": stride}}}
    spec = loads(json.dumps(document), path=tmp_path / "net.json")
    assert not load_data(spec).notes
    (tmp_path / "val.csv").write_bytes((tmp_path / "train.csv").read_bytes())
    count = len(load_data(spec).validation)
    (note,) = load_data(spec).notes
    assert f"{count} of {count} validation rows are also for training" in note
