"""OpenVINO on the CPU: python run_openvino.py MODEL INPUTS OUTPUTS [INPUTS OUTPUTS ...]."""

import sys

import numpy as np
import openvino

model, *files = sys.argv[1:]
compiled = openvino.Core().compile_model(
    model, "CPU", {"INFERENCE_PRECISION_HINT": openvino.Type.f32}
)
for given, taken in zip(files[::2], files[1::2], strict=True):
    with np.load(given) as arrays:
        result = compiled(dict(arrays))
    np.savez(taken, **{port.get_any_name(): values for port, values in result.items()})
