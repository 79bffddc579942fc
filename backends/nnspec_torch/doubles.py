"""Computes somebody's network in float64, where its own code says float32 in places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

CONSTANT = 1e-3
"""Relative: how far a constant that was computed in float32 may be from itself in float64."""


class _Doubles(TorchFunctionMode):
    """Reads float32 as float64, in whatever is asked of PyTorch."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function, in float64 where it says float32."""
        if function is torch.Tensor.float:
            function = torch.Tensor.double
        args = [_read(each) for each in args]
        return function(*args, **{name: _read(each) for name, each in (kwargs or {}).items()})


def _read(given: Any) -> Any:
    return torch.float64 if given is torch.float32 else given


@contextmanager
def in_doubles() -> Iterator[None]:
    """Make and compute floats in float64 in a context, also where code says float32.

    A file that says so has no effect in float32, where it casts what is float32 already; left as
    it is, its float64 would be float32 in places, and its rounding would look like a fault.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _Doubles():
            yield
    finally:
        torch.set_default_dtype(before)


def take_weights(made: nn.Module, given: nn.Module) -> None:
    """Give a network that was made in float64 the tensors of the one made in float32.

    A buffer that the constructor computes, such as an angle of each position, keeps the digits
    that float32 lacks. Raises KeyError and RuntimeError where the two do not hold the same.
    """
    parameters = dict(given.named_parameters(remove_duplicate=False))
    buffers = dict(given.named_buffers(remove_duplicate=False))
    made.to(torch.float64)
    with torch.no_grad():
        for name, parameter in made.named_parameters(remove_duplicate=False):
            parameter.copy_(parameters.pop(name))
        for name, buffer in made.named_buffers(remove_duplicate=False):
            theirs = buffers.pop(name)
            if not _is_rounded(theirs, buffer):
                buffer.copy_(theirs)
    if parameters or buffers:
        raise KeyError(next(iter(parameters or buffers)))


def _is_rounded(single: torch.Tensor, double: torch.Tensor) -> bool:
    """Whether one is the other but for the rounding of float32."""
    if single.shape != double.shape or not single.is_floating_point() or not single.numel():
        return False
    largest = float(double.abs().max())
    off = float((single.to(double.dtype) - double).abs().max())
    return off <= CONSTANT * largest
