"""Rows of a query: of SQLite, and what is said of PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from script_cases import script_of

import nnspec
from nnspec.backend import Options, get_backend
from nnspec.data import databases
from nnspec.data.databases import read_query
from nnspec.data.rows import load_data
from nnspec.errors import DataError, SpecError, UsageError
from nnspec.network.loader import Spec, load
from nnspec.training.runs import RunFolder

SPEC = """\
nnspec: 1
name: Visits
inputs: {{x: {{shape: [4]}}}}
layers:
  - {{name: hidden, type: dense, units: 4, activation: relu}}
  - {{name: chance, type: dense, units: 1, activation: sigmoid}}
training: {{task: binary, optimizer: sgd, epochs: 2}}
data:
  source: {source}
  query: {query}
  features: {{x: [age, ward, score]}}
  target: again
  test: 0.2
  prepare:
    age: {{missing: mean, scale: standard}}
    ward: {{categories: one_hot}}
"""
QUERY = "SELECT age, ward, score, again FROM visits ORDER BY id"


def database(folder: Path, count: int = 60) -> Path:
    path = folder / "visits.db"
    draw = np.random.default_rng(1)
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute("CREATE TABLE visits (id INTEGER PRIMARY KEY, age, ward, score, again)")
        rows = [
            (int(draw.integers(20, 90)) if i % 7 else None, ["north", "south"][i % 2],
             float(draw.normal()), int(draw.integers(0, 2)))
            for i in range(count)
        ]  # fmt: skip
        opened.executemany("INSERT INTO visits (age, ward, score, again) VALUES (?, ?, ?, ?)", rows)
    return path


def spec_of(folder: Path, query: str = QUERY, source: str = "visits.db") -> Spec:
    path = folder / "visits.yaml"
    path.write_text(SPEC.format(source=source, query=json.dumps(query)))
    return load(path)


@pytest.mark.parametrize("source", ["visits.db", "sqlite:///visits.db"])
def test_a_script_has_the_rows_of_the_query(source: str, tmp_path: Path) -> None:
    path = database(tmp_path)
    spec = spec_of(tmp_path, source=source)
    data = load_data(spec)
    assert len(data.train) + len(data.validation or ()) + len(data.test or ()) == 60
    assert data.notes == ()
    taken, record = script_of(spec, "torch").load_data(path)
    for name, part in (("train", data.train), ("validation", data.validation), ("test", data.test)):
        assert part is not None
        np.testing.assert_array_equal(taken[name][0], part.inputs["x"])
        np.testing.assert_array_equal(taken[name][1], part.target)
    told = json.loads(data.preprocessing.to_json())["inputs"]["x"]["prepared"][0]
    assert record["inputs"]["x"]["prepared"][0]["fill"] == told["fill"]


WRONG = {
    "no table": ("SELECT *\nFROM visit\nORDER BY id",
                 r"visits.db, line 2 of the query \(FROM visit\): .* no such table: visit"),
    "no column": ("SELECT age,\n  warden\nFROM visits", r"line 2 of the query \(warden\)"),
    "no SQL": ("SELECT age\nFORM visits", r'line 2 of the query \(FORM visits\): .* near "visits"'),
    "two queries": ("SELECT 1; SELECT 2", "one statement at a time"),
    "no rows": ("SELECT * FROM visits WHERE age > 900", "the query gives no rows"),
    "no question": ("-- nothing", "the query gives no rows"),
    "one name twice": ("SELECT age, age FROM visits", 'the column "age" twice; name one'),
    "a column less": ("SELECT age, ward, again FROM visits", 'there is no column "score"'),
    "bytes": ("SELECT age, ward, x'00ff' AS score, again FROM visits", "of type Binary"),
    "text": ("SELECT age, ward, 'soon' AS score, again FROM visits", 'row 1: "soon" is not a num'),
    "an endless one": ("SELECT age, ward, 1e999 AS score, again FROM visits", '"inf" is not a fin'),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_query_is_told_with_the_words_of_the_database(case: str, tmp_path: Path) -> None:
    path = database(tmp_path)
    query, told = WRONG[case]
    spec = spec_of(tmp_path, query)
    with pytest.raises(DataError, match=told):
        load_data(spec)
    with pytest.raises(ValueError, match=r"visits\.db"):
        script_of(spec, "torch").load_data(path)


@pytest.mark.parametrize(
    "query",
    ["DELETE FROM visits", "DROP TABLE visits", "ATTACH 'other.db' AS o", "PRAGMA user_version = 3",
     "INSERT INTO visits (age) VALUES (1) RETURNING age", "VACUUM INTO 'other.db'"],
)  # fmt: skip
def test_a_query_changes_nothing(
    query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = database(tmp_path)
    before = path.read_bytes()
    with pytest.raises(DataError, match="a query that reads is expected"):
        load_data(spec_of(tmp_path, query))
    assert path.read_bytes() == before
    assert not (tmp_path / "other.db").exists()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    spec = spec_of(tmp_path)
    path = tmp_path / "visits.db"
    with pytest.raises(DataError, match="there is no such file; a file of SQLite"):
        load_data(spec)
    path.write_text("age,ward\n1,north\n" * 100)
    with pytest.raises(DataError, match="file is not a database"):
        load_data(spec)
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="that is a folder"):
        load_data(spec)


def test_a_database_that_ends_in_the_middle_is_told(tmp_path: Path) -> None:
    path = database(tmp_path, 5000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="the database says: database disk image is malformed"):
        load_data(spec_of(tmp_path))


def test_a_query_without_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    monkeypatch.setattr(databases, "MOST", 1000)
    with pytest.raises(DataError, match="more than 1,000 rows; add a LIMIT"):
        read_query(database(tmp_path), endless)


def test_rows_that_changed_are_told_and_other_words_for_them_are_not(tmp_path: Path) -> None:
    path = database(tmp_path)
    nnspec.train(spec_of(tmp_path), "torch", tmp_path / "run", epochs=1)
    same = spec_of(tmp_path, "SELECT again, score, ward, age FROM visits WHERE id > 0 ORDER BY id")
    with pytest.raises(UsageError, match="the data was"):
        nnspec.train(same, "torch", tmp_path / "run", resume=True)  # columns in another order
    same = spec_of(tmp_path, QUERY.replace("SELECT", "SELECT /* all of them */"))
    assert len(nnspec.train(same, "torch", tmp_path / "run", resume=True).history) == 2
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute("UPDATE visits SET score = score + 1 WHERE id = 3")
    with pytest.raises(UsageError, match="the data was"):
        nnspec.train(spec_of(tmp_path), "torch", tmp_path / "run", resume=True, epochs=3)


def test_a_query_without_an_order_is_noted(tmp_path: Path) -> None:
    database(tmp_path)
    (note,) = load_data(spec_of(tmp_path, "SELECT * FROM visits")).notes
    assert "the query has no ORDER BY" in note


# PostgreSQL

SERVER = "postgresql://clerk@db.example:5432/visits"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("postgresql://clerk:s3cret@db.example/visits", "PGPASSWORD"),
        ("postgresql://db.example/visits?user=clerk&password=s3cret", "PGPASSWORD"),
        ("mysql://db.example/visits", "URL of 'mysql'"),
        ("postgresql://db.example", "names no database"),
        ("postgresql://[db/visits", "no readable URL"),
        ("visits.csv", "`query` is of a database"),
    ],
)
def test_a_wrong_source_is_told_without_a_password(source: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=told) as caught:
        spec_of(tmp_path, source=source)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in json.dumps([each.as_json() for each in caught.value.problems])
    assert "s3cret" not in repr(caught.value.__context__)


def test_a_password_is_hidden_beside_any_mistake(tmp_path: Path) -> None:
    text = SPEC.format(source="postgresql://clerk:s3cret@db.example/visits", query="SELECT 1")
    folded = text.replace("\n  ", " ").replace("data: ", "data: {").replace("query:", ", query:")
    path = tmp_path / "visits.yaml"
    path.write_text(folded)
    with pytest.raises(SpecError) as caught:
        load(path)
    assert "s3cret" not in str(caught.value)


def test_a_database_needs_a_query(tmp_path: Path) -> None:
    path = tmp_path / "visits.yaml"
    text = SPEC.format(source=SERVER, query="null").replace("  query: null\n", "")
    path.write_text(text)
    with pytest.raises(SpecError, match="say its rows by `query`"):
        load(path)
    path.write_text(text.replace(SERVER, database(tmp_path).name))
    with pytest.raises(DataError, match=r"a file of SQLite: say its rows by `data\.query`"):
        load_data(load(path))


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, source="postgresql://clerk@127.0.0.1:1/visits")
    with pytest.raises(DataError, match=r"127.0.0.1:1/visits: the database says: .*refused"):
        load_data(spec)
    with pytest.raises(ValueError, match=r"visits: the database says: .*refused"):
        script_of(spec, "torch").load_data(Path("visits"))
    assert not RunFolder(tmp_path / "run").checkpoint.exists()


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_script_of_a_server_names_the_database(backend: str, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, source=SERVER)
    text = get_backend(backend).compile(spec, Options(training=True)).source
    assert 'source = Path("visits")' in text
    assert f'SERVER = "{SERVER}"' in text
    assert "import psycopg\n" in text


def test_an_error_behind_the_last_line_is_told_at_that_line() -> None:
    error = databases._failed("db", "SELECT a FROM t WHERE\n", "syntax error at end of input", 22)
    assert str(error).startswith("db, line 1 of the query (SELECT a FROM t WHERE):")
