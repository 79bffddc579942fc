"""PyTorch source as a PyTorch engineer would write it."""

from __future__ import annotations

import inspect
import json
import math
from pathlib import Path
from typing import Any

import pytest

import nnspec
from nnspec.emit.definitions import pascal
from nnspec.emit.loading import load_source
from nnspec.network.graph import BlockNode
from nnspec.network.loader import Spec, loads

ZOO = Path(__file__).parents[2] / "specs" / "zoo"


def spec_of(layers: list[dict[str, Any]], **more: Any) -> Spec:
    return loads(
        json.dumps({"nnspec": 1, "name": "Tested", "layers": layers, **more}), is_json=True
    )


def test_tables_of_positions_are_buffers_that_no_file_keeps() -> None:
    """They are exact at a late position in float32, and in float64 after a move to it."""
    import torch

    layers = [{"type": "rotary_position", "name": "turned", "max_length": 9000}]
    spec = spec_of(layers, inputs={"x": {"shape": ["time", 8]}})
    source = nnspec.compile(spec, "torch").source
    model = load_source(source, "Tested").Tested()
    assert not model.state_dict()
    assert {name for name, _ in model.named_buffers()} == {"turned.cos", "turned.sin"}
    angle = 8999 * 10000 ** (-2 / 8)
    assert model.turned.cos[-1, 1].item() == pytest.approx(math.cos(angle), abs=2**-24)
    program = nnspec.compile(spec, "torch").build(dtype="float64")
    assert program.model.turned.cos[-1, 1].item() == pytest.approx(math.cos(angle), abs=1e-12)
    with pytest.raises(RuntimeError, match="size of tensor"):
        model(torch.zeros(1, 9001, 8))


@pytest.mark.parametrize("name", ["gpt2", "llama", "vit_b16", "bert_base", "transformer"])
def test_a_class_with_other_values_is_what_the_spec_means_by_them(name: str) -> None:
    variables: dict[str, object] = {"width": 24, "heads": 6, "depth": 1}
    if name == "llama":
        variables |= {"kv_heads": 2, "hidden": 10}
    other = nnspec.load(ZOO / f"{name}.yaml", variables=variables)
    node = next(n for n in other.graph.nodes if isinstance(n, BlockNode) and n.is_repeated)
    body, path = next(node.paths(""))
    expected = {n[len(path) :]: p.shape for n, p in other.graph.parameters() if n.startswith(path)}
    emitted = load_source(nnspec.compile(nnspec.load(ZOO / f"{name}.yaml"), "torch").source, name)
    block = getattr(emitted, pascal(node.block))
    given = {each: body.variables[each] for each in inspect.signature(block).parameters}
    assert {"width", "heads"} <= given.keys()
    assert {n: tuple(t.shape) for n, t in block(**given).state_dict().items()} == expected


def test_a_coincidence_of_sizes_is_no_formula() -> None:
    """In ResNet the channels taken are filters times strides in every use, and not by design."""
    source = nnspec.compile(nnspec.load(ZOO / "resnet50.yaml"), "torch").source
    assert "filters * strides" not in source
    assert "self, in_channels: int, filters: int, strides: int, first_strides: int" in source


def test_axes_are_named_by_what_the_layers_make_of_them() -> None:
    """Not by the number of axes: a sequence has no channels, and unknown axes no names."""
    layers = [
        {"name": "a", "type": "part", "inputs": ["one"]},
        {"name": "b", "type": "part", "inputs": ["two"]},
        {"name": "c", "type": "plain", "inputs": ["one"]},
        {"name": "d", "type": "plain", "inputs": ["two"]},
    ]
    blocks = {
        "part": {"layers": [{"type": "gru", "units": 3, "return_sequences": True}]},
        "plain": {"layers": [{"type": "relu"}]},
    }
    inputs = {"one": {"shape": ["words", 4]}, "two": {"shape": ["letters", 5]}}
    spec = spec_of(layers, inputs=inputs, blocks=blocks, outputs=["a", "b", "c", "d"])
    source = nnspec.compile(spec, "torch").source
    assert "x (batch, time, input_size) -> gru_1 (batch, time, 3)." in source
    assert "x (batch, n, m) -> relu_1 (batch, n, m)." in source


def test_padding_of_the_forward_pass_is_an_attribute() -> None:
    """Called after a variable where it follows one, and never like a layer or a method."""
    block = {
        "variables": {"size": 3},
        "layers": [
            {"name": "padding", "type": "conv1d", "filters": 2, "kernel_size": "${size}"}
            | {"padding": "causal"},
            {
                "name": "last",
                "type": "conv1d",
                "filters": 2,
                "kernel_size": 2,
                "padding": [["${size}", 1]],
            },
        ],
    }
    layers = [{"name": f"l{i}", "type": "part", "size": i} for i in (4, 6, 9)]
    spec = spec_of(layers, inputs={"x": {"shape": [2, "time"]}}, blocks={"part": block})
    source = nnspec.compile(spec, "torch").source
    assert "self.l4 = Part(padding_2=3, size=4)" in source
    assert "self.padding(F.pad(x, (self.padding_2, 0)))" in source
    assert "F.pad(x, (self.size, 1))" in source
    report = nnspec.verify(spec, backends=("torch", "onnx"), exporters=False)
    assert report.passed, report.to_json()


@pytest.mark.parametrize(
    "kind", ["lion", "lamb", "asgd", "ftrl", "muon", "schedule_free_adamw", "adam"]
)
def test_a_step_takes_the_gradients_that_its_closure_computes(kind: str) -> None:
    """As of every optimizer of PyTorch; so do Lightning's loops call it."""
    import torch

    without = {"decay": 0} if kind == "muon" else {}  # a hook decays before the closure is called
    spec = spec_of(
        [{"type": "dense", "units": 3, "name": "hidden"}, {"type": "dense", "units": 1}],
        inputs={"x": {"shape": [4]}},
        training={"task": "regression", "optimizer": {"type": kind, **without}},
    )
    emitted = load_source(nnspec.compile(spec, "torch", training=True).source, kind)
    inputs = torch.linspace(-1, 1, 20).reshape(5, 4)
    weights = {}
    for is_within in (True, False):
        torch.manual_seed(1)
        model = emitted.Tested()
        optimizer = emitted.make_optimizer(model)

        def computed(model: Any = model, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = model(inputs).square().mean()
            loss.backward()
            return loss

        for _ in range(2):
            before = [each.detach().clone() for each in model.parameters()]
            loss = optimizer.step(computed) if is_within else computed()
            if not is_within:
                assert optimizer.step() is None
            assert loss.item() > 0
            after = list(model.parameters())
            assert not any(map(torch.equal, before, after))
        weights[is_within] = after
    assert all(map(torch.equal, weights[True], weights[False]))
