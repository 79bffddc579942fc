"""TVM (Relax, LLVM on the CPU): python run_tvm.py MODEL INPUTS OUTPUTS [INPUTS OUTPUTS ...]."""

import sys

import numpy as np
import onnx
import tvm
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx

path, *files = sys.argv[1:]
model = onnx.load(path)
names = [value.name for value in model.graph.input]
module = from_onnx(model, keep_params_in_input=False)
machine = relax.VirtualMachine(tvm.compile(module, target="llvm"), tvm.cpu())
for given, taken in zip(files[::2], files[1::2], strict=True):
    with np.load(given) as arrays:
        result = machine["main"](*(tvm.runtime.tensor(arrays[name]) for name in names))
    np.savez(taken, *(each.numpy() for each in ([result] if hasattr(result, "numpy") else result)))
