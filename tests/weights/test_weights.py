import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save_file

from nnspec.errors import SpecError, UsageError, WeightsError
from nnspec.layers.initializers import INITIALIZERS
from nnspec.layers.rare_initializers import UnitForgetBias
from nnspec.network.loader import loads
from nnspec.support.streams import permutation, stream, truncated_normal, uniform
from nnspec.weights.canonical import (
    _SAMPLERS,
    TRUNCATED_DEVIATION,
    check_weights,
    initial_weights,
    load_weights,
    save_weights,
)


def spec_of(*layers, name="Net", size=300):
    document = {
        "nnspec": 1,
        "name": name,
        "inputs": {"features": {"shape": [size]}},
        "layers": list(layers),
    }
    return loads(json.dumps(document), is_json=True)


def dense(units=200, law="glorot_uniform", **more):
    return {"type": "dense", "units": units, "kernel_initializer": law, **more}


def weight_of(law, seed=0):
    weights = initial_weights(spec_of({**dense(law=law), "name": "d"}).graph, seed)
    return weights["d.weight"]


SPREAD = {
    "glorot_uniform": 2 / 500,
    "glorot_normal": 2 / 500,
    "he_uniform": 2 / 300,
    "he_normal": 2 / 300,
}


@pytest.mark.parametrize("law", SPREAD)
@pytest.mark.parametrize("seed", [0, 7])
def test_the_moments_are_those_of_the_law(law, seed):
    weight = weight_of(law, seed)
    count = weight.size  # 60000: the variance of the mean is σ²/n, of the variance at most 2σ⁴/n
    assert abs(weight.mean()) < 5 * np.sqrt(SPREAD[law] / count)
    assert weight.var() == pytest.approx(SPREAD[law], rel=5 * np.sqrt(2 / count))


@pytest.mark.parametrize(("law", "variance"), SPREAD.items())
def test_the_bounds_are_those_of_the_law_and_are_reached(law, variance):
    weight = np.abs(weight_of(law))
    normal = law.endswith("normal")
    limit = 2 * np.sqrt(variance) / TRUNCATED_DEVIATION if normal else np.sqrt(3 * variance)
    assert weight.max() <= limit
    assert weight.max() > 0.999 * limit


def test_a_normal_law_is_normal_and_a_uniform_one_uniform():
    # Shares within half of the limit: Φ(1) - Φ(-1) over Φ(2) - Φ(-2), and one half.
    for law, share in [("he_normal", 0.682689 / 0.954500), ("he_uniform", 0.5)]:
        weight = np.abs(weight_of(law))
        assert np.mean(weight < weight.max() / 2) == pytest.approx(share, abs=0.01)


def test_fixed_laws():
    spec = spec_of(
        dense(3, "zeros", name="a", bias_initializer={"type": "constant", "value": -1.5}),
        dense(2, "ones", name="b"),
    )
    weights = initial_weights(spec.graph, 3)
    assert not weights["a.weight"].any()
    assert (weights["a.bias"] == -1.5).all()
    assert (weights["b.weight"] == 1).all()
    assert weights["b.weight"].shape == (2, 3)


def test_the_identity_is_of_a_matrix_of_one_layer():
    spec = spec_of(dense(3, {"type": "identity", "gain": 2.0}, name="a"))
    weights = initial_weights(spec.graph, 0)
    assert (weights["a.weight"] == 2 * np.eye(*weights["a.weight"].shape)).all()
    cut = {"type": "reshape", "shape": [30, 10]}
    for wrong in (
        [dense(3, "zeros", bias_initializer="identity")],
        [cut, {"type": "lstm", "units": 3, "recurrent_initializer": "identity"}],
        [cut, {"type": "conv1d", "filters": 3, "kernel_size": 1, "kernel_initializer": "identity"}],
    ):
        with pytest.raises(SpecError, match="identity is of a matrix"):
            spec_of(*wrong)


def test_every_initializer_has_a_law():
    assert set(_SAMPLERS) == {*INITIALIZERS.values(), UnitForgetBias}


