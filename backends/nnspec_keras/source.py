"""The compiled source of a spec: its text, and the facts that a program needs of it."""

from __future__ import annotations

from dataclasses import dataclass

from nnspec.network.graph import Head
from nnspec.network.loader import Spec
from nnspec_keras.options import KerasOptions


@dataclass(frozen=True)
class KerasSource:
    """Keras source of a spec; `function` builds the model, `head` is what the loss leaves out."""

    spec: Spec
    options: KerasOptions
    source: str
    function: str
    head: Head | None
