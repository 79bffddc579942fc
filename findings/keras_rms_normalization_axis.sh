#!/bin/sh
# keras 3.15.1 on tensorflow-cpu 2.21.0: layers.RMSNormalization(axis=1) normalises over that axis, and
# multiplies by its scale along the last one. Where the two have one size nothing is said; else the
# call fails. layers.LayerNormalization(axis=1) multiplies along the axis that it normalises.
# Exits with 1 if this has changed.
# Output:
#   rms [[1, 2], [1, 2]] layer [[1, 1], [2, 2]]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import keras
import numpy as np


def scaled(kind):
    """Return by how much a scale of 1 and 2 multiplies each element of a row of two by two."""
    layer = getattr(keras.layers, kind)(axis=1)
    x = np.array([[[1.0, -1.0], [-1.0, 1.0]]])
    once = np.array(layer(x))
    layer.weights[0].assign([1.0, 2.0])
    return np.rint(np.array(layer(x)) / once).astype(int)[0].tolist()


found = f"rms {scaled('RMSNormalization')} layer {scaled('LayerNormalization')}"
print(found)
raise SystemExit(found != "rms [[1, 2], [1, 2]] layer [[1, 1], [2, 2]]")
PYTHON
