"""Of equal elements the first is chosen, and zeros of both signs are equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.backend import Precision, get_backend

ROWS = np.array(
    [
        [-1.0, -0.0, 0.0, -2.0],
        [0.0, -0.0, -1.0, -1.0],
        [-0.0, -0.0, 0.0, 0.0],
        [3.0, 1.0, 3.0, 3.0],
        [-0.0, 0.0, 1e-30, -0.0],
    ]
)
FIRST = [1, 0, 0, 0, 2]


def argmax() -> nnspec.Spec:
    return nnspec.check(
        nnspec.Model(
            name="Net",
            inputs={"x": nnspec.Input(shape=(4,))},
            layers=(nnspec.layers.Argmax(name="chosen"),),
        )
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
def test_the_first_of_equal_elements_is_chosen(backend: str, dtype: Precision) -> None:
    program: Any = get_backend(backend).compile(argmax()).build({}, dtype=dtype)
    assert program.forward({"x": ROWS.astype(dtype)})["chosen"].tolist() == FIRST
    if backend == "keras":
        # TensorFlow compiles what `predict` runs, and simplifies it.
        assert program.model.predict(ROWS.astype(dtype), verbose=0).tolist() == FIRST


ORDERS = {
    "argsort": ([[3, 0, 1, 2], [2, 3, 0, 1], [0, 1, 2, 3], [1, 0, 2, 3], [0, 1, 3, 2]], "chosen"),
    "argsort, descending": (
        [[1, 2, 0, 3], [0, 1, 2, 3], [0, 1, 2, 3], [0, 2, 3, 1], [2, 0, 1, 3]],
        "chosen",
    ),
    "top_k": ([[1, 2], [0, 1], [0, 1], [0, 2], [2, 0]], "chosen.1"),
}


def ordered(kind: str) -> nnspec.Spec:
    layer: Any = nnspec.layers.TopK(name="chosen", k=2)
    if kind.startswith("argsort"):
        layer = nnspec.layers.Argsort(name="chosen", descending=kind.endswith("descending"))
    inputs = {"x": nnspec.Input(shape=(4,))}
    outputs = (ORDERS[kind][1],)
    return nnspec.check(nnspec.Model(name="Net", inputs=inputs, layers=(layer,), outputs=outputs))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
@pytest.mark.parametrize("kind", ORDERS)
def test_equal_elements_keep_their_order(kind: str, backend: str, dtype: Precision) -> None:
    expected, name = ORDERS[kind]
    program: Any = get_backend(backend).compile(ordered(kind)).build({}, dtype=dtype)
    assert program.forward({"x": ROWS.astype(dtype)})[name].tolist() == expected
    if backend == "keras":
        assert program.model.predict(ROWS.astype(dtype), verbose=0).tolist() == expected
