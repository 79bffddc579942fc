#!/bin/sh
# torch 2.13.0: torch.onnx.export(dynamo=True) of an LSTM with a dynamic time axis succeeds once in a process and fails the
# second time with the same arguments ("tracing inferred a static shape of 7"). The exporter registers a while-loop for
# aten.lstm.input in `py_kernels` for the time of an export, but the operator's dispatch cache, filled by the first export,
# keeps another kernel. Emptying that cache makes it work again. GRU behaves alike. Output seen (onnxscript 0.7.2):
#
#   export 1: right
#   export 2: TorchExportError
#   export 3, dispatch cache emptied: right
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
network = torch.nn.LSTM(4, 3, batch_first=True).eval()
open_axis = torch.export.Dim.DYNAMIC
seen = []
for i in (1, 2, 3):
    if i == 3:
        torch.ops.aten.lstm.input._dispatch_cache.clear()
    try:
        torch.onnx.export(
            network,
            (torch.zeros(3, 7, 4),),
            dynamo=True,
            verbose=False,
            dynamic_shapes=({0: open_axis, 1: open_axis},),
        )
        seen.append("right")
    except Exception as error:
        seen.append(type(error).__name__)
    print(f"export {i}{', dispatch cache emptied' if i == 3 else ''}: {seen[-1]}")
if seen != ["right", "TorchExportError", "right"]:
    sys.exit("this has changed")
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
