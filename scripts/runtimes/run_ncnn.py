"""ncnn, converted by pnnx: python run_ncnn.py MODEL INPUTS OUTPUTS [INPUTS OUTPUTS ...].

ncnn has no axis of rows: the model is converted for one, and runs row by row.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import ncnn
import numpy as np
import onnx

KINDS = {"float32": "f32", "int64": "i64", "int32": "i32", "bool": "bool"}

path, *files = sys.argv[1:]
graph = onnx.load(path).graph
names = [value.name for value in graph.input]
outputs = [value.name for value in graph.output]


def rows_of(file: str) -> list[dict[str, np.ndarray]]:
    """Return the inputs of each row, with an axis of one row."""
    with np.load(file) as arrays:
        return [
            {name: arrays[name][row : row + 1] for name in names}
            for row in range(len(arrays[names[0]]))
        ]


with tempfile.TemporaryDirectory() as folder:
    copy = Path(folder) / "model.onnx"
    copy.write_bytes(Path(path).read_bytes())
    first = rows_of(files[0])[0]
    shapes = ",".join(
        f"[{','.join(map(str, first[name].shape))}]{KINDS[str(first[name].dtype)]}"
        for name in names
    )
    command = [str(Path(sys.executable).with_name("pnnx")), str(copy), f"inputshape={shapes}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    param = Path(folder) / "model.ncnn.param"
    if done.returncode < 0:
        sys.exit("pnnx ends its process, with no error that could be caught")
    if not param.exists():
        sys.exit(f"pnnx: {said[-1]}")
    network = ncnn.Net()
    network.opt.use_fp16_packed = False
    network.opt.use_fp16_storage = False
    network.opt.use_fp16_arithmetic = False
    if network.load_param(str(param)) or network.load_model(str(param.with_suffix(".bin"))):
        sys.exit("ncnn does not load what pnnx wrote")
    for given, taken in zip(files[::2], files[1::2], strict=True):
        rows = []
        for row in rows_of(given):
            with network.create_extractor() as extractor:
                for i, name in enumerate(names):
                    values = np.ascontiguousarray(row[name][0])
                    if values.dtype != np.float32:
                        values = values.astype(np.int32)
                    extractor.input(f"in{i}", ncnn.Mat(np.atleast_1d(values)).clone())
                rows.append(
                    [np.array(extractor.extract(f"out{i}")[1]) for i, _ in enumerate(outputs)]
                )
        np.savez(
            taken, **{name: np.stack([row[i] for row in rows]) for i, name in enumerate(outputs)}
        )
