"""First weights are drawn in parts, in several threads, and only when they are needed."""

import json
import tracemalloc
from collections import Counter

import numpy as np
import pytest

from nnspec.backend import get_backend
from nnspec.errors import WeightsError
from nnspec.network.loader import loads
from nnspec.support import streams
from nnspec.support.streams import normal, stream, truncated_normal, uniform
from nnspec.weights.canonical import FirstWeights, check_weights, initial_weights
from nnspec_onnx.options import DirectOptions

LAWS = ("glorot_uniform", "he_normal", {"type": "normal", "stddev": 0.02}, "orthogonal")


def deep(layers=8, units=256, law="glorot_uniform", last=()):
    document = {
        "nnspec": 1,
        "name": "Deep",
        "inputs": {"x": {"shape": [units]}},
        "layers": [
            *({"type": "dense", "units": units, "kernel_initializer": law} for _ in range(layers)),
            *last,
        ],
    }
    return loads(json.dumps(document), is_json=True)


def plain_uniform(bits, count):
    return (bits.random_raw(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def plain_normal(bits, pairs):
    radius = np.sqrt(-2.0 * np.log1p(-plain_uniform(bits, pairs)))
    angle = 2.0 * np.pi * plain_uniform(bits, pairs)
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])


def plain_truncated(bits, count):
    found = np.empty(0)
    while len(found) < count:
        numbers = plain_normal(bits, (count - len(found)) * 11 // 20 + 8)
        found = np.concatenate([found, numbers[np.abs(numbers) <= 2.0]])
    return found[:count]


@pytest.mark.parametrize("step", [5, 64, streams.STEP])
@pytest.mark.parametrize("workers", [1, 3])
def test_numbers_drawn_in_parts_are_those_drawn_at_once(monkeypatch, step, workers):
    monkeypatch.setattr(streams, "STEP", step)
    monkeypatch.setattr(streams, "WORKERS", workers)
    monkeypatch.setattr("os.cpu_count", lambda: workers)
    for count in (0, 1, 2, 7, 64, 1001, *([40_001] if step > 5 else [])):
        ours, plain = stream("k", count), stream("k", count)
        for _ in range(2):  # the second time from the middle of a block of the generator
            assert (uniform(ours, count) == plain_uniform(plain, count)).all()
            expected = plain_normal(plain, (count + 1) // 2)[:count]
            assert (normal(ours, count) == expected).all()
            assert (truncated_normal(ours, count) == plain_truncated(plain, count)).all()


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_first_weights_in_float32_are_the_float64_ones_rounded(law):
    graph = deep(2, 200, law).graph
    exact, single = initial_weights(graph, 3), FirstWeights(graph, 3, "float32")
    assert list(single) == list(exact)
    for name, array in exact.items():
        assert array.dtype == np.float64
        assert single[name].dtype == np.float32
        assert (single[name] == array.astype(np.float32)).all()


def test_first_weights_are_a_mapping_that_draws_only_what_is_asked():
    graph = deep(2).graph
    weights = FirstWeights(graph)
    assert len(weights) == len(initial_weights(graph)) == 4
    assert "dense_1.weight" in weights
    assert "dense_9.weight" not in weights
    with pytest.raises(KeyError):
        weights["dense_9.weight"]


def test_weights_known_to_fit_are_not_drawn_to_be_checked(monkeypatch):
    graph, other = deep(2).graph, deep(3).graph
    monkeypatch.setattr(FirstWeights, "__getitem__", lambda *_: pytest.fail("drawn"))
    check_weights(graph, FirstWeights(graph))
    monkeypatch.undo()
    with pytest.raises(WeightsError, match="is missing"):
        check_weights(other, FirstWeights(graph))


@pytest.mark.parametrize("is_external", [True, False])
def test_an_export_without_weights_draws_each_once_and_holds_one_at_a_time(
    tmp_path, monkeypatch, is_external
):
    spec = deep()
    drawn = Counter()
    draw = FirstWeights.__getitem__

    def counted(self, name):
        drawn[name] += 1
        return draw(self, name)

    monkeypatch.setattr(FirstWeights, "__getitem__", counted)
    compiled = get_backend("onnx").compile(spec)
    compiled.write(tmp_path / "warm.onnx")
    drawn.clear()
    tracemalloc.start()
    try:
        compiled.write(tmp_path / "net.onnx", external_data=is_external)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert drawn == dict.fromkeys(FirstWeights(spec.graph), 1)
    largest = 4 * 256**2
    assert peak < 4 * largest + 2**20  # of 8 such, and the parts that are drawn in float64


def test_an_export_without_weights_holds_the_first_weights_to_the_last_bit(tmp_path):
    spec = deep(2, last=[{"type": "batch_normalization"}])
    for fold in (False, True):
        compiled = get_backend("onnx").compile(spec, DirectOptions(fold=fold))
        compiled.write(tmp_path / "drawn.onnx")
        compiled.write(tmp_path / "given.onnx", initial_weights(spec.graph))
        assert (tmp_path / "drawn.onnx").read_bytes() == (tmp_path / "given.onnx").read_bytes()
