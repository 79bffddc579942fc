#!/bin/sh
# keras 3.15.1 on tensorflow-cpu 2.21.0: keras.metrics.R2Score keeps a sum and a sum of squares, and takes their
# difference for the variance, in float32. Of a target that is far from 0 (day numbers around 738,000, deviation
# 100) what is left is rounding: a prediction that is off by 50, whose R2 is 0.75, has 0.96. dtype="float64" does not help:
# what is summed is float64 then, and the variables that hold the sums stay float32.
# Exits with 1 if this has changed.
# Output:
#   R2Score: 0.96, with dtype="float64": 0.96 (sums in float32), of the formula: 0.75
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0 numpy==2.4.6
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import keras
import numpy as np

turns = np.where(np.arange(1000) % 2, 100.0, -100.0)[:, None]
target = 738_000.0 + turns
output = target + np.where(np.arange(1000) % 4 < 2, 50.0, -50.0)[:, None]
right = 1 - ((target - output) ** 2).sum() / ((target - target.mean()) ** 2).sum()
found = []
for dtype in (None, "float64"):
    metric = keras.metrics.R2Score(dtype=dtype)
    for start in range(0, 1000, 100):
        metric.update_state(target[start : start + 100], output[start : start + 100])
    found.append(float(metric.result()))
    held = metric.squared_sum.dtype
told = (
    f'R2Score: {found[0]:.2f}, with dtype="float64": {found[1]:.2f} (sums in {held}), '
    f"of the formula: {right:.2f}"
)
print(told)
raise SystemExit(told != 'R2Score: 0.96, with dtype="float64": 0.96 (sums in float32), of the formula: 0.75')
PYTHON
