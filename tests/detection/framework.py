"""What an injected fault is, and how it is measured."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

import nnspec
from nnspec.network.loader import loads
from nnspec.verification.report import Report

Inject = Callable[["Patch"], None]


class Patch:
    """Puts a fault into an engine, takes it out again, and knows whether it came to pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.happened = 0

    def note(self) -> None:
        """Count that the fault was met."""
        self.happened += 1


@dataclass(frozen=True)
class Injection:
    """One fault.

    side: the engine that has it. spec: the network that shows it, as JSON. layers: those that may
    be blamed; none where no layer is at fault. is_listed: one of those that verify once missed.
    is_out_of_sight: below what rounding explains, or beyond the domain of inputs: it may be missed.
    part: the kind of check that must find it, and accuse the engine that has it alone. says: what a
    failed check must say.
    """

    name: str
    kind: str
    side: str
    spec: str
    inject: Inject
    layers: tuple[str, ...] = ()
    is_listed: bool = False
    is_out_of_sight: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    part: str = ""
    says: str = ""

    @property
    def id(self) -> str:
        return f"{self.side}-{self.name}".replace(" ", "-")


@dataclass(frozen=True)
class Outcome:
    """What verify made of it; `is_blamed` is None where no layer is at fault."""

    injection: Injection
    is_caught: bool
    is_blamed: bool | None
    seconds: float
    blamed: tuple[str | None, ...]


_BACKENDS = {
    "torch": ("torch", "keras"),
    "keras": ("torch", "keras"),
    "onnx": ("torch", "onnx"),
    "onnx-via-torch": ("torch", "onnx"),
    "onnx-via-keras": ("keras", "onnx"),
}


def verified(injection: Injection, monkeypatch: pytest.MonkeyPatch | None) -> Report:
    """Return verify's report of the network, with the fault where there is a monkeypatch."""
    options: dict[str, Any] = {
        "backends": _BACKENDS[injection.side],
        "exporters": injection.side.startswith("onnx-via"),
        **injection.options,
    }
    if monkeypatch is None:
        return nnspec.verify(loads(injection.spec, is_json=True), **options)
    patch = Patch(monkeypatch)
    with monkeypatch.context() as scope:
        patch.monkeypatch = scope
        injection.inject(patch)
        report = nnspec.verify(loads(injection.spec, is_json=True), **options)
    if not patch.happened:
        raise AssertionError(f"{injection.id}: the fault was never met")
    return report


def measure(injection: Injection, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Return whether verify finds the fault, and blames the right layer first."""
    start = time.perf_counter()
    report = verified(injection, monkeypatch)
    seconds = time.perf_counter() - start
    blamed = tuple(dict.fromkeys(check.layer for check in report.failures()))
    is_caught = not report.passed
    named = [layer for layer in blamed if layer is not None]
    is_blamed = None
    if injection.layers and is_caught:
        is_blamed = bool(named) and named[0] in injection.layers
    if injection.part and is_caught:
        accused = {check.pair[0] for check in report.failures() if check.kind == injection.part}
        is_blamed = accused == {injection.side}
    if injection.says and is_caught:
        is_blamed = any(injection.says in check.detail for check in report.failures())
    return Outcome(injection, is_caught, is_blamed, seconds, blamed)


def network(
    inputs: dict[str, Any],
    *layers: dict[str, Any] | str,
    outputs: list[str] | None = None,
    training: dict[str, Any] | None = None,
    data_format: str = "channels_first",
) -> str:
    """Return a spec as JSON; an input is a shape, or a shape and a dtype; a layer may be a type."""
    given = {
        name: {"shape": kind[0], "dtype": kind[1]} if isinstance(kind, tuple) else {"shape": kind}
        for name, kind in inputs.items()
    }
    spec: dict[str, Any] = {
        "nnspec": 1,
        "name": "Suspect",
        "data_format": data_format,
        "inputs": given,
        "layers": [{"type": each} if isinstance(each, str) else each for each in layers],
    }
    if outputs is not None:
        spec["outputs"] = outputs
    if training is not None:
        spec["training"] = training
    return json.dumps(spec)


def layer(type: str, name: str | None = None, *inputs: str, **fields: Any) -> dict[str, Any]:
    """Return one layer of a spec."""
    made: dict[str, Any] = {"type": type, **fields}
    if name is not None:
        made["name"] = name
    if inputs:
        made["inputs"] = list(inputs)
    return made
