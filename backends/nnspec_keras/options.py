"""The options of compiling to Keras."""

from __future__ import annotations

from dataclasses import dataclass

from nnspec.backend import Options, option


@dataclass(frozen=True, slots=True)
class KerasOptions(Options):
    """The options of compiling to Keras."""

    compile: bool = option(
        False,
        "Run what is written through the framework's own compiler: torch.compile, jit_compile.",
        variant="compiled",
        in_source=False,
    )
    device: str = option(
        "auto",
        "Where what is written runs.",
        choices=("cpu", "cuda", "mps", "auto"),
        in_verify=False,
        in_source=False,
    )
    tf32: str = option(
        "default",
        "Whether a GPU may round the factors of products of float32 to TF32.",
        choices=("default", "on", "off"),
        in_verify=False,
        in_source=False,
    )
    stock: bool = option(False, "Use Keras's own optimizer though its definition differs.")
