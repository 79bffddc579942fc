"""Lets torch.compile compile an emitted module."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import torch
from torch import nn

from nnspec_torch.naming import attribute


def compile_module(model: Any, emitted: ModuleType, random: Iterable[str]) -> None:
    """Let a module be compiled when it first runs, all but its random layers.

    random: their paths. What they draw may come from outside, where no compiler looks.
    """
    sys.modules[emitted.__name__] = emitted  # where the compiler looks for it
    for path in random:
        module: Any = model.get_submodule(".".join(map(attribute, path.split("."))))
        if not isinstance(module, nn.RNNBase):
            module._compiled_call_impl = _apart(module._call_impl)
    run = getattr(emitted, "run_dropping", None)
    if run is not None:
        emitted.__dict__["run_dropping"] = _apart(run)
    # The first of these is what training calls, and what the others call.
    name = next(each for each in ("for_loss", "logits", "forward") if hasattr(model, each))
    setattr(model, name, torch.compile(getattr(model, name)))


def _apart(function: Any) -> Any:
    """Keep a function from the compiler."""
    return torch.compiler.disable(function)  # type: ignore[no-untyped-call]  # torch's
