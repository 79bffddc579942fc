#!/bin/sh
# keras 3.15.1 on tensorflow-cpu 2.21.0
#
# A model of several outputs logs its `loss` and the loss of each output. With weights of 1 the first is the sum of the others, in
# each batch. Over several batches it no longer is where the last is smaller: `loss` weighs a batch by its rows, and the loss of an
# output, which a callback may watch, counts every batch once. The code means to weigh it, by the static shape of the output;
# in a compiled step that shape is unknown and no weight is passed. Run eagerly, the numbers are right.
#
# 5 rows whose squared errors are 1, 1, 1, 1 and 11 in both outputs, batches of 4: over the rows each loss is 3 and the sum 6.
#
# Output seen:
#   eager: loss 6, a 3, b 3
#   graph: loss 6, a 6, b 6
#
# Ends with 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
cat > "$folder/program.py" <<'PROGRAM'
import keras
import numpy as np

errors = np.sqrt(np.array([1, 1, 1, 1, 11], "float32"))[:, None]
for name, is_eager in (("eager", True), ("graph", False)):
    given = keras.Input((1,))
    outputs = {key: keras.layers.Identity()(given) for key in ("a", "b")}
    model = keras.Model(given, outputs)
    model.compile(loss={"a": "mse", "b": "mse"}, run_eagerly=is_eager)
    wanted = {key: np.zeros_like(errors) for key in outputs}
    seen = model.evaluate(errors, wanted, batch_size=4, verbose=0, return_dict=True)
    print(f"{name}: loss {seen['loss']:g}, a {seen['a_loss']:g}, b {seen['b_loss']:g}")
PROGRAM
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/program.py" 2> "$folder/errors" | tee "$folder/seen" || {
    cat "$folder/errors"
    exit 1
}
grep -qx "eager: loss 6, a 3, b 3" "$folder/seen"
grep -qx "graph: loss 6, a 6, b 6" "$folder/seen"
