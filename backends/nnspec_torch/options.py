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
    device: str = option(
        "cpu",
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
    processes: bool = option(
        False, "Let the processes that torchrun starts share each batch.", in_verify=False
    )
    sharded: bool = option(
        False,
        "With --processes: let each keep a share of weights, gradients and optimizer (FSDP).",
        in_verify=False,
    )
    precision: str = option(
        "32",
        "Of the arithmetic in training: mixed ones leave to autocast what is computed in 16 bits.",
        choices=("32", "bf16-mixed", "16-mixed"),
        in_verify=False,
    )
