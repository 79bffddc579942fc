"""LiteRT on the CPU: python run_litert.py MODEL INPUTS OUTPUTS [INPUTS OUTPUTS ...]."""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

model, *files = sys.argv[1:]
for given, taken in zip(files[::2], files[1::2], strict=True):
    interpreter = Interpreter(model)
    inputs = interpreter.get_input_details()
    with np.load(given) as arrays:
        # The converter renames inputs; they keep the end of their names, or their types differ.
        by_type = {array.dtype: name for name, array in arrays.items()}
        values = {}
        for detail in inputs:
            short = detail["name"].removeprefix("serving_default_").partition(":")[0]
            name = short if short in arrays else by_type[np.dtype(detail["dtype"])]
            interpreter.resize_tensor_input(detail["index"], arrays[name].shape)
            values[detail["index"]] = arrays[name]
        interpreter.allocate_tensors()
        for index, value in values.items():
            interpreter.set_tensor(index, value)
        interpreter.invoke()
        outputs = [
            interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details()
        ]
    np.savez(taken, *outputs)
