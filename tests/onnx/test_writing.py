"""Tensors as they are written: turned tile by tile, large ones made beside the writing."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx_cases import random_weights, spec_of

from nnspec.errors import UsageError
from nnspec_onnx import backend
from nnspec_onnx.context import transposed
from nnspec_onnx.module import Module

SHAPES = ((1, 1), (3, 5), (64, 128), (65, 129), (200, 63), (1, 300))


@pytest.mark.parametrize("shape", SHAPES)
def test_transposed(shape):
    matrix = np.random.default_rng(0).normal(size=shape)
    turned = transposed(matrix)
    assert turned.flags.c_contiguous
    np.testing.assert_array_equal(turned, matrix.T)


@pytest.mark.parametrize("external", [False, True])
def test_large_and_small_tensors_are_written_in_their_places(tmp_path, external):
    # Matrices of a sequence are turned, those of more than a mebibyte in a thread.
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
