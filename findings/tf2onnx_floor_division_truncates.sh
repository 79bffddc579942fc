#!/bin/sh
# tf2onnx 1.17.0, of tensorflow-cpu 2.21.0: floor division of whole numbers becomes ONNX's Div, which
# rounds towards 0, so that negative numbers get another quotient; of floats it is right.
# Exits with 1 if this has changed.
# Output:
#   int32: TensorFlow [-3, -1, 2], the converted model [-2, 0, 2]
#   float32: TensorFlow [-3, -1, 2], the converted model [-3, -1, 2]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tf2onnx==1.17.0 tensorflow-cpu==2.21.0 onnx==1.23.2 onnxruntime==1.32.0
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx

found = {}
for dtype in (tf.int32, tf.float32):
    signature = [tf.TensorSpec([None], dtype, name="x")]
    thirds = tf.function(lambda x: x // 3, input_signature=signature)
    model, _ = tf2onnx.convert.from_function(thirds, input_signature=signature, opset=18)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    x = np.array([-7, -1, 7], dtype.as_numpy_dtype)
    (result,) = session.run(None, {session.get_inputs()[0].name: x})
    given, made = thirds(x).numpy().astype(int).tolist(), result.astype(int).tolist()
    print(f"{dtype.name}: TensorFlow {given}, the converted model {made}")
    found[dtype.name] = made
raise SystemExit(found != {"int32": [-2, 0, 2], "float32": [-3, -1, 2]})
PYTHON
