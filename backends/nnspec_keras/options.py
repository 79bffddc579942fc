"""The options of compiling to Keras."""

from __future__ import annotations

from dataclasses import dataclass

from nnspec.backend import Options, option


@dataclass(frozen=True, slots=True)
class KerasOptions(Options):
    """The options of compiling to Keras."""

    stock: bool = option(False, "Use Keras's own optimizer though its definition differs.")
