#!/bin/sh
# onnxruntime 1.32.0, CPU: Sigmoid in float32 is right to 6e-8 of 1, and not of itself. At -17 it is twice what it
# should be, from -19 on 0 (in float32 it is 0 below -103 alone), so that a logarithm of it is -inf. Exp and
# Softplus of the same numbers are right. Exits with 1 if this has changed.
# Output:
#   -14 7.748604e-07 where 8.315280e-07 is right; exp 8.315287e-07
#   -17 8.940697e-08 where 4.139938e-08 is right; exp 4.139937e-08
#   -20 0.000000e+00 where 2.061154e-09 is right; exp 2.061154e-09
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy onnx==1.23.2 onnxruntime==1.32.0
"$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import numpy as np
import onnxruntime
from onnx import TensorProto, helper


def computed(operator, numbers):
    node = helper.make_node(operator, ["x"], ["y"])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy")
    graph = helper.make_graph([node], "graph", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": numbers})[0].astype(np.float64)


numbers = np.array([-14, -17, -20], np.float32)
right = 1 / (1 + np.exp(-numbers.astype(np.float64)))
given, exp = computed("Sigmoid", numbers), computed("Exp", numbers)
for number, mine, wanted, other in zip(numbers, given, right, exp):
    print(f"{number:.0f} {mine:.6e} where {wanted:.6e} is right; exp {other:.6e}")
is_so = given[1] > 1.5 * right[1] and given[2] == 0 and np.allclose(exp, right, rtol=1e-5)
raise SystemExit(not is_so)
PYTHON
