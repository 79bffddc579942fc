"""The record of a kind of fault, and the table of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.detection.catalogue.edits import Finder

Node = Any
"""A NodeProto."""
OnnxFinder = Callable[[Any], Iterator[tuple[str, Callable[[Any], None]]]]
"""Of a model: yields the name of a node, and what changes it in a copy of the model."""
WeightChange = Callable[[str, Any, Mapping[str, Any]], Any]
"""Of a parameter's name, its value and all weights: another value, or None to leave it."""


@dataclass(frozen=True)
class Kind:
    """A kind of fault that exporters, ports or trainings have had.

    sources: issues, papers or rows of SEMANTICS. layers: types of layers that may be blamed; of
    none, those at the place of the edit. torch, keras, onnx: what finds its places in a file.
    weights: what changes a parameter while an engine loads it. engine: words of the names of
    injections into an engine (`tests.detection.INJECTIONS`), `kind:name`, a pattern each.
    """

    id: str
    title: str
    sources: tuple[str, ...]
    torch: Finder | None = None
    keras: Finder | None = None
    onnx: OnnxFinder | None = None
    weights: WeightChange | None = None
    engine: tuple[str, ...] = field(default=())
    layers: tuple[str, ...] = ()
