import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from data_cases import from_csv, spec_of

from nnspec.data.files import read
from nnspec.data.preprocessing import Preprocessing
from nnspec.data.rows import load_data
from nnspec.data.splitting import split
from nnspec.errors import DataError, UsageError
from nnspec.language.training_schema import Data
from nnspec.network.loader import check, loads

DATA = Path(__file__).parents[2] / "specs" / "data"


ROWS = "a,b,y\n1,10,0\n2,20,1\n3,30,1\n4,40,0\n"


def test_columns_become_inputs_and_target(tmp_path):
    data = from_csv(tmp_path, ROWS)
    features = data.train.inputs["features"]
    assert features.dtype == np.float32
    assert features.tolist() == [[1, 10], [2, 20], [3, 30], [4, 40]]
    target = data.train.target
    assert target.dtype == np.float32
    assert target.tolist() == [[0], [1], [1], [0]]
    assert data.validation is None
    assert data.test is None


def test_a_pattern_takes_columns_in_the_order_of_the_file_and_leaves_the_target(tmp_path):
    text = "b,y,a\n10,0,1\n20,1,2\n"
    data = from_csv(tmp_path, text, ["*"])
    assert data.train.inputs["features"].tolist() == [[10, 1], [20, 2]]
    assert data.preprocessing.inputs["features"].columns == ("b", "a")
    listed = from_csv(tmp_path, text, ["a", "b"])
    assert listed.train.inputs["features"].tolist() == [[1, 10], [2, 20]]


def test_parquet_gives_what_csv_gives(tmp_path):
    pl.read_csv(DATA / "breast_cancer.csv").write_parquet(tmp_path / "rows.parquet")
    features, shape = {"features": ["mean_*", "*_error", "worst_*"]}, (30,)
    parts = [
        load_data(spec_of(folder, name, features, "benign", task="binary", shape=shape))
        for folder, name in [(DATA, "breast_cancer.csv"), (tmp_path, "rows.parquet")]
    ]
    assert len(parts[0].train) == 455
    assert parts[0].validation is not None
    assert len(parts[0].validation) == 114
    assert (parts[0].train.inputs["features"] == parts[1].train.inputs["features"]).all()
    assert (parts[0].validation.target == parts[1].validation.target).all()
    assert parts[0].sha256 != parts[1].sha256


def test_digits_are_images_with_class_numbers():
    spec = spec_of(
        DATA, "digits.csv", {"features": "pixel_*"}, "label",
        task="multiclass", shape=(1, 8, 8), units=10,
    )  # fmt: skip
    data = load_data(spec)
    assert data.train.inputs["features"].shape == (1438, 1, 8, 8)
    assert data.train.target.dtype == np.int64
    first = pl.read_csv(DATA / "digits.csv").row(0)[:64]
    everything = np.concatenate(
        [data.train.inputs["features"], data.validation.inputs["features"]]
    ).reshape(1797, 64)
    assert (everything == np.array(first, dtype=np.float32)).all(axis=1).any()


def test_words_are_numbered_in_sorted_order_and_kept(tmp_path):
    text = "a,b,y\n1,1,red\n2,2, blue\n3,3,red\n4,4,green\n"
    data = from_csv(tmp_path, text, task="multiclass", units=3)
    assert data.train.target.tolist() == [2, 0, 2, 1]
    assert data.preprocessing.labels == ("blue", "green", "red")
    answers = from_csv(tmp_path, "a,b,y\n1,1,yes\n2,2,no\n")
    assert answers.train.target.tolist() == [[1], [0]]
    assert answers.preprocessing.labels == ("no", "yes")


def test_the_split_is_a_partition_that_the_seed_decides():
    data = Data(source="s", features={}, target="t", validation=0.2, test=0.1)
    parts = split(100, data, 1)
    assert [len(parts[name]) for name in ("train", "validation", "test")] == [70, 20, 10]
    assert sorted(np.concatenate(list(parts.values()))) == list(range(100))
    assert (split(100, data, 1)["test"] == parts["test"]).all()
    assert (split(100, data, 2)["test"] != parts["test"]).any()
    # The validation rows do not depend on whether there is a test share.
    alone = split(100, data.model_copy(update={"test": 0.0}), 1)
    assert (alone["validation"] == parts["validation"]).all()


