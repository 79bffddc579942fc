#!/bin/sh
# onnx 1.23.2: the reference evaluator joins the scan outputs of a Loop along their first axis. By
# the operator's definition, and in ONNX Runtime 1.32.0, they are stacked
# along a new one: four turns that each give (2, 3) give (4, 2, 3).
# Exits with 1 if this has changed.
# Output:
#   onnxruntime (4, 2, 3) reference (8, 3)
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx.reference import ReferenceEvaluator

model = onnx.parser.parse_model("""
<ir_version: 10, opset_import: ["" : 21]>
net (float[2, 3] x) => (float[a, b, c] each)
<int64 turns = {4}, bool going = {1}>
{
    last, each = Loop (turns, going, x) <body = turn (int64 i, bool on, float[2, 3] state)
        => (bool still, float[2, 3] next, float[2, 3] seen) {
        still = Identity (on)
        next = Add (state, state)
        seen = Identity (next)
    }>
}
""")
x = np.ones((2, 3), np.float32)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
(runtime,) = session.run(None, {"x": x})
(reference,) = ReferenceEvaluator(model).run(None, {"x": x})
found = f"onnxruntime {runtime.shape} reference {reference.shape}"
print(found)
raise SystemExit(found != "onnxruntime (4, 2, 3) reference (8, 3)")
PYTHON
