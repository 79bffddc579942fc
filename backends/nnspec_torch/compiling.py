"""Lets torch.compile compile an emitted module."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import nn

from nnspec_torch.naming import attribute

_COMPILER = "torch._dynamo"
_KEPT = "__dynamo_disable"
"""The mark of `torch._compile`: what to call in a function's place."""


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


@contextmanager
def without_compiler() -> Iterator[None]:
    """Spare the import of torch's compiler, unless something has imported it.

    `torch.optim` imports it, near a second of processor time, only to keep methods from it and to
    break graphs that nobody records. So methods are marked as kept, and are called as they are,
    and what stands for the compiler breaks no graph. Whoever asks it for more gets the compiler.
    """
    if _COMPILER in sys.modules:
        yield
        return
    marked: list[Any] = []
    for method in vars(torch.optim.Optimizer).values():
        own = getattr(method, "__wrapped__", None)
        if own is not None and not hasattr(own, _KEPT):
            setattr(own, _KEPT, own)
            marked.append(own)
    stand_in = sys.modules[_COMPILER] = _StandIn(_COMPILER)
    try:
        yield
    finally:
        stand_in.leave()
        for own in marked:
            delattr(own, _KEPT)


class _StandIn(ModuleType):
    """Stands for torch's compiler while nothing is compiled."""

    @staticmethod
    def graph_break(msg: str = "") -> None:
        """Do nothing, as the compiler's own does where it records no graph."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system's questions
            raise AttributeError(name)
        self.leave()
        return getattr(importlib.import_module(_COMPILER), name)

    def leave(self) -> None:
        """Make room for the compiler."""
        if sys.modules.get(_COMPILER) is self:
            del sys.modules[_COMPILER]
        if vars(torch).get("_dynamo") is self:
            del vars(torch)["_dynamo"]


def _apart(function: Any) -> Any:
    """Keep a function from the compiler."""
    return torch.compiler.disable(function)  # type: ignore[no-untyped-call]  # torch's