def test_a_parameter_depends_on_its_name_and_the_seed_alone():
    small = spec_of(dense(4, name="one"))
    large = spec_of(dense(300, name="zero"), dense(4, name="one"), dense(4, name="two"))
    first, second = initial_weights(small.graph, 5), initial_weights(large.graph, 5)
    assert (first["one.weight"] == second["one.weight"]).all()
    assert not (first["one.weight"] == initial_weights(small.graph, 6)["one.weight"]).any()
    twin = initial_weights(spec_of(dense(4, name="twin")).graph, 5)
    assert not (first["one.weight"] == twin["twin.weight"]).any()


def test_the_numbers_are_the_same_on_every_machine():
    assert stream("weights", 0, "a").random_raw(2).tolist() == [
        11438668473370985557,
        10514979126502063405,
    ]
    assert permutation(6, "order", 0).tolist() == [3, 1, 2, 0, 4, 5]
    assert uniform(stream("u", 1), 2).tolist() == pytest.approx(
        [0.5550829385331445, 0.03380285825921747], abs=0
    )
    assert truncated_normal(stream("n", 1), 2).tolist() == pytest.approx(
        [0.24337340275652009, 0.4804869957774764], rel=1e-14
    )


def test_streams_of_no_length():
    assert uniform(stream("u"), 0).shape == (0,)
    assert permutation(0, "u").shape == (0,)


def test_a_file_keeps_tensors_and_metadata(tmp_path):
    weights = {"a.weight": np.arange(6.0).reshape(2, 3).T, "a.scale": np.array(0.1)}
    path = save_weights(tmp_path / "w.safetensors", weights, {"spec_name": "Net"})
    loaded = load_weights(path)
    assert loaded.metadata == {"format": "nnspec", "spec_name": "Net"}
    assert set(loaded) == set(weights)
    for name, tensor in weights.items():
        assert loaded[name].dtype == np.float32
        assert loaded[name].shape == tensor.shape
        assert (loaded[name] == tensor.astype(np.float32)).all()


def test_a_file_can_keep_exact_types(tmp_path):
    weights = {"w": np.array([0.1]), "step": np.array(3, dtype=np.int64)}
    loaded = load_weights(save_weights(tmp_path / "w.safetensors", weights, dtype=None))
    assert [loaded[name].dtype for name in ("w", "step")] == [np.float64, np.int64]
    assert loaded["w"][0] == 0.1


def test_a_mapped_file_gives_the_same_and_cannot_be_written_to(tmp_path):
    weights = {
        "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
        "double": np.array([0.1, -2.0]),
        "step": np.array(3, dtype=np.int64),
        "flags": np.array([True, False, True]),
        "none": np.zeros((0, 4)),
        "half": np.array([0.5], dtype=np.float16),
    }
    path = save_weights(tmp_path / "w.safetensors", weights, {"spec_name": "Net"}, dtype=None)
    read, mapped = load_weights(path), load_weights(path, mapped=True)
    assert mapped.metadata == read.metadata
    assert mapped.keys() == read.keys()
    for name, tensor in read.items():
        assert (mapped[name].dtype, mapped[name].shape) == (tensor.dtype, tensor.shape)
        np.testing.assert_array_equal(mapped[name], tensor)
        assert not mapped[name].flags.writeable


def test_equal_weights_give_equal_files(tmp_path):
    metadata = {f"key{i}": '"é\n' for i in range(6)}
    texts = {
        save_weights(tmp_path / "w.safetensors", {"w": np.ones(3)}, metadata).read_bytes()
        for _ in range(20)
    }
    assert len(texts) == 1
    assert load_weights(tmp_path / "w.safetensors").metadata == {"format": "nnspec", **metadata}


def test_a_value_too_large_for_the_file_is_refused(tmp_path):
    with pytest.raises(WeightsError, match='"w" holds a value that float32 cannot'):
        save_weights(tmp_path / "w.safetensors", {"w": np.array([1e300])})
    assert not list(tmp_path.iterdir())


def header(text, *, size=None):
    return struct.pack("<Q", len(text) if size is None else size) + text


