#!/bin/sh
# keras 3.15.1 on its torch backend (torch 2.13.0): AveragePooling1D with padding "same" repeats the
# edge and counts it, where the tensorflow backend and the documentation of TensorFlow leave padding
# out of the mean: the last window of [1, 2, 5, 10], pooled by 3 with strides of 2, holds 5 and 10.
# Exits with 1 if this has changed.
# Output:
#   [2.667, 8.333] where [2.667, 7.5] is right
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy keras==3.15.1 torch==2.13.0
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import os

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np

x = np.array([1, 2, 5, 10], "float32").reshape(1, 4, 1)
pooled = keras.layers.AveragePooling1D(3, 2, padding="same")(x)
values = [round(float(value), 3) for value in keras.ops.convert_to_numpy(pooled).ravel()]
print(values, "where [2.667, 7.5] is right")
raise SystemExit(values != [2.667, 8.333])
PYTHON
