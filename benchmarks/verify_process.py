"""`nnspec verify` as a whole process, by one that imports the three runtimes and runs each once."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from benchmarks.measure import Figure, quartiles

ROUNDS = 5
VERIFY = ("-m", "nnspec", "verify", "specs/digits_cnn.yaml")
CASES = {
    "verify digits_cnn, no exporters": ((*VERIFY, "--no-exporters"), 1.5),
    "verify digits_cnn, exporters": (VERIFY, 2.2),
}
"""Of what is measured: the command, and the largest ratio of processor time that will do."""
PEER = """
import keras, numpy as np, onnx, onnxruntime, torch
x = np.ones((1, 4), "float32")
torch.nn.Linear(4, 2)(torch.from_numpy(x))
keras.layers.Dense(2)(x)
model = onnx.helper.make_model(
    onnx.parser.parse_graph("g (float[1,4] x) => (float[1,4] y) { y = Relu(x) }"),
    opset_imports=[onnx.helper.make_opsetid("", 21)], ir_version=10,
)
onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
"""


def run() -> list[Figure]:
    """Return processor time and wall time, each by that of the peer in the same round."""
    # An installed package has its bytecode; so must a checkout, which the first round sees to.
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    for words, _ in CASES.values():
        _times(words, kept)
    found: dict[str, list[tuple[float, float]]] = {"": [], **{name: [] for name in CASES}}
    for _ in range(ROUNDS):
        found[""].append(_times(("-c", PEER), kept))
        for name, (words, _) in CASES.items():
            found[name].append(_times(words, kept))
    figures = []
    for name, (_, target) in CASES.items():
        for index, (told, most) in enumerate((("processor", target), ("wall", None))):
            ours, peer = ([each[index] for each in found[which]] for which in (name, ""))
            low, value, high = quartiles([a / b for a, b in zip(ours, peer, strict=True)])
            shown = [f"{sorted(each)[ROUNDS // 2]:.2f} s" for each in (ours, peer)]
            figures.append(Figure(f"{name}: {told}", *shown, value, low, high, most))
    return figures


def _times(words: tuple[str, ...], environment: dict[str, str]) -> tuple[float, float]:
    """Return the processor seconds of a Python process with all that it starts, and its seconds."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=environment,
    )  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return used.ru_utime + used.ru_stime, time.perf_counter() - start
