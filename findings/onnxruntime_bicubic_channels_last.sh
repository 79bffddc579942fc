#!/bin/sh
# onnxruntime 1.32.0, CPU: a model in which a cubic Resize to a smaller image stands between two
# transpositions loads without graph optimisations, and not with the default ones: the Resize is
# moved to channels last, where its kernel takes no scale below 1. Exits with 1 if this changed.
# Output:
#   cubic, scales 2 and 2: not optimised (1, 8, 8, 2); by default (1, 8, 8, 2)
#   cubic, scales 0.5 and 0.5: not optimised (1, 2, 2, 2); by default cannot be loaded
#   linear, scales 0.5 and 0.5: not optimised (1, 2, 2, 2); by default (1, 2, 2, 2)
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy onnx==1.23.2 onnxruntime==1.32.0
"$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def model(mode, scale):
    nodes = [
        helper.make_node("Transpose", ["x"], ["image"], perm=[0, 3, 1, 2]),
        helper.make_node("Resize", ["image", "", "scales"], ["other"], mode=mode),
        helper.make_node("Transpose", ["other"], ["y"], perm=[0, 2, 3, 1]),
    ]
    scales = numpy_helper.from_array(np.array([1, 1, scale, scale], np.float32), "scales")
    size = int(4 * scale)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 4, 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, size, size, 2])
    graph = helper.make_graph(nodes, "graph", [x], [y], [scales])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()


def computed(mode, scale, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            model(mode, scale), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        assert "ScalesValidation" in str(error), error
        return "cannot be loaded"
    return session.run(None, {"x": np.zeros((1, 4, 4, 2), np.float32)})[0].shape


levels = onnxruntime.GraphOptimizationLevel
found = []
for mode, scale in (("cubic", 2), ("cubic", 0.5), ("linear", 0.5)):
    plain = computed(mode, scale, levels.ORT_DISABLE_ALL)
    made = computed(mode, scale, levels.ORT_ENABLE_ALL)
    print(f"{mode}, scales {scale} and {scale}: not optimised {plain}; by default {made}")
    found.append(made == "cannot be loaded" and plain != made)
raise SystemExit(found != [False, True, False])
PYTHON
