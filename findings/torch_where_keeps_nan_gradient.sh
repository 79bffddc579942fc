#!/bin/sh
# torch 2.13.0, CPU, beside tensorflow-cpu 2.21.0: the gradient of where(d > 0, sqrt(d), d) at d = 0, where the
# other branch is chosen and its gradient is 1. PyTorch's is NaN, 0 times the infinite one of the branch that is
# not chosen, and TensorFlow's is 1: its kernel gives the gradient of a root 0 where what comes back is 0. So it
# is of reciprocal; with a logarithm both are NaN. Exits with 1 if this has changed.
# Output:
#   sqrt torch nan tensorflow 1.0
#   reciprocal torch nan tensorflow 1.0
#   log torch nan tensorflow nan
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 tensorflow-cpu==2.21.0
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import tensorflow as tf
import torch

FUNCTIONS = {
    "sqrt": (torch.sqrt, tf.sqrt),
    "reciprocal": (torch.reciprocal, tf.math.reciprocal),
    "log": (torch.log, tf.math.log),
}
found = []
for name, (of_torch, of_tensorflow) in FUNCTIONS.items():
    d = torch.zeros(1, requires_grad=True)
    torch.where(d > 0, of_torch(d), d).sum().backward()
    x = tf.Variable([0.0])
    with tf.GradientTape() as tape:
        y = tf.where(x > 0, of_tensorflow(x), x)
    found.append(f"{name} torch {d.grad.item()} tensorflow {float(tape.gradient(y, x)[0])}")
print("\n".join(found))
expected = [
    "sqrt torch nan tensorflow 1.0",
    "reciprocal torch nan tensorflow 1.0",
    "log torch nan tensorflow nan",
]
raise SystemExit(found != expected)
PYTHON
