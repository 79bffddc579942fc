#!/bin/sh
# keras 3.15.1 on tensorflow-cpu 2.21.0: keras.ops.argmax takes 0.0 for larger than -0.0, where its
# documentation, NumPy, PyTorch and TensorFlow give the first of equal elements.
# Exits with 1 if this has changed.
# Output:
#   keras 1 tensorflow 0 numpy 0
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import keras
import numpy as np
import tensorflow as tf

x = np.array([-0.0, 0.0], "float32")
found = f"keras {int(keras.ops.argmax(x))} tensorflow {int(tf.argmax(x))} numpy {x.argmax()}"
print(found)
raise SystemExit(found != "keras 1 tensorflow 0 numpy 0")
PYTHON
