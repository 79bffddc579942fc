"""The device that a program computes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from nnspec.errors import UsageError


def device_of(asked: str, dtype: torch.dtype, *, is_shared: bool = False) -> torch.device:
    """Return the device that is meant; raises UsageError where it is not there, saying what is.

    asked: "cpu", "cuda", "mps" or "auto", the first of cuda, mps and cpu that is there. is_shared:
    whether each of several processes takes one of its own.
    """
    has_mps = torch.backends.mps.is_available() and dtype != torch.float64 and not is_shared
    there = {"cuda": torch.cuda.is_available(), "mps": has_mps, "cpu": True}
    if asked == "auto":
        asked = next(name for name, is_there in there.items() if is_there)
    elif not there[asked]:
        found = ", ".join(name for name, is_there in there.items() if is_there)
        raise UsageError(f"there is no device {asked} {_why(asked, dtype)}; there is: {found}")
    if asked != "cuda" or not is_shared:
        return torch.device(asked)
    number, count = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if number >= count:
        raise UsageError(
            f"process {number + 1} of this machine has no GPU: there are {count}; let as many "
            "processes begin, or take the device cpu"
        )
    return torch.device(asked, number)


@contextmanager
def rounding_factors(asked: str) -> Iterator[None]:
    """Let a GPU round factors to TF32 or not, in products and convolutions.

    asked: "on", "off", or "default": as PyTorch does, which rounds those of convolutions alone.
    """
    if asked == "default":
        yield
        return
    cudnn: Any = torch.backends.cudnn  # whose types lack these
    settings: tuple[Any, ...] = (torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn)
    before = [each.fp32_precision for each in settings]
    try:
        for each in settings:
            each.fp32_precision = "tf32" if asked == "on" else "ieee"
        yield
    finally:
        for each, precision in zip(settings, before, strict=True):
            each.fp32_precision = precision


def name_of(device: torch.device) -> str:
    """Return the kind of a device, of a GPU with its name."""
    if device.type != "cuda":
        return device.type
    return f"{device.type} ({torch.cuda.get_device_name(device)})"


def _why(asked: str, dtype: torch.dtype) -> str:
    version = f"for PyTorch {torch.__version__}"
    if asked == "mps":
        if torch.backends.mps.is_available():
            more = "which has no float64" if dtype == torch.float64 else "for several processes"
            return f"{more}: take another"
        return f"{version}: it is of Macs with Apple silicon"
    if torch.version.cuda is None and torch.version.hip is None:
        return (
            f"{version}, which was built without CUDA: install a build with it "
            "(https://pytorch.org/get-started/locally)"
        )
    return f"{version}: look for the GPU and its driver with nvidia-smi"
