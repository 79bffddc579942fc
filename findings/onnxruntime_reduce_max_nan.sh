#!/bin/sh
# onnxruntime 1.32.0, CPU: ReduceMax and ReduceMin keep a NaN only where it stands first.
# NumPy, PyTorch and TensorFlow give NaN wherever it stands. Exits with 1 if this has changed.
# Output:
#   NaN first, second, last: ReduceMax [nan, 2.0, 2.0] ReduceMin [nan, 1.0, 1.0]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy onnx==1.23.2 onnxruntime==1.32.0
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import numpy as np
import onnxruntime
from onnx import TensorProto, helper

rows = np.array([[np.nan, 1, 2], [1, np.nan, 2], [1, 2, np.nan]], np.float32)


def reduced(operator):
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    node = helper.make_node(operator, ["x", "axes"], ["y"], keepdims=0)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])
    graph = helper.make_graph([node], "graph", [x], [y], [axes])
    opset = helper.make_opsetid("", 18)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": rows})[0].tolist()


line = f"ReduceMax {reduced('ReduceMax')} ReduceMin {reduced('ReduceMin')}"
print("NaN first, second, last:", line)
raise SystemExit(line != "ReduceMax [nan, 2.0, 2.0] ReduceMin [nan, 1.0, 1.0]")
PYTHON
