"""Large arrays lie in files that two processes share, and are what they were."""

from __future__ import annotations

import gc
import io
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import nnspec
from nnspec.remote import frames, kept
from nnspec.remote.kept import Kept, keep
from nnspec.remote.processes import Workers
from nnspec.verification import state as state_module
from nnspec.verification.settings import Settings
from nnspec.verification.tolerance import Amplification, Perturbed
from nnspec.verification.verifier import verify_spec
from nnspec.weights.canonical import initial_weights

SPECS = Path(__file__).parents[2] / "specs"
SEED = 7


def _arrays() -> dict[str, Any]:
    draw = np.random.default_rng(SEED)
    return {
        "weight": draw.normal(size=(1200, 2000)),
        "single": draw.normal(size=(300, 100)).astype("float32").T,
        "small": np.arange(3),
        "scalar": np.array(2.5),
        "empty": np.zeros((0, 4)),
    }


def _same(found: Any, arrays: dict[str, Any]) -> bool:
    return list(found) == list(arrays) and all(
        np.array_equal(found[name], array)
        and found[name].dtype == array.dtype
        and found[name].shape == array.shape
        for name, array in arrays.items()
    )


def test_kept_arrays_are_what_they_were_and_change_in_memory_alone(tmp_path: Path) -> None:
    arrays = _arrays()
    found = keep(arrays, tmp_path)
    assert _same(found, arrays)
    held = found["weight"]
    assert found["weight"] is held
    held[0, 0] = 9.0
    del held
    assert found["weight"][0, 0] == arrays["weight"][0, 0]
    found["weight"] = np.ones(2)
    assert found["weight"].tolist() == [1.0, 1.0]
    del found["small"]
    assert "small" not in found
    assert len(found) == 4


def test_the_file_goes_with_what_was_read_of_it(tmp_path: Path) -> None:
    arrays = _arrays()
    stream = io.BytesIO()
    frames.write(stream, {"result": arrays}, tmp_path)
    assert len(stream.getvalue()) < 2000
    stream.seek(0)
    found = frames.read(stream)["result"]
    assert isinstance(found, Kept)
    assert _same(found, arrays)
    assert len(list(tmp_path.iterdir())) == 1
    del found
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_what_is_kept_is_sent_as_its_place_and_stays(tmp_path: Path) -> None:
    arrays = _arrays()
    mine = keep(arrays, tmp_path)
    stream = io.BytesIO()
    frames.write(stream, mine)
    stream.seek(0)
    found = frames.read(stream)
    assert _same(found, arrays)
    del found
    gc.collect()
    assert _same(mine, arrays)


def test_a_copy_of_kept_arrays_may_have_others_in_their_place(tmp_path: Path) -> None:
    arrays = _arrays()
    mine = keep(arrays, tmp_path)
    other = mine.copy()
    held = mine["weight"]
    assert other["weight"] is held
    other["weight"] = np.broadcast_to(np.float64(3.0), (1200, 2000))
    stream = io.BytesIO()
    frames.write(stream, other)
    assert len(stream.getvalue()) < 10_000  # one number, and not all of them
    stream.seek(0)
    assert _same(frames.read(stream), arrays | {"weight": np.full((1200, 2000), 3.0)})
    assert _same(mine, arrays)


def test_perturbed_weights_are_sent_as_their_recipe(tmp_path: Path) -> None:
    arrays = {name: array for name, array in _arrays().items() if name != "small"}
    sizes = {"weight": 1e-3, "single": 1e-6, "scalar": 1e-1, "empty": 1.0}
    mine = Perturbed(keep(arrays, tmp_path), sizes, SEED)
    stream = io.BytesIO()
    frames.write(stream, {"weights": mine}, tmp_path)
    assert len(stream.getvalue()) < 3000
    stream.seek(0)
    found = frames.read(stream)["weights"]
    assert isinstance(found, Perturbed)
    assert list(found) == list(arrays)
    assert len(found) == len(arrays)
    assert len(list(tmp_path.iterdir())) == 1
    for name, array in arrays.items():
        assert np.array_equal(found[name], mine[name])
        change = found[name] / array - 1.0
        assert np.allclose(np.abs(change), sizes[name], rtol=1e-6)
    signs = np.sign(found["weight"] / arrays["weight"] - 1.0)
    assert 0.49 < (signs > 0).mean() < 0.51
    assert not np.array_equal(Perturbed(arrays, sizes, SEED + 1)["weight"], mine["weight"])


def test_a_large_network_is_perturbed_as_a_small_one_is(tmp_path: Path) -> None:
    spec = nnspec.load(SPECS / "digits_cnn.yaml")
    weights = initial_weights(spec.graph, SEED)
    small = Amplification(spec.graph, cast("Any", None), weights, SEED)
    kept_weights = cast("Any", keep(weights, tmp_path))
    large = Amplification(spec.graph, cast("Any", None), kept_weights, SEED)
    found, other = (
        each.changed(2.0**-24, np.random.default_rng(SEED), by_length=True)
        for each in (small, large)
    )
    assert isinstance(other, Perturbed)
    for name, array in found.items():
        assert array.shape == other[name].shape
        assert np.array_equal(
            np.abs(array - weights[name]) > 0, np.abs(other[name] - weights[name]) > 0
        )
        assert np.allclose(array, other[name], rtol=1e-4)


def test_a_full_disk_lets_arrays_be_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(frames, "keep", full)
    stream = io.BytesIO()
    frames.write(stream, _arrays(), tmp_path)
    stream.seek(0)
    assert _same(frames.read(stream), _arrays())


def test_a_process_that_rests_starts_again() -> None:
    with Workers(1) as workers:
        worker = workers.of("onnx")
        worker.ask("collect").result()
        workers.rest(but="onnx")
        assert worker.generation == 1
        workers.rest()
        worker.ask("collect").result()
        assert worker.generation == 2


@pytest.mark.slow
def test_a_large_network_is_verified_through_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that is not: the same checks with the same errors."""
    spec = nnspec.load(SPECS / "digits_cnn.yaml")
    settings = Settings(batch=2, steps=2, exporters=False)

    def checks() -> list[tuple[Any, ...]]:
        with Workers(1) as workers:
            report = verify_spec(spec, settings, workers)
        assert report.passed
        return [(each.kind, each.pair) for each in report.checks]

    small = checks()
    monkeypatch.setattr(state_module, "LARGE", 1000)
    monkeypatch.setattr(kept, "SMALL", 100)
    monkeypatch.setattr(kept, "WORTH", 1000)
    large = checks()
    left_out = {"optimizer", "first_weights"}
    assert [each for each in small if each[0] not in left_out] == large
