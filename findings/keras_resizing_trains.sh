#!/bin/sh
# keras 3.15.1: layers.Resizing is called with training=True unless told otherwise, and Keras hands
# that on to later layers. So model(x), which infers by the documentation, normalises by the batch
# and moves the running mean, and is not what model.predict(x) gives. Exits with 1 if this has changed.
# Output:
#   model(x) as model.predict(x): False; running mean moved: True
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import keras
import numpy as np

keras.utils.set_random_seed(0)
image = keras.Input((4, 4, 1))
x = keras.layers.Resizing(2, 2, interpolation="nearest")(image)
model = keras.Model(image, keras.layers.BatchNormalization(name="norm")(x))
rows = np.random.default_rng(0).normal(3, 2, (8, 4, 4, 1)).astype("float32")
predicted = model.predict(rows, verbose=0)
before = np.array(model.get_layer("norm").moving_mean)
called = np.array(model(rows))
same = bool(np.allclose(called, predicted, atol=1e-3))
moved = not np.array_equal(before, np.array(model.get_layer("norm").moving_mean))
print(f"model(x) as model.predict(x): {same}; running mean moved: {moved}")
raise SystemExit(same or not moved)
PYTHON
