import zipfile

import numpy as np
import pytest
from data_cases import from_npz, spec_of

from nnspec.data.arrays import fit_shape
from nnspec.data.files import read
from nnspec.data.rows import load_data
from nnspec.data.tables import require_fitting
from nnspec.errors import DataError


def test_pickled_arrays_are_refused_where_they_are_used(tmp_path):
    np.savez(tmp_path / "rows.npz", x=np.array([{}, {}]), y=np.zeros(2))
    rows = read(tmp_path / "rows.npz")
    assert rows["y"].tolist() == [0, 0]
    assert "x" in rows
    with pytest.raises(DataError, match='array "x" holds Python objects'):
        rows["x"]


def test_arrays_of_every_task(tmp_path):
    x = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    numbered = from_npz(tmp_path, "multiclass", units=3, arrays={"x": x, "y": np.array([2, 0, 1])})
    assert numbered.train.target.tolist() == [2, 0, 1]
    soft = np.array([[0.5, 0.5, 0], [1, 0, 0], [0, 0.25, 0.75]])
    dense = from_npz(tmp_path, "multiclass", units=3, arrays={"x": x, "y": soft})
    assert dense.train.target.dtype == np.float32
    assert (dense.train.target == soft).all()
    named = from_npz(
        tmp_path, "multiclass", units=2, arrays={"x": x, "y": np.array(["b", "a", "b"])}
    )
    assert named.train.target.tolist() == [1, 0, 1]
    several = from_npz(tmp_path, "regression", units=2, arrays={"x": x, "y": np.ones((3, 2))})
    assert several.train.target.shape == (3, 2)
    likely = from_npz(tmp_path, "binary", arrays={"x": x, "y": np.array([0.5, 0, 1])})
    assert likely.train.target.tolist() == [[0.5], [0], [1]]
    assert likely.train.inputs["features"].dtype == np.float32
    assert likely.preprocessing.apply({"x": x})["features"].shape == (3, 2, 2)


@pytest.mark.parametrize(
    ("y", "task", "units", "message"),
    [
        (np.zeros(2), "binary", 1, "unequal numbers of rows"),
        (np.array([[0.5, 0.6]] * 3), "multiclass", 2, "row 1: 1.1 is the sum"),
        (np.array([[-1.0, 2.0]] * 3), "multiclass", 2, "row 1: -1.0 is no probability"),
        (np.array([0, 1, 2]), "binary", 1, "row 3: 2 is not between 0 and 1"),
        (np.zeros((3, 4)), "regression", 2, r"gives \(4,\) for each row"),
        (np.zeros((3, 4)), "multiclass", 2, "a class number .* or a probability per class"),
        (np.array([1j, 0, 0]), "regression", 1, "a value of type complex128"),
        (np.float32(1), "regression", 1, "is a single value"),
        (np.array(["1", "2", "3"]), "regression", 1, '"y" holds text; save the numbers as numbers'),
        (np.array(["1", "two", "3"]), "regression", 1, 'row 2: "two" is not a number'),
        (np.array(["no", " ", "yes"]), "binary", 1, "row 2: the value is missing"),
        (np.array([b"no", b"yes", b""]), "binary", 1, "row 3: the value is missing"),
        (np.array([1.0, np.nan, 0]), "regression", 1, "row 2: nan is not a finite number"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, y, task, units, message):
    with pytest.raises(DataError, match=message):
        from_npz(tmp_path, task, units=units, arrays={"x": np.ones((3, 2)), "y": y})


def test_an_array_that_is_absent_is_named(tmp_path):
    with pytest.raises(DataError, match=r'no array "yy"; did you mean "y"\? \(the arrays: x, y\)'):
        from_npz(tmp_path, "binary", target="yy", arrays={"x": np.ones((3, 2)), "y": np.zeros(3)})


@pytest.mark.parametrize(
    ("given", "declared", "expected"),
    [
        ((64,), (1, 8, 8), (1, 8, 8)),
        ((8, 8), (1, 8, 8), (1, 8, 8)),
        ((8, 8, 1), (1, 8, 8), (1, 8, 8)),
        ((32, 32, 3), (3, 32, 32), None),
        ((16, 4), (8, 8), None),
        ((), (1,), (1,)),
        ((), (), ()),
        ((3,), (), None),
        ((6,), ("time", 2), (3, 2)),
        ((7,), ("time", 2), None),
        ((5, 2), ("time", 2), (5, 2)),
        ((5, 6), ("time", "time"), None),
        ((5, 5), ("time", "time"), (5, 5)),
        ((6,), ("a", "b"), None),
    ],
)
def test_shapes_that_fit(given, declared, expected):
    assert fit_shape(given, declared) == expected


@pytest.mark.parametrize("shape", [(0, 2), (3, 0)])
def test_arrays_without_elements(tmp_path, shape):
    arrays = {"x": np.zeros(shape), "y": np.zeros(shape[0])}
    with pytest.raises(DataError, match=r"there are no rows|gives \(0,\) for each row"):
        from_npz(tmp_path, "binary", arrays=arrays, shape=(2,))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_file_of_arrays_is_never_a_traceback(tmp_path, save):
    path = tmp_path / "rows.npz"
    save(path, x=np.arange(30.0).reshape(10, 3), y=np.arange(10))
    whole = path.read_bytes()
    seed = 20262
    print("seed", seed)
    rng = np.random.default_rng(seed)
    refused = 0
    for _ in range(200):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), size=rng.integers(1, 5)):
            damaged[at] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            assert {"x", "y"} >= set(dict(read(path)))
        except DataError:
            refused += 1
    assert refused > 150


def test_an_array_that_memory_does_not_hold_is_told_and_others_are_not_read(tmp_path, monkeypatch):
    """A small file may unpack to any size."""
    path = tmp_path / "rows.npz"
    np.savez_compressed(path, x=np.ones((8, 2)), y=np.arange(8) % 2, large=np.zeros(2**17))
    assert path.stat().st_size < 2**13
    monkeypatch.setattr("nnspec.data.archive.memory_of", lambda: 2**19)
    spec = spec_of(tmp_path, path.name, {"features": ["x"]}, "y", task="binary")
    assert len(load_data(spec).train) == 6
    spec = spec_of(tmp_path, path.name, {"features": ["large"]}, "y", task="binary")
    with pytest.raises(DataError, match=r'array "large" takes 0\.0 GiB.*`data\.stream`'):
        load_data(spec)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", b"no array")
    with pytest.raises(DataError, match='"x" is no array'):
        read(path)["x"]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_fractions_that_round_up_to_the_limit_of_whole_numbers_are_refused(dtype):
    fits = np.array([[0, 2048]], dtype)
    require_fitting(fits, "int32", lambda row, position: "here")
    require_fitting(fits, "float32", lambda row, position: "here")
    if dtype == "float16":
        return
    for limit, whole in ((2.0**31, "int32"), (2.0**63, "int64")):
        require_fitting(np.array([[-limit]], dtype), whole, lambda row, position: "here")
        with pytest.raises(DataError, match=f"does not fit {whole}"):
            require_fitting(np.array([[limit]], dtype), whole, lambda row, position: "here")


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"", b"\x80\x04K\x01."])
def test_what_is_no_archive_is_not_said_to_be_a_pickle(tmp_path, content):
    (tmp_path / "rows.npz").write_bytes(content)
    with pytest.raises(DataError, match="it is no archive, or a part of one"):
        read(tmp_path / "rows.npz")