def test_standardisation_sees_the_training_rows_only(tmp_path):
    seed = 11
    print("seed", seed)
    rng = np.random.default_rng(seed)
    values = rng.normal(5, 3, size=(60, 2))
    lines = [f"{a},{b},{i % 2}" for i, (a, b) in enumerate(values)]
    text = "a,b,y\n" + "\n".join(lines)
    data = from_csv(tmp_path, text, validation=0.25, standardize=True)
    train = data.train.inputs["features"].astype(float)
    assert train.mean(axis=0) == pytest.approx([0, 0], abs=1e-6)
    assert train.std(axis=0) == pytest.approx([1, 1], abs=1e-6)
    validation = data.validation.inputs["features"].astype(float)
    assert abs(validation.mean()) > 1e-3
    raw = from_csv(tmp_path, text, validation=0.25).validation.inputs["features"]
    feature = data.preprocessing.inputs["features"]
    assert validation == pytest.approx((raw - feature.mean) / feature.scale, abs=1e-5)


def test_a_constant_column_is_only_shifted(tmp_path):
    text = "a,b,y\n" + "".join(f"0.1,{i},{i % 2}\n" for i in range(7))
    data = from_csv(tmp_path, text, standardize=True)
    assert (data.train.inputs["features"][:, 0] == 0).all()
    assert data.preprocessing.inputs["features"].scale[0] == 1


def test_prediction_repeats_the_preprocessing_from_its_json(tmp_path):
    data = from_csv(tmp_path, ROWS, standardize=True)
    again = Preprocessing.from_json(data.preprocessing.to_json())
    assert again == data.preprocessing
    frame = read(tmp_path / "rows.csv").drop("y")
    expected = data.train.inputs["features"]
    assert (again.apply(frame)["features"] == expected).all()
    arrays = {"features": np.array([[1, 10], [2, 20], [3, 30], [4, 40]])}
    assert (again.apply(arrays)["features"] == expected).all()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"task": "binary"}', "null", '{"inputs": 1}'])
def test_a_broken_preprocessing_record_is_a_data_error(text):
    with pytest.raises(DataError, match="preprocessing record cannot be read"):
        Preprocessing.from_json(text)


def test_whole_inputs_keep_every_bit(tmp_path):
    big = 2**60 + 1
    data = from_csv(tmp_path, f"a,b,y\n{big},2.0,0\n-1,3,1\n", dtype="int64", task="multiclass")
    features = data.train.inputs["features"]
    assert features.dtype == np.int64
    assert features[1].tolist() == [-1, 3]
    alone = from_csv(tmp_path, f"a,b,y\n{big},2,0\n-1,3,1\n", dtype="int64", task="multiclass")
    assert alone.train.inputs["features"].tolist() == [[big, 2], [-1, 3]]


def whole(dtype):
    """Return a network whose input may be of this type: a dense layer's may not."""
    return {"dtype": dtype, "task": "multiclass"}


