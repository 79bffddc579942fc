#!/bin/sh
# keras 3.15.1 on tensorflow-cpu 2.21.0
#
# `keras.distribution` is there with the TensorFlow backend too: list_devices gives the devices, and DataParallel over two of them
# is made and set without an error or a warning. Training then goes on as without it: every variable is on the first device,
# which computes all rows of each batch. Its guide names JAX; what is called says nothing.
#
# Two logical CPUs, DataParallel over both, one batch of 8 rows: each device should have 4 of them.
#
# Output seen:
#   devices: cpu:0, cpu:1
#   variables on: CPU:0
#   rows computed: 8 on CPU:0
#   warnings: 0
#
# Ends with 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
cat > "$folder/program.py" <<'PROGRAM'
import warnings

import tensorflow as tf

(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import keras
import numpy as np


def short(device):
    return device.rpartition("device:")[2]


class Watched(keras.layers.Layer):
    def call(self, x):
        if hasattr(x, "numpy"):
            seen.append(f"{x.shape[0]} on {short(x.device)}")
        return x


seen = []
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    devices = keras.distribution.list_devices("cpu")
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2), Watched()])
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(np.zeros((8, 4)), np.zeros((8, 2)), batch_size=8, verbose=0)
print("devices:", ", ".join(devices))
print("variables on:", ", ".join(sorted({short(each.value.device) for each in model.variables})))
print("rows computed:", ", ".join(seen))
print("warnings:", len(told))
PROGRAM
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/program.py" 2> "$folder/errors" | tee "$folder/seen" || {
    cat "$folder/errors"
    exit 1
}
grep -qx "devices: cpu:0, cpu:1" "$folder/seen"
grep -qx "variables on: CPU:0" "$folder/seen"
grep -qx "rows computed: 8 on CPU:0" "$folder/seen"
grep -qx "warnings: 0" "$folder/seen"
