#!/bin/sh
# torch 2.13.0: torch.onnx.export(dynamo=True) leaves out numbers that are nearly 0 or 1: x + 9e-9 and x * 1.000009
# become x, and the epsilon of sqrt(sum(x²) + 1e-12) goes, so that zeros have length 0 instead of 1e-6, in float64
# too. Its optimizer (onnxscript 0.7.2) matches the constants 0 and 1 of its rules within 1e-8 and 1e-5. With optimize=False they
# stay. Output seen:
#
#   x + 9e-9: Identity; with optimize=False: Constant Cast Add
#   x * 1.000009: Identity; with optimize=False: Constant Cast Mul
#   sqrt(sum(x²) + 1e-12): Mul ReduceSum Sqrt; with optimize=False: Mul Constant ReduceSum Constant Cast Add Sqrt
set -e
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 numpy==2.4.6
cat > "$folder/show.py" <<'PYTHON'
import logging
import sys
import warnings

import torch

warnings.simplefilter("ignore")
logging.getLogger("torch.onnx").setLevel(logging.ERROR)


class Network(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def operators(function, optimize):
    network = Network(function).double()
    given = (torch.zeros(2, 3, dtype=torch.float64),)
    program = torch.onnx.export(network, given, dynamo=True, verbose=False, optimize=optimize)
    return " ".join(node.op_type for node in program.model_proto.graph.node)


FUNCTIONS = {
    "x + 9e-9": (lambda x: x + 9e-9, "Add"),
    "x * 1.000009": (lambda x: x * 1.000009, "Mul"),
    "sqrt(sum(x²) + 1e-12)": (lambda x: torch.sqrt(torch.sum(x * x, dim=-1) + 1e-12), "Add"),
}
has_changed = False
for name, (function, operator) in FUNCTIONS.items():
    made, plain = operators(function, True), operators(function, False)
    print(f"{name}: {made}; with optimize=False: {plain}")
    has_changed |= operator in made.split() or operator not in plain.split()
if has_changed:
    sys.exit("this has changed")
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
