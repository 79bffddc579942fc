"""Convolutions: what the helper class keeps when it is saved, and why the lowering needs it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras_cases import arrays_of, random_weights, spec_of

from nnspec_keras import backend


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_saved_model_with_grouped_transposed_convolutions_is_the_same(tmp_path):
    fields = {"type": "conv2d_transpose", "filters": 4, "kernel_size": [3, 2], "groups": 2}
    first = {**fields, "strides": 2, "output_padding": [1, 0], "activation": "tanh"}
    constant = {"type": "constant", "value": 0.25}
    second = {**fields, "dilation_rate": 2, "use_bias": False, "kernel_initializer": constant}
    spec = spec_of([first, second], inputs=(2, 3, 4))
    model = backend.compile(spec).build(random_weights(spec.graph)).model
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    x = arrays_of(spec.graph)["image"].astype("float32")
    np.testing.assert_array_equal(loaded(x), model(x))


def test_keras_dilates_no_transposed_convolution_here():
    """Once Keras does, only groups need the helper."""
    layer = keras.layers.Conv2DTranspose(2, 3, dilation_rate=2, dtype="float64")
    with pytest.raises(tf.errors.InvalidArgumentError, match="dilation"):
        layer(np.zeros((1, 4, 4, 2)))


def test_tensorflow_takes_windows_of_a_volume_from_elsewhere():
    """Of 3 elements a window of 1 and a stride of 3 should take the first, as in an image."""
    x = np.arange(3.0).reshape(1, 3, 1, 1, 1)
    kernel = np.ones((1, 1, 1, 1, 1))
    volume = tf.nn.conv3d(x, kernel, (1, 3, 1, 1, 1), "SAME")
    image = tf.nn.conv2d(x[..., 0], kernel[..., 0], (1, 3, 1, 1), "SAME")
    assert (float(tf.squeeze(image)), float(tf.squeeze(volume))) == (0, 1)
