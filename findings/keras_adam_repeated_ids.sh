#!/bin/sh
# keras 3.15.1 on tensorflow-cpu 2.21.0
#
# The gradient of an Embedding is a list of rows (tf.IndexedSlices). Where an id occurs more than once in a batch, its row
# occurs more than once in that list, and Keras's optimizers square each occurrence by itself: Adam's second moment follows
# the sum of the squares, not the square of the sum, and the step of a row whose id occurs n times with equal gradients is
# up to the root of n times too long. The same gradient as one dense array gives the right step. It is silent, and any
# embedding of words has repeated ids.
#
# One row, hit four times with gradient 1 each: the gradient is 4. The first step of Adam is learning_rate whatever the
# gradient's size, 0.1 here.
#
# Output seen:
#   as rows: moved 0.2
#   as an array: moved 0.1
#
# Ends with 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
cat > "$folder/program.py" <<'PROGRAM'
import keras
import tensorflow as tf

ids = tf.zeros((1, 4), "int64")


def moved(dense):
    layer = keras.layers.Embedding(1, 1, embeddings_initializer="zeros")
    layer.build()
    optimizer = keras.optimizers.Adam(learning_rate=0.1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(ids))
    (gradient,) = tape.gradient(loss, layer.trainable_variables)
    if dense:
        gradient = tf.convert_to_tensor(gradient)
    optimizer.apply([gradient], layer.trainable_variables)
    return abs(float(layer.embeddings.numpy()[0, 0]))


print(f"as rows: moved {moved(False):.3g}")
print(f"as an array: moved {moved(True):.3g}")
PROGRAM
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/program.py" 2> "$folder/errors" | tee "$folder/seen" || {
    cat "$folder/errors"
    exit 1
}
grep -qx "as rows: moved 0.2" "$folder/seen"
grep -qx "as an array: moved 0.1" "$folder/seen"
