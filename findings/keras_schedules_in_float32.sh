#!/bin/sh
# keras 3.15.1 on tensorflow-cpu 2.21.0: with floatx float64 and every variable in float64, the learning
# rate of keras.optimizers.schedules is still computed in float32. Near the end of a cosine, where 1 + cos
# cancels, the rate of a float64 training is off by more than a millionth of itself.
# Exits with 1 if this has changed.
# Output:
#   float32 off by 3e-06
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import math

import keras

keras.config.set_floatx("float64")
optimizer = keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.03, 25))
optimizer.build([keras.Variable([0.0])])
optimizer.iterations.assign(24)
expected = 0.03 * (1 + math.cos(math.pi * 24 / 25)) / 2
rate = optimizer.learning_rate
found = f"{rate.dtype.name} off by {abs(float(rate) / expected - 1):.0e}"
print(found)
raise SystemExit(found != "float32 off by 3e-06")
PYTHON
