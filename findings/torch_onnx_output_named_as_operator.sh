#!/bin/sh
# torch 2.13.0 with onnxscript 0.7.2: torch.onnx.export names what it computes after the operator.
# Where `output_names` asks for such a name for an output, the model has two values of one name:
# onnx 1.23.2 and ONNX Runtime 1.32.0 refuse it, and the export itself says nothing.
# Exits with 1 if this has changed.
# Output:
#   the values of the exported model: ['relu', 'relu']
#   onnxruntime refuses it: Duplicate definition of name (relu).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    numpy torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0
cd "$folder"
"$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import onnx
import onnxruntime
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(4, 2)

    def forward(self, x):
        return self.last(torch.relu(x))


x = torch.zeros(3, 4)
torch.onnx.export(
    Net().eval(), (x,), "net.onnx", dynamo=True, output_names=["relu"], external_data=False, verbose=False
)
model = onnx.load("net.onnx")
names = [name for node in model.graph.node for name in node.output]
print("the values of the exported model:", names)
try:
    onnxruntime.InferenceSession("net.onnx")
    said = ""
except Exception as error:
    said = str(error)
print("onnxruntime refuses it:", said.partition("Error: ")[2])
raise SystemExit(names != ["relu", "relu"] or "Duplicate definition" not in said)
PYTHON
