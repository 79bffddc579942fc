"""The compiled source of a spec: its text, and the facts that a program needs of it."""

from __future__ import annotations

from dataclasses import dataclass

from nnspec.backend import Options
from nnspec.network.graph import Head
from nnspec.network.loader import Spec


@dataclass(frozen=True)
class TorchSource:
    """PyTorch source of a spec."""

    spec: Spec
    options: Options
    source: str
    head: Head | None
