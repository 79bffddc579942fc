#!/bin/sh
# OpenVINO 2026.4.1 on the CPU ignores the lengths (sequence_lens) of an ONNX LSTM, without a word, while the batch or the
# time axis of the model is open. With both sizes fixed the same model is right. Measured against ONNX Runtime 1.32.0:
#
#   batch open, time open: last state off by 0.77, padded steps hold values up to 0.71
#   batch open, time 7: last state off by 0.77, padded steps hold values up to 0.71
#   batch 3, time open: last state off by 0.77, padded steps hold values up to 0.71
#   batch 3, time 7: last state off by 0.00, padded steps hold values up to 0.00
#
# The ONNX specification (operator LSTM, version 14 and later) says that a row ends at its length: later steps of Y are 0,
# and Y_h is the state at that length.
set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    openvino==2026.4.1 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cat > "$folder/show.py" <<'PYTHON'
import sys

import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper

UNITS, WIDTH = 5, 4
draw = np.random.default_rng(0)
weights = {
    "W": draw.normal(size=(1, 4 * UNITS, WIDTH)).astype(np.float32),
    "R": draw.normal(size=(1, 4 * UNITS, UNITS)).astype(np.float32),
    "B": draw.normal(size=(1, 8 * UNITS)).astype(np.float32),
}


def model(batch, time):
    node = helper.make_node("LSTM", ["x", "W", "R", "B", "lengths"], ["y", "h"], hidden_size=UNITS)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node],
        "lstm",
        [
            value("x", TensorProto.FLOAT, [time, batch, WIDTH]),
            value("lengths", TensorProto.INT32, [batch]),
        ],
        [
            value("y", TensorProto.FLOAT, [time, 1, batch, UNITS]),
            value("h", TensorProto.FLOAT, [1, batch, UNITS]),
        ],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opset = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()


given = {
    "x": draw.normal(size=(7, 3, WIDTH)).astype(np.float32),
    "lengths": np.array([7, 3, 5], np.int32),
}
core = openvino.Core()
exact = {"INFERENCE_PRECISION_HINT": openvino.Type.f32}
found = []
for batch, time in (("b", "t"), ("b", 7), (3, "t"), (3, 7)):
    data = model(batch, time)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    right = dict(zip("yh", session.run(["y", "h"], given)))
    compiled = core.compile_model(core.read_model(data), "CPU", exact)
    result = {port.get_any_name(): values for port, values in compiled(given).items()}
    off = float(np.abs(result["h"] - right["h"]).max())
    padded = float(np.abs(result["y"][3:, 0, 1]).max())
    sizes = [size if isinstance(size, int) else "open" for size in (batch, time)]
    print(
        f"batch {sizes[0]}, time {sizes[1]}: last state off by {off:.2f}, "
        f"padded steps hold values up to {padded:.2f}"
    )
    found.append(off > 0.1 and padded > 0.1)
if found != [True, True, True, False]:
    sys.exit("this has changed")
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