WRONG = {
    "no such column": (ROWS, {"features": ["a", "bb"]}, 'no column "bb"'),
    "no such target": (ROWS, {"target": "Y"}, 'no column "Y"; did you mean "y"?'),
    "no match": (ROWS, {"features": ["z_*"]}, r'no column matches "z_\*"'),
    "target as feature": (ROWS, {"features": ["a", "y"]}, '"y" is the target and a feature'),
    "twice": (ROWS, {"features": ["a", "a*"]}, 'column "a" is taken twice'),
    "word": ("a,b,y\n1,2,0\n1,two,1\n", {}, 'column "b", row 2: "two" is not a number'),
    "missing value": ("a,b,y\n1,2,0\n1,,1\n", {}, 'column "b", row 2: the value is missing'),
    "blank row": ("a,b,y\n1,2,0\n\n1,2,1\n", {}, 'column "a", row 2: the value is missing'),
    "missing target": ("a,b,y\n1,2,\n1,2,1\n", {}, 'column "y", row 1: the value is missing'),
    "missing label": ("a,b,y\n1,2,no\n1,2,\n", {}, 'column "y", row 2: the value is missing'),
    "nan": ("a,b,y\n1,2,0\nNaN,1,1\n", {}, 'column "a", row 2: nan is not a finite number'),
    "inf": ("a,b,y\n1,-inf,0\n", {}, 'column "b", row 1: -inf is not a finite number'),
    "too large": ("a,b,y\n1,1e300,0\n", {}, r'column "b", row 1: 1e\+300 does not fit float32'),
    "too few columns": (ROWS, {"features": ["a"]}, r"is \(2,\), and 1 columns give \(1,\)"),
    "not 0 or 1": ("a,b,y\n1,2,0\n1,2,2\n", {}, 'column "y", row 2: 2.0 is neither 0 nor 1'),
    "three answers": ("a,b,y\n1,2,n\n1,2,y\n1,2,?\n", {}, "holds 3 labels .*binary takes 2"),
    "class": (
        "a,b,y\n1,2,0\n1,2,3\n", {"task": "multiclass", "units": 3},
        'column "y", row 2: 3 is no class number; the network gives 3 scores',
    ),
    "half a class": (
        "a,b,y\n1,2,0\n1,2,0.5\n", {"task": "multiclass", "units": 3},
        'column "y", row 2: 0.5 is no class number',
    ),
    "labels": (
        "a,b,y\n1,2,u\n1,2,v\n", {"task": "multiclass", "units": 3},
        r'holds 2 labels \("u", "v"\), and the network gives 3 scores',
    ),
    "word to regress": (
        "a,b,y\n1,2,3\n1,2,x\n", {"task": "regression"}, 'column "y", row 2: "x" is not a number',
    ),
    "wide output": (
        ROWS, {"task": "regression", "units": 2}, r"gives \(\) for each row.*output is \(2,\)",
    ),
    "fraction": (
        "a,b,y\n1,2.5,0\n", whole("int64"), 'column "b", row 1: 2.5 is not whole',
    ),
    "int32": ("a,b,y\n1,3000000000,0\n", whole("int32"), "3000000000 does not fit int32"),
    "int64 as a fraction": (
        "a,b,y\n1,9223372036854775808.0,0\n", whole("int64"), r"e\+18 does not fit int64",
    ),
    "bool": ("a,b,y\n1,2,0\n", whole("bool"), 'column "b", row 1: 2.0 is neither 0 nor 1'),
    "empty": ("", {}, "the file is empty"),
    "header only": ("a,b,y\n", {}, "there are no rows"),
    "ragged": (
        "a,b,y\n\"1\n\",2,3\n1,2,3,4\n", {},
        "no readable .csv file: line 4 has 4 values, and the header 3 columns",
    ),
    "a quote without an end": (
        'a,b,y\n1,2,0\n"3,4,1\n5,6,1\n', {}, "the quotes of line 3 are not in order",
    ),
    "a value of many characters": (
        f"a,b,y\n{' ' * 140_000}1,2,0\n1,,0\n", {},
        'line 3: column "b", row 2: the value is missing',
    ),
    "a comment first": ("# mine\na,b,y\n1,2,0\n", {}, "line 2 has 3 values, and the header 1"),
    "Python's numbers to regress": (
        "a,b,y\n1,2,1_000\n", {"task": "regression"}, 'column "y", row 1: "1_000" is not a number',
    ),
    "twice in the header": ("a,a,y\n1,2,0\n", {}, 'the column "a" twice'),
    "too few rows": ("a,b,y\n1,2,0\n1,2,1\n", {"validation": 0.2}, "2 rows are too few"),
    "no row to train on": ("a,b,y\n1,2,0\n", {"validation": 0.6}, "train would be empty"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_named(tmp_path, name):
    text, more, message = WRONG[name]
    with pytest.raises(DataError, match=message) as caught:
        from_csv(tmp_path, text, **more)
    assert "rows.csv" in str(caught.value)


def test_trailing_blank_lines_and_a_byte_order_mark_are_nothing(tmp_path):
    data = from_csv(tmp_path, "\ufeff" + ROWS + "\n\n")
    assert len(data.train) == 4


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("none.csv", "there is no such file"),
        ("folder.csv", "is a folder"),
        ("rows.xlsx", "a .csv, .parquet, .jsonl, .ndjson, .txt, .npz, .npy or .zarr file is"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path, source, message):
    (tmp_path / "folder.csv").mkdir()
    spec = spec_of(tmp_path, source, {"features": ["a", "b"]}, "y", task="binary")
    with pytest.raises(DataError, match=message):
        load_data(spec)


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".npz", ".csv"])
def test_junk_is_a_data_error(tmp_path, suffix):
    seed = 5
    print("seed", seed)
    junk = np.random.default_rng(seed).bytes(300)
    for content in (junk, b"PAR1" + junk + b"PAR1", b"PK\x03\x04" + junk, b"\x93NUMPY" + junk, b""):
        path = tmp_path / f"rows{suffix}"
        path.write_bytes(content)
        spec = spec_of(tmp_path, path.name, {"features": ["a"]}, "y", task="binary", shape=(1,))
        with pytest.raises(DataError, match="rows"):
            load_data(spec)


