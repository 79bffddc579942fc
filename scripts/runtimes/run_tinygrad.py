"""tinygrad on the CPU: python run_tinygrad.py MODEL INPUTS OUTPUTS [INPUTS OUTPUTS ...]."""

import sys

import numpy as np
from tinygrad import Tensor
from tinygrad.nn.onnx import OnnxRunner

model, *files = sys.argv[1:]
for given, taken in zip(files[::2], files[1::2], strict=True):
    runner = OnnxRunner(model)
    with np.load(given) as arrays:
        result = runner({name: Tensor(values) for name, values in arrays.items()})
    np.savez(taken, **{name: values.numpy() for name, values in result.items()})
