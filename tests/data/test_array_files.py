"""Arrays of .npy files and of groups of Zarr: the rows of an .npz file, or told what is wrong."""

import json
import os
import re
import shutil

import numpy as np
import pytest
import zarr
from script_cases import first_weights, require_weights_of_train, run, script_of

import nnspec
from nnspec.cli import main
from nnspec.data.array_files import Group, require_codecs
from nnspec.data.rows import load_data
from nnspec.errors import DataError, UsageError
from nnspec.network.loader import loads
from nnspec.weights.canonical import load_weights

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
    pytest.mark.filterwarnings("ignore:The data type .* does not have a Zarr V3 specification"),
]

ROWS = 60
SOURCES = {"npz": "rows.npz", "npy": "rows/*.npy", "zarr": "rows.zarr"}


def arrays_of():
    draw = np.random.default_rng(1)
    return {
        "x": draw.normal(3, 2, (ROWS, 4)).astype(np.float32), "label": draw.integers(0, 3, ROWS),
        "word": np.array(["cat", "dog", "owl"])[draw.integers(0, 3, ROWS)],
        "w": draw.uniform(1, 2, ROWS), "place": draw.integers(0, 9, ROWS),
    }  # fmt: skip


def write(path, arrays, **more):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".npy":
        path.parent.mkdir(exist_ok=True)
        for name, values in arrays.items():
            np.save(path.parent / f"{name}.npy", values)
    else:
        group = zarr.open_group(path, mode="w", **more)
        for name, values in arrays.items():
            chunks = (7, *values.shape[1:])
            group.create_array(name, data=values, chunks=chunks)


def document_of(kind, data=None, **training):
    return {
        "nnspec": 1, "name": "Net", "inputs": {"x": {"shape": [4]}},
        "layers": [{"type": "dense", "units": 5, "activation": "tanh"},
                   {"name": "out", "type": "dense", "units": 3}],
        "data": {"source": SOURCES[kind], "features": {"x": "x"}, "target": "label",
                 "validation": 0.2, "test": 0.1, **(data or {})},
        "training": {"task": "multiclass", "epochs": 2, "batch_size": 8, "seed": 1,
                     "optimizer": {"type": "sgd", "learning_rate": 0.1}, **training},
    }  # fmt: skip


def spec_of(folder, kind, data=None, arrays=None, **training):
    folder.mkdir(exist_ok=True)
    write(folder / SOURCES[kind], arrays or arrays_of())
    document = document_of(kind, data, **training)
    (folder / "net.json").write_text(json.dumps(document))
    return loads(json.dumps(document), path=folder / "net.json")


DATA = {
    "plain": {},
    "standardized": {"standardize": True},
    "words": {"target": "word"},
    "groups": {"split": {"group": "place"}, "sample_weight": "w"},
    "balanced": {"balance": "label", "split": {"stratify": "label"}},
}


@pytest.mark.parametrize("kind", ["npy", "zarr"])
@pytest.mark.parametrize("name", DATA)
def test_the_rows_are_those_of_an_archive(tmp_path, kind, name):
    expected = load_data(spec_of(tmp_path / "npz", "npz", DATA[name]))
    found = load_data(spec_of(tmp_path / kind, kind, DATA[name]))
    assert found.sizes == expected.sizes
    for part in ("train", "validation", "test"):
        ours, theirs = getattr(found, part), getattr(expected, part)
        np.testing.assert_array_equal(ours.inputs["x"], theirs.inputs["x"])
        np.testing.assert_array_equal(ours.target, theirs.target)
        if theirs.weight is not None:
            np.testing.assert_array_equal(ours.weight, theirs.weight)
    assert found.preprocessing == expected.preprocessing


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("kind", ["npy", "zarr"])
@pytest.mark.parametrize("name", ["plain", "words", "groups"])
def test_a_script_ends_with_the_weights_of_train(tmp_path, backend, kind, name):
    spec = spec_of(tmp_path, kind, DATA[name])
    module = script_of(spec, backend)
    output = tmp_path / f"out.{ {'torch': 'safetensors', 'keras': 'keras'}[backend] }"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)
    made, answer = module.predict(output, tmp_path / SOURCES[kind])
    assert made.shape == (ROWS, 3)
    assert len(answer) == ROWS


