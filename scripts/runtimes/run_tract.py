"""tract: python run_tract.py MODEL INPUTS OUTPUTS [INPUTS OUTPUTS ...]."""

import sys

import numpy as np
import tract

model, *files = sys.argv[1:]
loaded = tract.onnx().load(model)
names = [loaded.input_name(i) for i in range(loaded.input_count())]
runnable = loaded.into_model().into_runnable()
for given, taken in zip(files[::2], files[1::2], strict=True):
    with np.load(given) as arrays:
        result = runnable.run([arrays[name] for name in names])
    np.savez(taken, *(each.to_numpy() for each in result))
