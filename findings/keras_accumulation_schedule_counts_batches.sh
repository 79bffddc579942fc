#!/bin/sh
# keras 3.15.1 on tensorflow-cpu 2.21.0
#
# With gradient_accumulation_steps an optimizer takes one step for several batches, and its `iterations` count the steps. A
# learning rate schedule, however, is called with the number of batches: a schedule written for 1,000 steps is over after 250
# with 4 batches to a step, a warm-up is 4 times too short, and nothing says so. The documentation of the argument says that the
# moving average counts accumulated iterations, and nothing of schedules.
#
# Rate 1 for the first two steps and 0 after them, gradient 1, 4 batches to a step: after 12 batches, which are 3 steps, the
# weight should have moved by 2.
#
# Output seen:
#   without accumulation, 3 batches: 3 steps, moved 2
#   4 batches to a step, 12 batches: 3 steps, moved 0
#
# Ends with 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
cat > "$folder/program.py" <<'PROGRAM'
import keras
from keras import ops


def trained(batches, **settings):
    weight = keras.Variable([0.0])
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([1], [1.0, 0.0])
    optimizer = keras.optimizers.SGD(rate, **settings)
    for _ in range(batches):
        optimizer.apply([ops.ones(1)], [weight])
    return f"{int(optimizer.iterations)} steps, moved {abs(float(weight[0])):g}"


print("without accumulation, 3 batches:", trained(3))
print("4 batches to a step, 12 batches:", trained(12, gradient_accumulation_steps=4))
PROGRAM
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/program.py" 2> "$folder/errors" | tee "$folder/seen" || {
    cat "$folder/errors"
    exit 1
}
grep -qx "without accumulation, 3 batches: 3 steps, moved 2" "$folder/seen"
grep -qx "4 batches to a step, 12 batches: 3 steps, moved 0" "$folder/seen"
