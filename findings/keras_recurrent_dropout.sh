#!/bin/sh
# keras 3.15.1 on tensorflow-cpu 2.21.0: LSTM and GRU take recurrent_dropout=1.0 and drop nothing, where
# SimpleRNN drops all of the state; and a recurrent layer with recurrent_dropout draws its masks at
# inference too, without using them: each call moves its generator, so that what is dropped in training
# depends on how often the layer was asked before. Exits with 1 if this has changed.
# Output:
#   SimpleRNN recurrent_dropout=1.0 changes the output in training: True; a call at inference moves its generator: True
#   LSTM recurrent_dropout=1.0 changes the output in training: False; a call at inference moves its generator: True
#   GRU recurrent_dropout=1.0 changes the output in training: False; a call at inference moves its generator: True
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 tensorflow-cpu==2.21.0
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import keras
import numpy as np

x = np.ones((1, 3, 2), "float32")
found = []
for name in ("SimpleRNN", "LSTM", "GRU"):
    whole = getattr(keras.layers, name)(4, recurrent_dropout=1.0)
    changes = not np.array_equal(whole(x, training=True), whole(x, training=False))
    half = getattr(keras.layers, name)(4, recurrent_dropout=0.5)
    half(x, training=False)
    before = np.array(half.cell.seed_generator.state)
    half(x, training=False)
    moves = not np.array_equal(half.cell.seed_generator.state, before)
    print(
        f"{name} recurrent_dropout=1.0 changes the output in training: {changes}; "
        f"a call at inference moves its generator: {moves}"
    )
    found.append((changes, moves))
raise SystemExit(found != [(True, True), (False, True), (False, True)])
PYTHON
