#!/bin/sh
# tensorflow-cpu 2.21.0 with keras 3.15.1: tf.nn.moments puts stop_gradient around the mean within the variance.
# First derivatives stay right, second ones become wrong, without a word: here the gradient of a gradient
# penalty (as of WGAN-GP) by the weights of a dense layer, through layer normalisation, in float64, against
# central differences. BatchNormalization, LayerNormalization and GroupNormalization of Keras all use it.
# Exits with 1 if this has changed.
# Output:
#   by keras.layers.LayerNormalization: wrong by more than a thousandth of the largest
#   by the mean and variance written out: right
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import keras
import numpy as np
import tensorflow as tf

keras.config.set_floatx("float64")
draw = np.random.RandomState(0)
rows, weights = draw.randn(4, 3), draw.randn(3, 5)
layer = keras.layers.LayerNormalization()


def written_out(x):
    mean = tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean((x - mean) ** 2, -1, keepdims=True)
    return (x - mean) / tf.sqrt(variance + layer.epsilon)


def penalty(normalise, w):
    x = tf.constant(rows)
    with tf.GradientTape() as tape:
        tape.watch(x)
        scores = tf.reduce_sum(tf.sin(normalise(x @ w)))
    slopes = tape.gradient(scores, x)
    return tf.reduce_sum((tf.norm(slopes, axis=1) - 1) ** 2)


def is_right(normalise):
    w = tf.constant(weights)
    with tf.GradientTape() as tape:
        tape.watch(w)
        value = penalty(normalise, w)
    found, expected = tape.gradient(value, w).numpy(), np.zeros_like(weights)
    for place in np.ndindex(weights.shape):
        step = np.zeros_like(weights)
        step[place] = 1e-5
        up, down = (penalty(normalise, tf.constant(weights + s * step)) for s in (1, -1))
        expected[place] = (up - down) / 2e-5
    return np.abs(found - expected).max() < 1e-3 * np.abs(expected).max()


found = is_right(layer), is_right(written_out)
words = {False: "wrong by more than a thousandth of the largest", True: "right"}
print("by keras.layers.LayerNormalization:", words[found[0]])
print("by the mean and variance written out:", words[found[1]])
raise SystemExit(found != (False, True))
PYTHON
