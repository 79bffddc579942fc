"""MNN on the CPU: python run_mnn.py MODEL INPUTS OUTPUTS [INPUTS OUTPUTS ...]."""

import subprocess
import sys
import tempfile
from pathlib import Path

import MNN
import numpy as np
import onnx

# The command `mnnconvert` would first install a package and report the conversion to a server; the
# function behind it does neither. A process of its own, because it may end the process.
CONVERT = "import sys, _tools; _tools.mnnconvert(sys.argv)"

path, *files = sys.argv[1:]
graph = onnx.load(path).graph
names = [value.name for value in graph.input]
outputs = [value.name for value in graph.output]
with tempfile.TemporaryDirectory() as folder:
    converted = Path(folder) / "model.mnn"
    arguments = ["-f", "ONNX", "--modelFile", path, "--MNNModel", str(converted), "--bizCode", "x"]
    done = subprocess.run(
        [sys.executable, "-c", CONVERT, *arguments], capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    if done.returncode < 0:
        sys.exit("the converter ends its process, with no error that could be caught")
    if not converted.exists():
        sys.exit("\n".join(line for line in said.splitlines() if "Not Support" in line) or said)
    network = MNN.nn.load_module_from_file(str(converted), names, outputs)
    for given, taken in zip(files[::2], files[1::2], strict=True):
        values = []
        with np.load(given) as arrays:
            for name in names:
                is_float = arrays[name].dtype == np.float32
                array = arrays[name] if is_float else arrays[name].astype(np.int32)
                kind = MNN.expr.float if is_float else MNN.expr.int
                values.append(MNN.expr.const(array, list(array.shape), MNN.expr.NCHW, kind))
        result = [MNN.expr.convert(each, MNN.expr.NCHW).read() for each in network.forward(values)]
        np.savez(taken, **dict(zip(outputs, result, strict=True)))
