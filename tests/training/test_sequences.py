"""The specs of specs/sequences: right, with rows that fit, of data that their script makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import nnspec
from nnspec.data.rows import load_data
from scripts.make_sequences import DATA, LENGTH, SIGNS, text, tides, waves

FOLDER = Path(__file__).parents[2] / "specs" / "sequences"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_spec_is_right_and_its_rows_fit(path: Path) -> None:
    spec = nnspec.load(path)
    assert spec.advice == ()
    data = load_data(spec)
    assert len(data.train) > 500


def test_the_tables_are_what_the_script_writes() -> None:
    for name, made in (("waves", waves()), ("tides", tides())):
        assert pl.read_csv(DATA / f"{name}.csv").equals(made), name


def test_the_text_is_signs_of_pages_each_followed_by_the_next() -> None:
    # The pages go on being written; the file is of one day's.
    for arrays in (dict(np.load(DATA / "pages.npz")), text()):
        ids, after = arrays["text"], arrays["next"]
        assert ids.shape == after.shape == (len(ids), LENGTH)
        assert ids.max() < len(SIGNS)
        assert (ids.ravel()[1:] == after.ravel()[:-1]).all()
    assert "".join(dict.fromkeys(SIGNS)) == SIGNS


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_the_waves_are_told_apart_as_stated(backend: str, tmp_path: Path) -> None:
    run = nnspec.train(FOLDER / "waves_lstm.yaml", backend, tmp_path / "run")
    assert run.test is not None
    assert run.test["accuracy"] >= 0.93
