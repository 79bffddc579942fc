"""The options of compiling to PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

from nnspec.backend import Options, option


@dataclass(frozen=True, slots=True)
class TorchOptions(Options):
    """The options of compiling to PyTorch."""

    compile: bool = option(
        False,
        "Run what is written through the framework's own compiler: torch.compile, jit_compile.",
        variant="compiled",
        in_source=False,
    )