def test_what_is_absent_from_the_spec_is_a_usage_error():
    text = "{nnspec: 1, name: N, inputs: {features: {shape: [2]}}, layers: [{type: relu}]}"
    with pytest.raises(UsageError, match="no `data` section"):
        load_data(check(loads(text)))


def test_columns_of_other_types(tmp_path):
    path = tmp_path / "rows.parquet"
    frame = pl.DataFrame(
        {
            "whole": [1, 2],
            "flag": [True, False],
            "kind": pl.Series(["3", "4"], dtype=pl.Categorical),
            "day": pl.Series([0, 1], dtype=pl.Date),
            "nothing": pl.Series([None, None], dtype=pl.Float64),
            "list": [[1], [2]],
            "y": pl.Series([1, 0], dtype=pl.UInt8),
        }
    )
    frame.write_parquet(path)

    def load(*columns):
        features = {"features": list(columns)}
        shape = (len(columns),)
        return load_data(
            spec_of(tmp_path, path.name, features, "y", task="binary", shape=shape, validation=0)
        )

    data = load("whole", "flag")
    assert data.train.inputs["features"].tolist() == [[1, 1], [2, 0]]
    assert load("kind").train.inputs["features"].tolist() == [[3], [4]]
    with pytest.raises(DataError, match='column "day" is of type Date; numbers are expected'):
        load("day")
    with pytest.raises(DataError, match='column "list" is of type List'):
        load("list")
    with pytest.raises(DataError, match='column "nothing", row 1: the value is missing'):
        load("nothing")


def test_a_record_of_impossible_numbers_is_refused(tmp_path):
    data = from_csv(tmp_path, ROWS, standardize=True)
    record = json.loads(data.preprocessing.to_json())
    for change in ({"shape": [-2]}, {"scale": [0, 1]}, {"dtype": "object"}, {"mean": ["1", 2]}):
        feature = {**record["inputs"]["features"], **change}
        with pytest.raises(DataError, match="preprocessing record cannot be read"):
            Preprocessing.from_json(json.dumps({**record, "inputs": {"features": feature}}))
    short = {**record["inputs"]["features"], "mean": [1.0]}
    again = Preprocessing.from_json(json.dumps({**record, "inputs": {"features": short}}))
    with pytest.raises(DataError, match="has 2 elements, and was standardised with 1"):
        again.apply(read(tmp_path / "rows.csv"))


def test_a_quote_in_the_header_of_a_table_of_text_is_that_of_the_column(tmp_path):
    """polars reads it doubled, as it is written."""
    table = pl.DataFrame({'say "a"': ["1"], 'b"': ["2"]})
    table.write_csv(tmp_path / "rows.csv")
    assert read(tmp_path / "rows.csv").equals(table)
