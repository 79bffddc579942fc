#!/bin/sh
# onnx 1.23.2: the reference evaluator's LRN normalises as many channels as the batch has rows, and
# divides the others by the bias alone; onnxruntime 1.32.0 follows the operator's definition.
# Exits with 1 if this has changed.
# Output:
#   one row: reference [0.6, 1.0, 1.0, 1.0], onnxruntime [0.6, 0.5, 0.5, 0.6]
#   two rows: reference [0.6, 0.5, 1.0, 1.0], onnxruntime [0.6, 0.5, 0.5, 0.6]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0
"$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, 4, 1, 1]) for n in "xy")
node = helper.make_node("LRN", ["x"], ["y"], size=3, alpha=1.0, beta=1.0, bias=1.0)
graph = helper.make_graph([node], "normalised", [x], [y])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
session = onnxruntime.InferenceSession(model.SerializeToString())
found = []
for rows, name in ((1, "one row"), (2, "two rows")):
    given = {"x": np.ones((rows, 4, 1, 1), "float32")}
    results = (ReferenceEvaluator(model).run(None, given), session.run(None, given))
    first, second = ([round(float(n), 3) for n in each[0][0].ravel()] for each in results)
    print(f"{name}: reference {first}, onnxruntime {second}")
    found.append((first, second))
right = [0.6, 0.5, 0.5, 0.6]
raise SystemExit(found != [([0.6, 1.0, 1.0, 1.0], right), ([0.6, 0.5, 1.0, 1.0], right)])
PYTHON
