"""ONNX Runtime on the CPU: python run_onnxruntime.py MODEL INPUTS OUTPUTS [INPUTS OUTPUTS ...]."""

import sys

import numpy as np
import onnxruntime

model, *files = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs()]
for given, taken in zip(files[::2], files[1::2], strict=True):
    with np.load(given) as arrays:
        np.savez(taken, **dict(zip(names, session.run(names, dict(arrays)), strict=True)))
