"""Comparisons and steps: a wrong one is found, and what rounding decides accuses nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nnspec import layers
from nnspec.emit.lowering import Lowered
from nnspec.emit.tree import Binary, Literal, X, apply
from nnspec.network.loader import Spec
from tests.verification.test_verify_conditioning import network, verified

NEARLY_ITSELF = (
    "name: given, type: rescaling, scale: 1.7",
    "type: rescaling, scale: 3.0",
    "name: back, type: rescaling, scale: 0.3333333333333333",
)
DECIDED = {
    kind: network(*NEARLY_ITSELF, f"type: {kind}, inputs: [given, back]")
    for kind in ("equal", "greater", "less_equal")
} | {
    "what is kept": network(
        *NEARLY_ITSELF,
        "name: above, type: greater, inputs: [given, back]",
        "name: smaller, type: rescaling, scale: 0.5, inputs: given",
        "type: where, inputs: [above, given, smaller]",
    ),
    **{
        kind: network(
            "type: rescaling, scale: 3.0", "type: rescaling, scale: 0.3333333333333333",
            f"type: {kind}",
        )
        for kind in ("floor", "ceil")
    },
    "round": network("type: rescaling, scale: 0.1", "type: rescaling, scale: 5.0", "type: round"),
    "sign": network(*NEARLY_ITSELF, "type: subtract, inputs: [given, back]", "type: sign"),
}  # fmt: skip


@pytest.mark.parametrize("spec", DECIDED.values(), ids=DECIDED)
def test_what_rounding_decides_accuses_nobody(spec: Spec) -> None:
    report = verified(spec, "torch", "keras", "onnx")
    assert report.passed, report.to_json()


def changed(function: Callable[[Any], Any]) -> Callable[[Any, Any], Lowered]:
    return lambda layer, context: Lowered(function(layer))


RELU = "name: bent, type: relu"
FAULTS: dict[str, tuple[Spec, type[layers.Layer], Any]] = {
    "greater for greater_equal": (
        network("type: greater_equal, value: 1"),
        layers.GreaterEqual,
        changed(lambda layer: Binary(">", X, Literal(layer.value))),
    ),
    "a zero of relu is not below 0": (
        network(RELU, "type: less_equal, value: 0"),
        layers.LessEqual,
        changed(lambda layer: Binary("<", X, Literal(layer.value))),
    ),
    "a number to compare with that is off": (
        network("type: greater, value: 0.5"),
        layers.Greater,
        changed(lambda layer: Binary(">", X, Literal(layer.value + 1e-3))),
    ),
    "the sides of where": (
        network("name: above, type: greater, value: 0", RELU + ", inputs: x",
                "type: where, inputs: [above, bent, x]"),
        layers.Where,
        changed(lambda layer: apply("torch.where", X, *reversed(_branches()))),
    ),
    "halves rounded away from 0": (
        network("type: round"),
        layers.Round,
        changed(lambda layer: apply("torch.floor", X + 0.5)),
    ),
    "truncated for floor": (
        network("type: floor"),
        layers.Floor,
        changed(lambda layer: apply("torch.trunc", X)),
    ),
    "the remainder of C": (
        network("type: modulo, divisor: 3", dtype="int64"),
        layers.Modulo,
        changed(lambda layer: apply("torch.fmod", X, layer.divisor)),
    ),
    "the last of equal elements first": (
        network("type: argsort"),
        layers.Argsort,
        changed(lambda layer: _last_first()),
    ),
    "a length that counts from 1": (
        network("type: sequence_mask, max_length: 6", shape="[]", dtype="int64"),
        layers.SequenceMask,
        changed(lambda layer: Binary("<=", apply("torch.arange", layer.max_length), X[..., None])),
    ),
    "a sum without the element itself": (
        network("type: cumsum"),
        layers.Cumsum,
        changed(lambda layer: apply("torch.cumsum", X, dim=1) - X),
    ),
    "a gradient that is not kept back": (
        network("name: wide, type: dense, units: 3", "name: kept, type: stop_gradient",
                "type: multiply, inputs: [wide, kept]"),
        layers.StopGradient,
        changed(lambda layer: X),
    ),
}  # fmt: skip


def _last_first() -> Binary:
    flipped = apply("torch.flip", X, dims=(1,))
    return Binary("-", Literal(7), apply("torch.argsort", flipped, dim=1, stable=True))


def _branches() -> tuple[Any, Any]:
    from nnspec.emit.tree import Input

    return Input(1), Input(2)


@pytest.mark.parametrize(("spec", "layer", "fault"), FAULTS.values(), ids=FAULTS)
def test_a_wrong_step_is_found(
    spec: Spec, layer: type[layers.Layer], fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nnspec_torch.lowerings as torch

    monkeypatch.setitem(torch.LOWERINGS, layer, fault)
    report = verified(spec, "torch", "keras", "onnx")
    assert not report.passed
    assert any(each.layer for each in report.failures()), report.to_json()
