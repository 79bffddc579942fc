"""What `check` passes compiles: layers on odd shapes, in blocks, shared, repeated, left out."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable
from typing import Any

import pytest

import nnspec
from nnspec.layers import ACTIVATIONS, LAYERS
from nnspec.network.loader import Spec
from tests.cases import CASES, Case

ROWS = [case for case in CASES if isinstance(case, Case)]
SIZES: dict[str, Callable[[list[Any]], list[Any]]] = {
    "same": lambda shape: shape,
    "ones": lambda shape: [1] * len(shape),
    "none": lambda shape: [],
    "fewer": lambda shape: shape[1:],
    "more": lambda shape: [2, *shape],
    "dynamic before": lambda shape: ["t", *shape],
    "dynamic first": lambda shape: ["t", *shape[1:]],
    "dynamic last": lambda shape: [*shape[:-1], "t"],
    "all dynamic": lambda shape: [f"a{i}" for i in range(len(shape))],
}
WAYS = ("alone", "block", "repeated", "unrolled", "nested", "shared", "left out", "frozen")


def odd_spec(case: Case, draw: random.Random) -> dict[str, Any]:
    layer = {**case.layer}
    fields = LAYERS[layer["type"]].model_fields
    if "activation" in fields and draw.random() < 0.3:
        layer["activation"] = draw.choice([*ACTIVATIONS])
    if "axis" in fields and draw.random() < 0.3:
        layer["axis"] = draw.choice([0, 1, -1, -2])
    change = SIZES[draw.choice([*SIZES])]
    names = [f"x{i}" for i in range(len(case.inputs))]
    dtypes = case.dtypes or ("float32",) * len(names)
    inputs = {
        name: {"shape": list(change([*shape])), "dtype": dtype}
        for name, shape, dtype in zip(names, case.inputs, dtypes, strict=True)
    }
    spec: dict[str, Any] = {"nnspec": 1, "name": "Odd", "inputs": inputs}
    if draw.random() < 0.7:
        spec["data_format"] = draw.choice(["channels_first", "channels_last"])
    return spec | wrapped({**layer, "inputs": names}, names, draw.choice(WAYS), spec)


def wrapped(
    layer: dict[str, Any], names: list[str], way: str, spec: dict[str, Any]
) -> dict[str, Any]:
    """Return the layer as a part of a network; `spec` may get more inputs."""
    own, use = {**layer, "name": "own"}, {"name": "last", "inputs": names}
    blocks: dict[str, Any] = {"b": {"inputs": names, "layers": [{**layer, "name": "inner"}]}}
    if way == "frozen":
        return {"layers": [own], "freeze": ["own"]}
    if way == "left out":
        return {"layers": [{**own, "when": False}, {"type": "relu"}]}
    if way == "shared":
        others = {f"y{name}": spec["inputs"][name] for name in names}
        spec["inputs"] |= {
            name: {**given, "shape": [3, *given["shape"][1:]]} for name, given in others.items()
        }
        again = {"type": "shared", "layer": "own", "name": "again", "inputs": [*others]}
        return {"layers": [own, again], "outputs": ["own", "again"], "inputs": spec["inputs"]}
    if way == "block":
        return {"blocks": blocks, "layers": [{**use, "type": "b"}]}
    if way == "repeated":
        return {"blocks": blocks, "layers": [{**use, "type": "b", "repeat": 2}]}
    if way == "unrolled":
        return {"blocks": blocks, "layers": [{**use, "type": "b", "repeat": 2, "unroll": True}]}
    if way == "nested":
        blocks["c"] = {"inputs": names, "layers": [{**use, "type": "b"}, {"type": "relu"}]}
        return {"blocks": blocks, "layers": [{**use, "type": "c", "repeat": 2}]}
    return {"layers": [own]}


def right_specs(number: int) -> list[Spec]:
    """Return the specs among odd ones that are right."""
    draw, found = random.Random(10), []
    for _ in range(number):
        try:
            found.append(nnspec.check(odd_spec(draw.choice(ROWS), draw)))
        except nnspec.SpecError:
            continue
    return found


def test_odd_specs_compile() -> None:
    specs = right_specs(240)
    assert len(specs) > 70
    for spec in specs:
        for backend in ("torch", "keras", "onnx"):
            try:
                source = nnspec.compile(spec, backend).source
            except nnspec.UnsupportedError:
                continue
            if backend != "onnx":
                ast.parse(source)


@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
def test_a_block_in_a_repeated_block_may_give_another_number_of_axes(backend: str) -> None:
    spec = nnspec.loads("""
nnspec: 1
name: Taken
inputs: {x: {shape: [5]}, i: {shape: [2, 3], dtype: int64}}
blocks:
  inner: {inputs: [x, i], layers: [{type: take, inputs: [x, i]}]}
  outer: {inputs: [x, i], layers: [{type: inner, inputs: [x, i]}, {type: relu}]}
layers: [{type: outer, inputs: [x, i], repeat: 2}]
""")
    assert nnspec.compile(spec, backend).source
