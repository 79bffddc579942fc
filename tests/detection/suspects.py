"""Small networks with one layer that a source backend is to express wrongly."""

from __future__ import annotations

from typing import Any

from tests.detection.framework import Injection, layer, network

IMAGE = {"image": [2, 6, 6]}
VECTOR = {"x": [6]}
SEQUENCE = {"x": ["time", 4]}


def bent(kind: str, **settings: Any) -> str:
    """Return a network with an activation between two dense layers."""
    return network(
        VECTOR,
        layer("dense", "before", units=8),
        layer(kind, "suspect", **settings),
        layer("dense", "after", units=3),
    )


def image(kind: str, before: int = 4, **settings: Any) -> str:
    """Return a network with a layer of images between two convolutions."""
    return network(
        IMAGE,
        layer("conv2d", "before", filters=before, kernel_size=3, padding="same"),
        layer(kind, "suspect", **settings),
        layer("conv2d", "after", filters=2, kernel_size=1),
    )


def sequence(kind: str, **settings: Any) -> str:
    """Return a network with a layer of sequences between two dense layers."""
    return network(
        SEQUENCE,
        layer("dense", "before", units=8),
        layer(kind, "suspect", **settings),
        layer("dense", "after", units=3),
    )


def fault(name: str, side: str, kind: str, spec: str, inject: Any) -> Injection:
    return Injection(name, kind, side, spec, inject, ("suspect",))
