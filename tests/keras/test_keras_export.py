"""What Keras's own ONNX exporter writes, run by onnxruntime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from keras_cases import ACTIVATIONS, IMAGE_LAYERS, activation_of, arrays_of, random_weights, spec_of

from nnspec.errors import UnsupportedError, UsageError
from nnspec_keras import backend

REFUSED = {"conv_grouped"}
"""What tf2onnx writes as a model that ONNX refuses."""


def exported(spec, path, opset=18):
    """Return how far the exported model is from the Keras one, and the model."""
    inputs = {name: value.astype("float32") for name, value in arrays_of(spec.graph).items()}
    program = backend.compile(spec).build(random_weights(spec.graph))
    program.export_onnx(path, opset)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = list(spec.graph.outputs)
    given = dict(zip(names, session.run(names, inputs), strict=True))
    expected = program.forward(inputs)
    error = max(np.abs(given[name] - expected[name]).max() for name in names)
    return error, onnx.load(path)


def image_spec(case, data_format="channels_first"):
    fields, _ = IMAGE_LAYERS[case]
    if fields.get("axis") == "channels":
        fields = {**fields, "axis": 0 if data_format == "channels_first" else -1}
    first = {"name": "first", "type": "conv2d", "filters": 3, "kernel_size": 1}
    shape = (3, 7, 6) if data_format == "channels_first" else (7, 6, 3)
    return spec_of([first, {"name": "layer", **fields}], inputs=shape, data_format=data_format)


@pytest.mark.slow
@pytest.mark.parametrize("case", IMAGE_LAYERS)
def test_layer_of_images(case, tmp_path):
    if case in REFUSED:
        with pytest.raises(UnsupportedError, match="tf2onnx"):
            exported(image_spec(case), tmp_path / "model.onnx")
        assert not list(tmp_path.iterdir())
        return
    assert exported(image_spec(case), tmp_path / "model.onnx")[0] < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("case", ACTIVATIONS)
def test_activation(case, tmp_path):
    activation, _ = activation_of(case)
    spec = spec_of([{"type": "dense", "units": 4, "activation": activation}])
    assert exported(spec, tmp_path / "model.onnx")[0] < 1e-6


def test_names_and_dynamic_axes_are_the_specs(tmp_path):
    spec = spec_of(
        [
            {"name": "scores", "type": "dense", "units": 2, "inputs": ["b"]},
            {"name": "gains", "type": "dense", "units": 3, "inputs": ["a"]},
        ],
        inputs={"b": ("time", 4), "a": (5,)},
        outputs=["gains", "scores"],
    )
    error, model = exported(spec, tmp_path / "model.onnx", opset=21)
    assert error < 1e-6
    assert model.opset_import[0].version == 18  # the newest that tf2onnx writes

    def shapes(values):
        axes = {value.name: value.type.tensor_type.shape.dim for value in values}
        return {name: [axis.dim_param or axis.dim_value for axis in axes[name]] for name in axes}

    assert shapes(model.graph.input) == {"b": ["batch", "time", 4], "a": ["batch", 5]}
    assert shapes(model.graph.output) == {"gains": ["batch", 3], "scores": ["batch", "time", 2]}


def test_too_old_an_opset_is_refused(tmp_path):
    program = backend.compile(spec_of([{"type": "relu"}])).build()
    with pytest.raises(UsageError, match="opsets 13 to 18"):
        program.export_onnx(tmp_path / "model.onnx", 12)
