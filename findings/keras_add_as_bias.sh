#!/bin/sh
# keras 3.15.1 on tensorflow-cpu 2.21.0: keras.ops.add, and so layers.Add, layers.Average and +, adds a
# column to a square matrix as if it were a row: of shapes (3, 3) and (3, 1) the second goes to
# tf.nn.bias_add. With a batch of as many rows as there are features it is every row's own number that
# becomes a feature's. The other way round, and with any other size, it is right.
# Exits with 1 if this has changed.
# Output:
#   keras [[0, 1, 2], [0, 1, 2], [0, 1, 2]] numpy [[0, 0, 0], [1, 1, 1], [2, 2, 2]]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import keras
import numpy as np

matrix, column = np.zeros((3, 3), int), np.arange(3).reshape(3, 1)
added = np.array(keras.ops.add(matrix, column)).tolist()
found = f"keras {added} numpy {(matrix + column).tolist()}"
print(found)
expected = "keras [[0, 1, 2], [0, 1, 2], [0, 1, 2]] numpy [[0, 0, 0], [1, 1, 1], [2, 2, 2]]"
raise SystemExit(found != expected)
PYTHON
