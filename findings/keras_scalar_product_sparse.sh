#!/bin/sh
# Keras 3.15.1 (TensorFlow 2.21.0): in a functional network the product of a dense tensor and a Python number counts as
# sparse, while the quotient and the sum do not. A layer that compares the elements of what it takes then gets a
# SparseTensor when Keras infers its shape, and is not built. Output seen:
#
#   x sparse: False, x * 0.5 sparse: True, x / 2 sparse: False, x + 1 sparse: False
#   layer that compares, on x: built
#   layer that compares, on x * 0.5: TypeError
set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
cat > "$folder/show.py" <<'PYTHON'
import sys

import keras


class Positive(keras.layers.Layer):
    def call(self, x):
        return keras.ops.where(x > 0, x, 0.0)


x = keras.Input((4,))
seen = [x.sparse, (x * 0.5).sparse, (x / 2).sparse, (x + 1).sparse]
names = ("x", "x * 0.5", "x / 2", "x + 1")
print(", ".join(f"{name} sparse: {sparse}" for name, sparse in zip(names, seen)))
for name, given in (("x", x), ("x * 0.5", x * 0.5)):
    try:
        Positive()(given)
        seen.append("built")
    except TypeError as error:
        seen.append(type(error).__name__)
    print(f"layer that compares, on {name}: {seen[-1]}")
if seen != [False, True, False, False, "built", "TypeError"]:
    sys.exit("this has changed")
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/show.py" 2> /dev/null
