#!/bin/sh
# onnxruntime 1.32.0, against the reference implementation of onnx 1.23.2
#
# StringSplit without a delimiter splits at consecutive white space, the standard says, and the reference does. ONNX Runtime
# splits at spaces alone: a tab or a line break stays within a part, so that a text with either has other parts, and another
# number of them, than the standard gives it. With a LabelEncoder behind it such words count as unknown, and nothing says so.
#
# Output seen:
#   reference: [['one', 'two', 'three']] [3]
#   onnxruntime: [['one\ttwo\nthree']] [1]
#
# Ends with 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

graph = helper.make_graph(
    [helper.make_node("StringSplit", ["text"], ["parts", "count"])],
    "split",
    [helper.make_tensor_value_info("text", TensorProto.STRING, [1])],
    [
        helper.make_tensor_value_info("parts", TensorProto.STRING, [1, None]),
        helper.make_tensor_value_info("count", TensorProto.INT64, [1]),
    ],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
onnx.checker.check_model(model)
given = {"text": np.array(["one\ttwo\nthree"], dtype=object)}
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
for name, run in (("reference", ReferenceEvaluator(model)), ("onnxruntime", session)):
    parts, count = run.run(None, given)
    print(f"{name}:", parts.tolist(), count.tolist())
PROGRAM
"$folder/venv/bin/python" "$folder/program.py" 2> "$folder/errors" | tee "$folder/seen" || {
    cat "$folder/errors"
    exit 1
}
grep -qxF "reference: [['one', 'two', 'three']] [3]" "$folder/seen"
grep -qxF "onnxruntime: [['one\\ttwo\\nthree']] [1]" "$folder/seen"
