#!/bin/sh
# keras 3.15.1 on tensorflow-cpu 2.21.0
#
# log(exp(x) + exp(y)) is smooth: where x and y are equal, its derivatives are 1/2 and 1/2. keras.ops.logaddexp is computed of
# the larger and of |x - y|, and where these are equal TensorFlow gives the derivative of the larger to one side alone:
# 1 and 0. keras.ops.logsumexp of the two is right. It is silent, and logits that begin as zeros are equal.
#
# Output seen:
#   logaddexp: 1 0
#   logsumexp: 0.5 0.5
#
# Ends with 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
cat > "$folder/program.py" <<'PROGRAM'
import tensorflow as tf
from keras import ops


def slopes(function):
    x, y = tf.Variable(2.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        result = function(x, y)
    return " ".join(f"{float(each):g}" for each in tape.gradient(result, [x, y]))


print("logaddexp:", slopes(ops.logaddexp))
print("logsumexp:", slopes(lambda x, y: ops.logsumexp(ops.stack([x, y]))))
PROGRAM
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/program.py" 2> "$folder/errors" | tee "$folder/seen" || {
    cat "$folder/errors"
    exit 1
}
grep -qx "logaddexp: 1 0" "$folder/seen"
grep -qx "logsumexp: 0.5 0.5" "$folder/seen"
