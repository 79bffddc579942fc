"""Layers that are alike and take the same: the judge finds out which of a file's is which."""

from __future__ import annotations

import ast
import json
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import nnspec
from nnspec.backend import get_backend
from nnspec.judge.against import judge
from nnspec.judge.judgement import Judgement
from nnspec.judge.process import reference_of
from nnspec.network.loader import Spec, loads

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SIDES = ("torch", "keras", "onnx")
Layers = list[dict[str, Any]]
Network = Callable[[Sequence[int], str, str], Layers]
"""order: in which those that are alike are written. inner, bend: an activation within the second
of them, and one after all of them.
"""


def layer(kind: str, name: str, *inputs: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, "inputs": list(inputs), **fields}


def dense(name: str, taken: str, units: int, **fields: Any) -> dict[str, Any]:
    return layer("dense", name, taken, units=units, **fields)


def in_order(order: Sequence[int], made: Callable[[int], Layers]) -> Layers:
    return [each for i in order for each in made(i)]


def experts(order: Sequence[int], inner: str, bend: str) -> Layers:
    """Each row takes the two experts with the largest scores."""
    count = len(order)

    def made(i: int) -> Layers:
        bent = inner if i == 1 else "gelu"
        return [
            dense(f"wide{i}", "x", 7, activation=bent),
            dense(f"expert{i}", f"wide{i}", 5),
        ]

    return [
        dense("logits", "x", count, use_bias=False),
        layer("top_k", "best", "logits", k=2),
        layer("softmax", "shares", "best"),
        layer("one_hot", "chosen", "best.1", num_classes=count),
        layer("dot", "gates", "shares", "chosen", axes=[0, 0]),
        *in_order(order, made),
        layer("stack", "answers", *(f"expert{i}" for i in range(count))),
        layer("dot", "mixed", "gates", "answers", axes=[0, 0]),
        layer(bend, "bend", "mixed"),
        dense("label", "bend", 3),
    ]


def towers(order: Sequence[int], inner: str, bend: str) -> Layers:
    """Whole blocks side by side, each with twins of its own."""

    def made(i: int) -> Layers:
        return [
            dense(f"stem{i}", "x", 6),
            layer("layer_normalization", f"norm{i}", f"stem{i}"),
            dense(f"one{i}", f"norm{i}", 4, activation=inner if i == 1 else "gelu"),
            dense(f"two{i}", f"norm{i}", 4),
            layer("subtract", f"tower{i}", f"one{i}", f"two{i}"),
        ]

    return [
        *in_order(order, made),
        layer("concatenate", "joined", *(f"tower{i}" for i in range(len(order)))),
        layer(bend, "bend", "joined"),
        dense("label", "bend", 3),
    ]


def branches(order: Sequence[int], inner: str, bend: str) -> Layers:
    """A sum, to which any order of them gives the same."""

    def made(i: int) -> Layers:
        return [
            dense(f"wide{i}", "x", 6, activation=inner if i == 1 else "gelu"),
            dense(f"branch{i}", f"wide{i}", 5),
        ]

    return [
        *in_order(order, made),
        layer("add", "sum", *(f"branch{i}" for i in range(len(order)))),
        layer(bend, "bend", "sum"),
        dense("label", "bend", 3),
    ]


def products(order: Sequence[int], inner: str, bend: str) -> Layers:
    """A sum of products of two: only pairs are told, and none of them from another."""

    def made(i: int) -> Layers:
        return [dense(f"factor{i}", "x", 5, activation=inner if i == 1 else "gelu")]

    pairs = [f"product{i}" for i in range(0, len(order), 2)]
    return [
        *in_order(order, made),
        *(
            layer("multiply", f"product{i}", f"factor{i}", f"factor{i + 1}")
            for i in range(0, len(order), 2)
        ),
        layer("add", "sum", *pairs),
        layer(bend, "bend", "sum"),
        dense("label", "bend", 3),
    ]


def heads(order: Sequence[int], inner: str, bend: str) -> Layers:
    """Attention written out: three products of each head take the same."""

    def made(i: int) -> Layers:
        return [dense(f"{name}{i}", "x", 4) for name in "vkq"]

    def mixed(i: int) -> Layers:
        return [
            layer("dot", f"scores{i}", f"q{i}", f"k{i}", axes=[1, 1]),
            layer("softmax" if i != 1 or inner == "gelu" else inner, f"shares{i}", f"scores{i}"),
            layer("dot", f"head{i}", f"shares{i}", f"v{i}", axes=[1, 0]),
        ]

    count = len(order)
    return [
        *in_order(order, made),
        *in_order(order, mixed),
        layer("concatenate", "joined", *(f"head{i}" for i in range(count))),
        layer(bend, "bend", "joined"),
        dense("label", "bend", 3),
    ]


