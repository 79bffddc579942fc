"""Columns that are prepared, beside scikit-learn's own on the same rows."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest
from data_cases import from_csv, spec_of
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from nnspec.data.files import read
from nnspec.data.preprocessing import Preprocessing
from nnspec.data.rows import read_rows
from nnspec.errors import DataError, SpecError
from nnspec.network.loader import check, loads

SEED = 23
SCALERS = {
    "standard": StandardScaler,
    "min_max": MinMaxScaler,
    "robust": RobustScaler,
    "log": lambda: FunctionTransformer(np.log1p),
}


def some_rows(count=90):
    """Return rows of (number or None, number, category or None, yes or no)."""
    rng = np.random.default_rng(SEED)
    ages = [None if u < 0.2 else round(60 * u, 1) for u in rng.random(count)]
    fares = [round(float(x), 2) for x in rng.exponential(30, count)]
    kinds = [None if u < 0.1 else "abcde"[int(u * 5)] for u in rng.random(count) ** 2]
    return list(zip(ages, fares, kinds, [i % 2 for i in range(count)], strict=True))


def text_of(rows, header="age,fare,kind,y"):
    lines = [",".join("" if value is None else str(value) for value in row) for row in rows]
    return "\n".join([header, *lines]) + "\n"


def prepared(tmp_path, prepare, columns, *, text=None, width=1, **more):
    return from_csv(
        tmp_path, text or text_of(some_rows()), columns, prepare=prepare, shape=(width,), **more
    )


def columns_of(data, part, column):
    """Return raw values of the rows of a part, by the numbers that stand in the column `id`."""
    ids = getattr(data, part).inputs["features"][:, 0].astype(int)
    return [some_rows()[i][column] for i in ids]


def with_ids(tmp_path, prepare, column, width):
    rows = [(i, *row) for i, row in enumerate(some_rows())]
    text = text_of(rows, "id,age,fare,kind,y")
    return from_csv(
        tmp_path, text, ["id", column], prepare=prepare, shape=(1 + width,), validation=0.3
    )


@pytest.mark.parametrize("strategy", ["mean", "median"])
@pytest.mark.parametrize("scale", SCALERS)
def test_numbers_are_filled_and_scaled_as_scikit_learn_does(tmp_path, strategy, scale):
    prepare = {"age": {"missing": strategy, "indicator": True, "scale": scale}}
    data = with_ids(tmp_path, prepare, "age", 2)
    raw = {
        part: np.array(columns_of(data, part, 0), dtype=float)[:, None]
        for part in ("train", "validation")
    }
    theirs = make_pipeline(SimpleImputer(strategy=strategy), SCALERS[scale]()).fit(raw["train"])
    for part, values in raw.items():
        given = getattr(data, part).inputs["features"]
        assert given[:, 1:2] == pytest.approx(theirs.transform(values), rel=1e-6, abs=1e-6)
        assert (given[:, 2] == np.isnan(values[:, 0])).all()
        assert np.isnan(values).any()


def test_quantiles_are_those_of_scikit_learn(tmp_path):
    values = np.random.default_rng(SEED).normal(size=250)
    text = text_of([(value, 0, i % 2) for i, value in enumerate(values)], "a,b,y")
    data = from_csv(tmp_path, text, ["a"], prepare={"a": {"scale": "quantile"}}, shape=(1,))
    theirs = QuantileTransformer(n_quantiles=101, subsample=None).fit_transform(values[:, None])
    assert data.train.inputs["features"] == pytest.approx(theirs, abs=1e-6)


def test_equal_numbers_have_the_middle_of_their_shares(tmp_path):
    rows = [(value, 0, i % 2) for i, value in enumerate([1, 2, 2, 2, 3])]
    text = text_of(rows, "a,b,y")
    data = from_csv(tmp_path, text, ["a"], prepare={"a": {"scale": "quantile"}}, shape=(1,))
    assert data.train.inputs["features"][:, 0] == pytest.approx([0, 0.5, 0.5, 0.5, 1])
    made = data.preprocessing.inputs["features"].prepared[0].scaling[0]
    assert made.apply(np.array([-5.0, 9.0])).tolist() == [0, 1]
    # Of numbers that are all alike nothing is known.
    same = from_csv(
        tmp_path, text_of([(4, 0, 0), (4, 0, 1)], "a,b,y"), ["a"],
        prepare={"a": {"scale": "quantile"}}, shape=(1,),
    )  # fmt: skip
    assert same.train.inputs["features"].tolist() == [[0.5], [0.5]]


STAMPS = ["2024-02-29 23:59:58", "1999-12-31 00:00:00", "2021-07-04 12:30:15"]


def test_dates_become_their_parts(tmp_path):
    text = "".join(f"{stamp},{i % 2}\n" for i, stamp in enumerate(STAMPS))
    parts = ["year", "month", "day", "weekday", "day_of_year", "hour", "minute", "second"]
    how = {"date": parts, "format": "%Y-%m-%d %H:%M:%S"}
    data = from_csv(tmp_path, f"t,y\n{text}", ["t"], prepare={"t": how}, shape=(8,))
    given = [datetime.strptime(stamp, how["format"]) for stamp in STAMPS]
    expected = [
        [each.year, each.month, each.day, each.isoweekday(), each.timetuple().tm_yday, each.hour,
         each.minute, each.second]
        for each in given
    ]  # fmt: skip
    assert data.train.inputs["features"].tolist() == expected
    cycles = {"month": 12, "weekday": 7, "hour": 24}
    how = {"date": ["year", *cycles], "format": how["format"], "cyclic": True, "scale": "min_max"}
    data = from_csv(tmp_path, f"t,y\n{text}", ["t"], prepare={"t": how}, shape=(7,))
    angles = np.array([[each.month - 1, each.isoweekday() - 1, each.hour] for each in given])
    angles = 2 * np.pi * angles / list(cycles.values())
    features = data.train.inputs["features"]
    assert features[:, 0] == pytest.approx([1, 0, 22 / 25])
    assert features[:, 1::2] == pytest.approx(np.sin(angles), abs=1e-6)
    assert features[:, 2::2] == pytest.approx(np.cos(angles), abs=1e-6)
    # Parquet has dates that are no text.
    rows = read(tmp_path / "rows.csv")
    typed = rows.with_columns(pl.Series("t", given))
    for each in (typed, typed.with_columns(pl.col("t").dt.replace_time_zone("Asia/Tokyo"))):
        assert (data.preprocessing.apply(each)["features"] == features).all()


def test_missing_dates_are_a_constant_one_and_say_so(tmp_path):
    how = {"date": ["year", "month"], "missing": {"constant": "2000-06-01"}, "indicator": True}
    text = "t,y\n2024-02-29,0\n,1\n"
    data = from_csv(tmp_path, text, ["t"], prepare={"t": how}, shape=(3,))
    assert data.train.inputs["features"].tolist() == [[2024, 2, 0], [2000, 6, 1]]


@pytest.mark.parametrize(
    "day", ["2023-02-29", "2023-2-01", "23-02-01", "2023/02/01", "2023-02-01 10:00", "0999-01-01"]
)
def test_what_is_no_date_of_the_form_is_told(tmp_path, day):
    text = f"t,y\n2024-02-29,0\n{day},1\n"
    with pytest.raises(DataError, match=rf'line 3: column "t", row 2: "{day}" is no date of the'):
        from_csv(tmp_path, text, ["t"], prepare={"t": {"date": "year"}}, shape=(1,))


def test_several_scales_go_one_after_the_other(tmp_path):
    data = with_ids(tmp_path, {"fare": {"scale": ["log", "standard"]}}, "fare", 1)
    raw = np.array(columns_of(data, "train", 1))[:, None]
    expected = StandardScaler().fit_transform(np.log1p(raw))
    assert data.train.inputs["features"][:, 1:] == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_categories_are_as_scikit_learn_encodes_them_and_rare_ones_are_others(tmp_path):
    prepare = {
        "kind": {
            "missing": {"constant": "none"},
            "categories": {"encoding": "one_hot", "unknown": "bucket", "min_count": 13},
        }
    }
    rows = [[kind or "none"] for *_, kind, _ in some_rows()]
    data = from_csv(
        tmp_path, text_of(some_rows()), ["kind"], prepare=prepare, shape=(5,), validation=0
    )
    encoder = OneHotEncoder(min_frequency=13, handle_unknown="infrequent_if_exist")
    theirs = encoder.fit_transform(rows).toarray()
    known = data.preprocessing.inputs["features"].prepared[0].vocabulary
    assert known == tuple(sorted({*encoder.categories_[0]} - {*encoder.infrequent_categories_[0]}))
    # Theirs has the others last.
    given = data.train.inputs["features"]
    assert (given == np.concatenate([theirs[:, -1:], theirs[:, :-1]], axis=1)).all()


def test_all_is_learned_of_the_training_rows_alone(tmp_path):
    rows = some_rows()
    prepare = {
        "age": {"missing": "mean", "scale": "standard"},
        "kind": {
            "missing": "most_frequent",
            "categories": {"encoding": "index", "unknown": "bucket"},
        },
    }
    columns, more = ["age", "kind"], {"width": 2, "validation": 0.3, "test": 0.2}
    first = prepared(tmp_path, prepare, columns, text=text_of(rows), **more)
    order = with_order(tmp_path)
    changed = [
        row if i in order["train"] else (1e6, row[1], "new", row[3]) for i, row in enumerate(rows)
    ]
    second = prepared(tmp_path, prepare, columns, text=text_of(changed), **more)
    assert first.preprocessing == second.preprocessing
    assert (first.train.inputs["features"] == second.train.inputs["features"]).all()
    assert (second.validation.inputs["features"][:, 1] == 0).all()  # each is an unknown one
    assert (second.test.inputs["features"][:, 0] > 1000).all()


def with_order(tmp_path):
    rows = [(i, *row) for i, row in enumerate(some_rows())]
    data = from_csv(
        tmp_path, text_of(rows, "id,age,fare,kind,y"), ["id"], shape=(1,), validation=0.3, test=0.2
    )
    parts = ("train", "validation", "test")
    return {part: set(getattr(data, part).inputs["features"][:, 0].astype(int)) for part in parts}


def test_standardize_is_of_numbers_without_a_scale_of_their_own(tmp_path):
    prepare = {"kind": {"missing": "most_frequent", "categories": "one_hot"},
               "age": {"missing": "median", "scale": "none"}}  # fmt: skip
    data = prepared(tmp_path, prepare, ["age", "fare", "kind"], width=7, standardize=True)
    given = data.train.inputs["features"].astype(float)
    assert given[:, 0].mean() > 10
    assert given[:, 1].mean() == pytest.approx(0, abs=1e-6)
    assert given[:, 1].std() == pytest.approx(1, abs=1e-6)
    assert set(np.unique(given[:, 2:])) == {0, 1}


def test_a_pattern_prepares_all_columns_that_it_matches(tmp_path):
    rows = [(i, i * i, 3, i % 2) for i in range(8)]
    text = text_of(rows, "f1,f2,g,y")
    prepare = {"f2": {"scale": "none"}, "f*": {"scale": "min_max"}}
    data = from_csv(tmp_path, text, ["*"], prepare=prepare, shape=(3,))
    assert data.train.inputs["features"].max(axis=0).tolist() == [1, 49, 3]


def test_prediction_repeats_it_from_its_record(tmp_path):
    prepare = {
        "age": {"missing": "median", "indicator": True, "scale": ["log", "robust"]},
        "kind": {"missing": {"constant": "none"}, "categories": "one_hot"},
    }
    data = prepared(tmp_path, prepare, ["age", "fare", "kind"], width=9)
    again = Preprocessing.from_json(data.preprocessing.to_json())
    assert again == data.preprocessing
    rows = read(tmp_path / "rows.csv").drop("y")
    assert (again.apply(rows)["features"] == data.train.inputs["features"]).all()
    with pytest.raises(DataError, match="is prepared of 3 columns; give the table"):
        again.apply({"features": np.zeros((2, 9))})


def test_types_of_parquet_are_the_same_as_text(tmp_path):
    text = "age,kind,y\n1,1,0\n,2,1\n3,,1\n5,2,0\n"
    prepare = {
        "age": {"missing": "mean"},
        "kind": {"missing": {"constant": 0}, "categories": "one_hot"},
    }
    data = from_csv(tmp_path, text, ["age", "kind"], prepare=prepare, shape=(4,))
    rows = read(tmp_path / "rows.csv")
    for kind in (pl.Float64, pl.Int32):
        typed = rows.with_columns(pl.col("age", "kind").cast(kind))
        assert (data.preprocessing.apply(typed)["features"] == data.train.inputs["features"]).all()
    nan = rows.with_columns(pl.col("age", "kind").cast(pl.Float64).fill_null(float("nan")))
    assert (data.preprocessing.apply(nan)["features"] == data.train.inputs["features"]).all()
    assert data.train.inputs["features"].tolist() == [
        [1, 0, 1, 0], [3, 0, 0, 1], [3, 1, 0, 0], [5, 0, 0, 1]
    ]  # fmt: skip


WRONG = {
    "missing": ({"age": {}}, "1,a,0\n,b,1", r'line 3: column "age", row 2: the value is missing'),
    "text": (
        {"age": {"missing": "mean"}}, "1,a,0\n\nx,b,1", r'column "age", row 3: "x" is not a number'
    ),
    "infinite": (
        {"age": {"missing": "mean"}}, "1,a,0\ninf,b,1", r'row 2: "inf" is not a finite number'
    ),
    "nan": ({"age": {"scale": "log"}}, "1,a,0\nNaN,b,1", r"row 2: the value is missing"),
    "log": (
        {"age": {"scale": ["standard", "log"]}}, "1,a,0\n-9,b,1\n8,b,1\n8,b,1",
        r"row 2: -1\.5\d* has no log\(1 \+ x\)",
    ),
    "all missing": (
        {"age": {"missing": "median"}}, ",a,0\n,b,1", r"every value of the 2 training rows"
    ),
    "listed": (
        {"kind": {"categories": {"encoding": "index", "values": ["a", "blues"]}}},
        "1,a,0\n1,blue,1",
        r'column "kind", row 2: "blue" is none of the 2 categories; did you mean "blues"\?',
    ),
    "rare": (
        {"kind": {"categories": {"encoding": "index", "unknown": "bucket", "min_count": 2}}},
        "1,a,0\n1,b,1", r'"kind": no category is in 2 of the 2 training rows',
    ),
    "no category": ({}, "1,,0\n1,b,1", r'column "kind", row 1: the value is missing'),
    "wide": (
        {"kind": {"categories": "one_hot"}}, "1,a,0\n1,b,1",
        r'is \(2,\), and its columns become 3 numbers: "age" 1, "kind" 2 \(a, b\); give it the '
        r"shape \[3\]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_rows_are_told_with_file_row_and_column(tmp_path, name):
    prepare, rows, message = WRONG[name]
    columns, shape = ["age", "kind"], (2,)
    prepare = {"kind": {"categories": "index"}, **prepare}
    with pytest.raises(DataError, match=message) as caught:
        from_csv(tmp_path, f"age,kind,y\n{rows}\n", columns, prepare=prepare, shape=shape)
    assert str(caught.value).startswith(str(tmp_path / "rows.csv"))


SPEC = """\
nnspec: 1
name: Net
inputs: {x: {shape: [2]}}
layers: [{type: dense, units: 1, activation: sigmoid}]
data: {source: rows.csv, features: {x: [age, kind]}, target: y, prepare: {age: %s}}
training: {task: binary}
"""
CONTRADICTIONS = {
    "{scale: zscore}": '"standard", "min_max"',
    "{indicator: true}": "which `missing` refuses",
    "{missing: most_frequent}": "`missing` of numbers is",
    "{missing: {constant: x}}": "`missing` of numbers is",
    "{scale: [log, none]}": "not both",
    "{categories: index, scale: log}": "categories have no `scale`",
    "{categories: index, missing: mean}": "categories have no mean",
    "{categories: {encoding: index, min_count: 3}}": "needs `unknown: bucket`",
    "{categories: {encoding: index, values: [a, a]}}": '"a" is listed twice',
    "{categories: {encoding: index, values: [' a']}}": "no spaces around them",
    "{categories: {}}": "needs `encoding`",
    "{date: [year], cyclic: true}": "years do not come again",
    "{date: [month], cyclic: true, scale: log}": "all of these are cyclic",
    "{date: [day, day]}": "listed twice",
    "{date: [days]}": 'did you mean "day"',
    "{cyclic: true}": "is of dates",
    "{date: hour}": "the part hour needs %H in `format`",
    "{date: year, format: '%d/%m/%y'}": "`format` %d/%m/%y is none of",
    "{date: year, format: '%Y%m%d'}": "with one of",
    "{date: year, format: '%Y-%m-%d%Y'}": "each once",
    "{date: year, format: '%Y-%m-%d(a+)+'}": "with one of",
    "{date: year, missing: mean}": "dates have no mean",
    "{date: year, missing: {constant: 2023-02-30}}": "is no date of the form",
    "{date: year, categories: index}": "dates or categories, not both",
    "{categorys: index}": 'did you mean "categories"',
}


@pytest.mark.parametrize("text", CONTRADICTIONS)
def test_what_contradicts_itself_is_refused_where_it_stands(text):
    with pytest.raises(SpecError) as caught:
        loads(SPEC % text)
    (problem,) = caught.value.problems
    assert CONTRADICTIONS[text] in problem.message
    assert problem.mark.line == 4


def test_widths_that_are_known_are_checked_without_rows(tmp_path):
    text = (
        "{missing: mean, indicator: true}, kind: {categories: {encoding: one_hot, values: [a, b]}}"
    )
    (advice,) = (a for a in loads(SPEC % text).advice if a.code == "not-trainable")
    assert "its columns become 4 numbers: age 2, kind 2" in advice.message
    assert advice.hint == "give it the shape [4]"
    assert not loads((SPEC % text).replace("shape: [2]", "shape: [4]")).advice


def test_a_misspelt_column_is_told_with_what_may_be_meant():
    with pytest.raises(SpecError) as caught:
        loads((SPEC % "{missing: mean}").replace("prepare: {age", "prepare: {agee"))
    (problem,) = caught.value.problems
    assert problem.code == "unknown-column"
    assert problem.message.endswith('which is no column of `features`; did you mean "age"?')
    assert problem.fix.title == "write age"
    assert not problem.fix.is_safe


def test_an_embedding_has_a_row_for_each_category(tmp_path):
    document = """\
