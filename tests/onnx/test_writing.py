"""Tensors as they are written: turned in parts, each in its place, or no file at all."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx_cases import random_weights, spec_of

from nnspec.errors import UsageError
from nnspec_onnx import backend
from nnspec_onnx.ir import Initializer
from nnspec_onnx.module import Module, Tensor

SHAPES = ((1, 1), (3, 5), (256, 32), (257, 33), (31, 600), (600, 31), (1, 300))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_turned_matrix_is_put_in_order_in_parts(shape, dtype):
    matrix = np.random.default_rng(0).normal(size=shape)
    turned = Initializer("turned", "float32", shape[::-1], ("given",), np.transpose)
    tensor = Tensor(turned, dtype)
    content = b"".join(tensor.chunks({"given": matrix}))
    assert content == np.ascontiguousarray(matrix.T, dtype).tobytes()
    assert content == tensor.numbers({"given": matrix}).tobytes()


@pytest.mark.parametrize("external", [False, True])
def test_large_and_small_tensors_are_written_in_their_places(tmp_path, external):
    # The matrices of layers on sequences are turned.
    sizes = (600, 500, 7, 700, 800, 3)
    layers = [{"name": f"d{i}", "type": "dense", "units": size} for i, size in enumerate(sizes)]
    spec = spec_of(layers, inputs=("time", 5))
    weights = random_weights(spec.graph, 0)
    path = backend.compile(spec).write(tmp_path / "m.onnx", weights, external_data=external)
    model = onnx.load(path)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for name, array in weights.items():
        single = array.astype(np.float32)
        if name.endswith("weight"):
            np.testing.assert_array_equal(stored[f"{name}_transposed"], single.T)
        else:
            np.testing.assert_array_equal(stored[name], single)


def test_an_error_while_a_tensor_is_made_leaves_no_file(tmp_path):
    class Lost(dict):
        """Weights of which one cannot be read when its turn comes."""

        def __getitem__(self, name):
            if name == "d.weight":
                raise OSError("the disk is gone")
            return super().__getitem__(name)

    spec = spec_of([{"name": "d", "type": "dense", "units": 600}], inputs=("time", 600))
    weights = Lost(random_weights(spec.graph, 0))
    with pytest.raises(UsageError, match="the disk is gone"):
        Module(backend.compile(spec).network).write(tmp_path / "m.onnx", weights)
    assert not list(tmp_path.iterdir())