def unlike(order: Sequence[int], inner: str, bend: str) -> Layers:
    """Layers that take the same, with a bias and without, of which each is bent in its own way."""
    bends: tuple[dict[str, Any], ...] = (
        {"activation": "relu"}, {"use_bias": False}, {}, {"activation": inner, "use_bias": False},
    )  # fmt: skip
    return [
        *in_order(order, lambda i: [dense(f"one{i}", "x", 5, **bends[i])]),
        layer("dropout", "passed", "one1", rate=0.2),
        layer("multiply", "both", "one0", "passed"),
        layer("concatenate", "joined", "one3", "both", "one2"),
        layer(bend, "bend", "joined"),
        dense("label", "bend", 3),
    ]


NETWORKS: dict[str, tuple[Network, int, list[int]]] = {
    "experts4": (experts, 4, [6]),
    "experts8": (experts, 8, [6]),
    "towers": (towers, 3, [6]),
    "branches": (branches, 4, [6]),
    "products": (products, 6, [6]),
    "heads": (heads, 3, [5, 6]),
    "unlike": (unlike, 4, [6]),
}


def spec_of(
    network: str, order: Sequence[int], *, inner: str = "gelu", bend: str = "tanh",
    is_renamed: bool = False,
) -> Spec:  # fmt: skip
    """is_renamed: layers are called by their numbers, as a file of others may have them."""
    made, _, shape = NETWORKS[network]
    document = {
        "nnspec": 1, "name": "Twins", "inputs": {"x": {"shape": shape}},
        "layers": made(order, inner, bend),
    }  # fmt: skip
    text = json.dumps(document)
    for i, each in enumerate(document["layers"][:-1] if is_renamed else []):
        text = re.sub(rf'"{each["name"]}(\.\d)?"', rf'"layer{i}\1"', text)
    return loads(text, is_json=True)


def judged(spec: Spec, written: Spec, side: str, folder: Path) -> Judgement:
    if side == "onnx":
        path = folder / "net.onnx"
        nnspec.export(written, path)
        name = str(path)
    else:
        path = folder / f"{side}_net.py"
        source = nnspec.compile(written, side).source
        path.write_text(source)
        kinds = (ast.ClassDef, ast.FunctionDef)
        top = [each.name for each in ast.parse(source).body if isinstance(each, kinds)][-1]
        name = f"{path}:{top}"
    reference = reference_of(name)
    foreign = get_backend(side).open_file(reference)
    levels: Any = ("interface", "outputs", "gradients")
    return judge(spec, foreign, reference, batch=16, seed=0, known={}, levels=levels)


def orders(network: str) -> tuple[range, list[int]]:
    count = NETWORKS[network][1]
    other = list(range(count))
    random.Random(3).shuffle(other)
    return range(count), other


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("network", [name for name in NETWORKS if name != "unlike"])
def test_twins_are_told_apart(network: str, side: str, tmp_path: Path) -> None:
    own, other = orders(network)
    written = spec_of(network, other, is_renamed=True)
    report = judged(spec_of(network, own), written, side, tmp_path)
    assert report.verdict == "verified", report.to_json()
    assert not report.faults


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("seed", range(4))
def test_layers_that_take_the_same_accuse_nobody(side: str, seed: int, tmp_path: Path) -> None:
    """Which have a bias, or an activation, the file's tensors do not say."""
    order = random.Random(seed).sample(range(4), 4)
    report = judged(
        spec_of("unlike", range(4)), spec_of("unlike", order, is_renamed=True), side, tmp_path
    )
    assert report.verdict in ("verified", "not compared"), report.to_json()
    assert not any(each.is_sure for each in report.faults)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("network", ["experts4", "towers", "products", "heads"])
def test_a_fault_after_twins_is_blamed(network: str, side: str, tmp_path: Path) -> None:
    own, other = orders(network)
    written = spec_of(network, other, bend="sigmoid")
    report = judged(spec_of(network, own), written, side, tmp_path)
    assert report.verdict == "not the same", report.to_json()
    assert report.faults[0].layer == "bend", report.faults
    assert is_at(report.faults[0].places[0], "bend", "sigmoid", tmp_path), report.faults


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("network", ["experts8", "branches", "heads"])
def test_a_fault_in_one_of_twins_is_blamed(network: str, side: str, tmp_path: Path) -> None:
    own, other = orders(network)
    written = spec_of(network, other, inner="sigmoid")
    report = judged(spec_of(network, own), written, side, tmp_path)
    assert report.verdict == "not the same", report.to_json()
    assert is_at(report.faults[0].places[0], "1", "sigmoid", tmp_path), report.faults


def is_at(place: str, name: str, operation: str, folder: Path) -> bool:
    """Whether a place is the line with an operation, or tells the name of its layer or node."""
    found = re.search(r"(\w+\.py):(\d+)", place)
    if found is None:
        return name in place
    line = (folder / found[1]).read_text().splitlines()[int(found[2]) - 1]
    return operation in line.lower()