nnspec: 1
name: Net
inputs: {kind: {shape: [], dtype: int64}}
layers:
  - {name: rows, type: embedding, input_dim: 2, output_dim: 3}
  - {type: dense, units: 1, activation: sigmoid}
data: {source: rows.csv, features: {kind: kind}, target: y, validation: 0,
       prepare: {kind: {categories: {encoding: index, unknown: bucket}}}}
training: {task: binary}
"""
    from nnspec.data.rows import load_data

    (tmp_path / "rows.csv").write_text("kind,y\na,0\nb,1\n", encoding="utf-8")
    with pytest.raises(DataError, match=r'"kind" has others and 2 .* takes 0 to 1; let it take 3'):
        load_data(loads(document, path=tmp_path / "net.yaml"))
    wide = check(loads(document.replace("input_dim: 2", "input_dim: 3"), path=tmp_path / "n.yaml"))
    assert load_data(wide).train.inputs["kind"].tolist() == [1, 2]


def test_other_rows_are_prepared_by_what_the_spec_has_learned(tmp_path):
    """As `nnspec verify --data` reads them: their own categories are other inputs."""
    prepare = {"kind": {"categories": {"encoding": "one_hot", "unknown": "bucket"}}}
    from_csv(tmp_path, "kind,y\na,0\nb,1\n", ["kind"], prepare=prepare, shape=(3,))
    (tmp_path / "others.csv").write_text("kind,y\nb,0\nc,1\nd,1\n", encoding="utf-8")
    spec = spec_of(
        tmp_path, "rows.csv", {"features": ["kind"]}, "y", task="binary", shape=(3,),
        prepare=prepare, validation=0,
    )  # fmt: skip
    inputs, target = read_rows(spec, tmp_path / "others.csv")
    assert inputs["features"].tolist() == [[0, 0, 1], [1, 0, 0], [1, 0, 0]]
    assert target.tolist() == [[0], [1], [1]]


def test_arrays_are_not_prepared():
    with pytest.raises(SpecError, match="the source has arrays"):
        loads((SPEC % "{missing: mean}").replace("rows.csv", "rows.npz"))