@pytest.mark.parametrize("kind", ["npy", "zarr"])
@pytest.mark.parametrize("name", ["plain", "standardized", "groups"])
def test_rows_that_stay_on_the_disk_train_alike(tmp_path, kind, name):
    stream = {"stream": {"block": 8, "buffer": 2}}
    runs = []
    for each in ("npz", kind):
        spec = spec_of(tmp_path / each, each, {**DATA[name], **stream})
        data = load_data(spec)
        assert data.train.is_lazy
        runs.append(load_weights(nnspec.train(spec, "torch", tmp_path / each / "run").best))
    for path, value in runs[0].items():
        np.testing.assert_array_equal(runs[1][path], value)


@pytest.mark.parametrize("kind", ["npy", "zarr"])
def test_each_part_may_have_arrays_of_its_own(tmp_path, kind):
    own = {"npy": "held/*.npy", "zarr": "held.zarr"}[kind]
    data = {"split": {"validation": own}}
    document = document_of(kind, data)
    del document["data"]["validation"], document["data"]["test"]
    arrays = arrays_of()
    write(tmp_path / SOURCES[kind], arrays)
    write(tmp_path / own, {name: values[:9] for name, values in arrays.items()})
    spec = loads(json.dumps(document), path=tmp_path / "net.json")
    assert load_data(spec).sizes == {"train": ROWS, "validation": 9, "test": 0}
    parts = script_of(spec, "torch").load_data(tmp_path / SOURCES[kind])[0]
    assert [len(parts[part][0]) for part in ("train", "validation")] == [ROWS, 9]


@pytest.mark.parametrize("kind", ["npy", "zarr"])
def test_train_predict_and_resume_by_the_command_line(tmp_path, kind, capsys):
    spec_of(tmp_path, kind)
    given = ["train", str(tmp_path / "net.json"), "--backend", "torch", "-o", str(tmp_path / "run")]
    for more in ([], ["--resume", "--epochs", "3"]):
        with pytest.raises(SystemExit) as ended:
            main([*given, *more])
        assert not ended.value.code
    model = tmp_path / "net.onnx"
    for command in (
        ["export", str(tmp_path / "net.json"), "-o", str(model), "--weights",
         str(tmp_path / "run" / "best.safetensors")],
        ["predict", str(model), "--data", str(tmp_path / SOURCES[kind]), "-o",
         str(tmp_path / "answers.csv")],
    ):  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert not ended.value.code, capsys.readouterr()
    assert len((tmp_path / "answers.csv").read_text().splitlines()) == ROWS + 1
    # Other numbers are another run's.
    changed = arrays_of()
    changed["x"][0] += 1
    write(tmp_path / SOURCES[kind], changed)
    with pytest.raises(UsageError, match="holds another run"):
        nnspec.train(tmp_path / "net.json", "torch", tmp_path / "run", resume=True)


def test_mapped_files_are_not_read_and_others_than_named_are_left(tmp_path):
    spec = spec_of(tmp_path, "npy")
    np.save(tmp_path / "rows" / "objects.npy", np.array([{}, []], object), allow_pickle=True)
    assert load_data(spec).sizes["train"] == 42  # what is not asked for may be anything
    module = script_of(spec, "torch")
    assert len(module.load_data(tmp_path / "rows" / "*.npy")[0]["train"][0]) == 42
    with pytest.raises(DataError, match=r"objects.npy is no readable .npy file: it holds Python"):
        load_data(spec_of(tmp_path, "npy", {"target": "objects"}))