HOSTILE = {
    "empty": b"",
    "short": b"\x01\x02",
    "huge header": header(b"{}", size=2**63),
    "no json": header(b"not json"),
    "a list": header(b"[1, 2]"),
    "not utf-8": header(b'{"\xff": 1}'),
    "past the end": header(b'{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'),
    "wrong length": header(b'{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,8]}}') + bytes(8),
    "overflow": header(
        b'{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}'
    ),
    "negative": header(b'{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}') + bytes(4),
    "overlap": header(
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        b'"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    )
    + bytes(4),
    "unknown type": header(b'{"w":{"dtype":"Q9","shape":[1],"data_offsets":[0,4]}}') + bytes(4),
    "float8": header(b'{"w":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}') + bytes(4),
    "metadata": header(b'{"__metadata__":{"a":1}}'),
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
    "deep": header(b"[" * 100_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_broken_file_is_a_weights_error(tmp_path, name):
    path = tmp_path / "w.safetensors"
    path.write_bytes(HOSTILE[name])
    for mapped in (False, True):
        with pytest.raises(WeightsError, match=r"w\.safetensors"):
            load_weights(path, mapped=mapped)


def test_random_damage_never_gives_a_traceback(tmp_path):
    path = save_weights(tmp_path / "w.safetensors", {"a": np.ones((2, 3)), "b": np.ones(4)})
    whole = path.read_bytes()
    seed = 20260
    print("seed", seed)
    rng = np.random.default_rng(seed)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), size=rng.integers(1, 4)):
            damaged[at] = rng.integers(0, 256)
        path.write_bytes(bytes(damaged[: rng.integers(len(whole) // 2, len(whole) + 1)]))
        try:
            load_weights(path, mapped=bool(refused % 2))
        except WeightsError:
            refused += 1
    assert refused > 200


def test_a_missing_file_and_a_folder_are_usage_errors(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        load_weights(tmp_path / "w.safetensors")
    with pytest.raises(UsageError, match="is a folder"):
        load_weights(tmp_path)


def test_fitting_weights_pass_in_both_precisions():
    graph = spec_of(dense(4, name="d")).graph
    weights = initial_weights(graph, 0)
    check_weights(graph, weights)
    check_weights(graph, {name: value.astype(np.float32) for name, value in weights.items()})


def test_every_misfit_is_named_at_once():
    graph = spec_of(dense(4, name="a"), dense(4, name="b"), dense(2, name="c")).graph
    weights: dict = initial_weights(graph, 0)
    weights["a.wieght"] = weights.pop("a.weight")
    weights["b.weight"] = weights["b.weight"][:, :3]
    weights["c.weight"] = weights["c.weight"].astype(np.float16)
    weights["c.bias"] = weights["c.bias"].astype(np.int64)
    with pytest.raises(WeightsError) as caught:
        check_weights(graph, weights, file="w.safetensors")
    assert str(caught.value).splitlines() == [
        "w.safetensors: the weights do not fit Net:",
        '  "a.weight" is missing',
        '  "a.wieght" is no parameter; did you mean "a.weight"?',
        '  "b.weight" is (4, 3), and (4, 4) is expected',
        '  "c.weight" is float16, and float32 or float64 is expected',
        '  "c.bias" is int64, and float32 or float64 is expected',
    ]


def test_a_thousand_strangers_are_not_listed_one_by_one():
    graph = spec_of(dense(4, name="a")).graph
    weights = {**initial_weights(graph, 0), **{f"s{i}": np.ones(1) for i in range(1000)}}
    with pytest.raises(WeightsError, match="and 980 more like this"):
        check_weights(graph, weights)


def test_a_file_of_another_program_loads_and_is_checked(tmp_path):
    save_file({"a": np.arange(3)}, tmp_path / "w.safetensors")
    loaded = load_weights(tmp_path / "w.safetensors")
    assert loaded.metadata == {}
    with pytest.raises(WeightsError, match='"a" is no parameter'):
        check_weights(spec_of(dense(1)).graph, loaded)