def old_format(folder):
    write(folder / "rows.zarr", arrays_of() | {"word": np.arange(ROWS)}, zarr_format=2)


def test_groups_of_format_2_are_read_too(tmp_path):
    expected = load_data(spec_of(tmp_path / "npz", "npz"))
    spec = spec_of(tmp_path, "zarr")
    shutil.rmtree(tmp_path / "rows.zarr")
    old_format(tmp_path)
    np.testing.assert_array_equal(load_data(spec).train.inputs["x"], expected.train.inputs["x"])


def packed_by(folder, name):
    """Let the metadata say that chunks are packed by something; no chunk is."""
    file = folder / "rows.zarr" / "x" / "zarr.json"
    metadata = json.loads(file.read_text())
    metadata["codecs"].append({"name": name, "configuration": {}})
    file.write_text(json.dumps(metadata))


def cut_chunk(folder):
    (chunk, *_) = sorted((folder / "rows.zarr" / "x" / "c").rglob("0"))
    chunk = next(each for each in [chunk, *chunk.rglob("*")] if each.is_file())
    chunk.write_bytes(chunk.read_bytes()[:5])


WRONG = {
    "npy no file": ("npy", lambda f: shutil.rmtree(f / "rows"), "there is no such file"),
    "npy cut": ("npy", lambda f: os.truncate(f / "rows" / "x.npy", 300),
                "x.npy is no readable .npy file: it ends before its last row"),
    "npy text": ("npy", lambda f: (f / "rows" / "x.npy").write_text("1,2"),
                 "x.npy is no readable .npy file"),
    "npy no array": ("npy", lambda f: (f / "rows" / "x.npy").unlink(), 'no array "x"'),
    "npy rows": ("npy", lambda f: np.save(f / "rows" / "x.npy", np.zeros((9, 4))), "9|differ"),
    "npy nan": ("npy", lambda f: np.save(f / "rows" / "x.npy", np.full((ROWS, 4), np.nan)),
                'array "x", row 1'),
    "zarr no folder": ("zarr", lambda f: shutil.rmtree(f / "rows.zarr"), "no such folder|readable"),
    "zarr empty": ("zarr", lambda f: (f / "rows.zarr" / "zarr.json").unlink(),
                   "is no readable group of Zarr"),
    "zarr text": ("zarr", lambda f: (f / "rows.zarr" / "zarr.json").write_text("1,2"),
                  "is no readable"),
    "zarr no array": ("zarr", lambda f: shutil.rmtree(f / "rows.zarr" / "x"), 'no array "x"'),
    "zarr cut": ("zarr", cut_chunk, "is no readable group of Zarr"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("is_streamed", [False, True])
def test_what_is_wrong_is_told_before_the_first_step(tmp_path, name, is_streamed):
    kind, spoil, message = WRONG[name]
    spec = spec_of(tmp_path, kind, {"stream": {}} if is_streamed else None)
    module = script_of(spec_of(tmp_path, kind), "torch")
    spoil(tmp_path)
    with pytest.raises(DataError) as error:
        nnspec.train(spec, "torch", tmp_path / "run")
    assert re.search(message, str(error.value)) or "damaged" in str(error.value)
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match=rf"{message}|there is no array|is damaged"):
        module.load_data(tmp_path / SOURCES[kind])


@pytest.mark.parametrize("codec", ["numcodecs.pickle", "numcodecs.json2", "mine"])
def test_codecs_that_may_do_anything_are_refused(tmp_path, codec):
    spec = spec_of(tmp_path, "zarr")
    packed_by(tmp_path, codec)
    with pytest.raises(DataError, match=rf'packed by "{codec}"|is no readable group of Zarr'):
        load_data(spec)
    module = script_of(spec, "torch")
    with pytest.raises(ValueError, match=f"it is packed by {codec}"):
        module.load_data(tmp_path / "rows.zarr")


def test_an_array_may_have_the_name_of_a_field(tmp_path):
    """What a user notes of an array is no codec, and an array called so is looked at."""
    node = {"zarr_format": 3, "node_type": "array", "attributes": {"codecs": [{"name": "mine"}]}}
    packed = {**node, "codecs": [{"name": "bytes"}, {"name": "theirs"}]}
    group = {"zarr_format": 3, "node_type": "group", "attributes": {"filters": "mine"}}
    for nodes, is_right in (({"x": node}, True), ({"attributes": packed, "x": node}, False)):
        metadata = {**group, "consolidated_metadata": {"metadata": nodes}}
        (tmp_path / "zarr.json").write_text(json.dumps(metadata))
        if is_right:
            require_codecs(tmp_path)
            continue
        with pytest.raises(DataError, match='is packed by "theirs"'):
            require_codecs(tmp_path)


def test_a_group_needs_its_package(tmp_path, monkeypatch):
    import builtins

    spec = spec_of(tmp_path, "zarr")
    own = builtins.__import__

    def without(name, *more, **others):
        if name == "zarr":
            raise ImportError(name)
        return own(name, *more, **others)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(nnspec.errors.MissingDependencyError, match=r"nnspec\[zarr\]"):
        load_data(spec)


def test_a_group_reads_what_is_asked_for_alone(tmp_path, monkeypatch):
    spec_of(tmp_path, "zarr")
    seen = []
    read = Group.read
    monkeypatch.setattr(
        Group, "read", lambda self, name, *at: seen.append(name) or read(self, name, *at)
    )
    load_data(loads(json.dumps(document_of("zarr")), path=tmp_path / "net.json"))
    assert set(seen) == {"x", "label"}


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("is_lost", [False, True])
def test_a_chunk_that_is_not_there_is_told(tmp_path, is_streamed, is_lost):
    """Zarr gives its fill value for it, as for one that was never stored."""
    spec = spec_of(tmp_path, "zarr", {"stream": {"block": 8}} if is_streamed else {})
    chunks = sorted((tmp_path / "rows.zarr" / "x" / "c").rglob("*"))
    if is_lost:
        next(each for each in chunks if each.is_file()).unlink()
    told = [note for note in load_data(spec).notes if "not stored" in note]
    assert len(told) == is_lost
    for note in told:
        assert note.endswith("of x 1 of 9 chunks is not stored: Zarr gives 0.0 there")


@pytest.mark.parametrize("kind", ["npy", "zarr"])
def test_check_says_nothing_of_a_source_that_is_there(tmp_path, kind, capsys):
    spec_of(tmp_path, kind)
    with pytest.raises(SystemExit, match="0"):
        main(["check", str(tmp_path / "net.json"), "--json"])
    problems = json.loads(capsys.readouterr().out)["files"][0]["problems"]
    assert "wrong-data" not in {each["code"] for each in problems}


def test_an_array_that_nothing_names_says_nothing_of_the_parts(tmp_path):
    """Its size is not that of the others, and it stands before them."""
    spec_of(tmp_path, "npy")
    document = document_of("npy", {"split": {"validation": "more/*.npy"}})
    del document["data"]["validation"], document["data"]["test"]
    spec = loads(json.dumps(document), path=tmp_path / "net.json")
    (tmp_path / "more").mkdir()
    for file in (tmp_path / "rows").glob("*.npy"):
        np.save(tmp_path / "more" / file.name, np.load(file)[:7])
    np.save(tmp_path / "rows" / "a_name.npy", np.arange(3))
    np.save(tmp_path / "more" / "a_name.npy", np.arange(2))
    found = load_data(spec)
    parts, *_ = script_of(spec, "torch").load_data(tmp_path / "rows" / "*.npy")
    for name, part in (("train", found.train), ("validation", found.validation)):
        np.testing.assert_array_equal(parts[name][0], part.inputs["x"])
