"""Trains somebody's PyTorch network by gradients that are given, with dropout off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from nnspec_torch.units import RECURRENT, name_of

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

_DROPS = frozenset({
    "dropout", "dropout_", "alpha_dropout", "alpha_dropout_", "feature_dropout",
    "feature_alpha_dropout", "feature_alpha_dropout_", "dropout1d", "dropout2d", "dropout3d",
})  # fmt: skip
"""Functions of PyTorch that drop numbers, and without it give what they take."""


class Learning(Protocol):
    """A network that learns: see `TorchForeign`."""

    module: nn.Module

    def run_training(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as in training."""
        ...

    def parameters(self) -> dict[str, nn.Parameter]:
        """Return what the file lets learn, by the name of the tensor."""
        ...

    def _taken(self, inputs: Mapping[str, Array]) -> dict[str, torch.Tensor]: ...

    def _called(self, inputs: Mapping[str, torch.Tensor]) -> list[tuple[str, torch.Tensor]]: ...


class _Undropped(TorchFunctionMode):
    """Drops nothing."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function, or return what it takes where that would drop numbers of it."""
        name, named, given = name_of(function), dict(kwargs or {}), list(args)
        if name in _DROPS:
            return given[0] if given else named["input"]
        if name == "scaled_dot_product_attention":
            given, named = (
                [*given[:4], *([0.0] if len(given) > 4 else []), *given[5:]],
                {key: 0.0 if key == "dropout_p" else each for key, each in named.items()},
            )
        elif name in RECURRENT and len(given) == 9:
            given[5 if isinstance(given[3], bool) else 6] = 0.0  # 6 of what is packed
        return function(*given, **named)


@contextmanager
def _undropped(module: nn.Module) -> Iterator[None]:
    kept: list[tuple[nn.Module, str, Any]] = []
    for each in module.modules():
        for name in ("p", "dropout"):
            value = getattr(each, name, None)
            is_own = type(each).__module__.startswith("torch.nn")
            if is_own and isinstance(value, float) and value:
                kept.append((each, name, value))
                setattr(each, name, 0.0)
    try:
        with _Undropped():
            yield
    finally:
        for each, name, value in kept:
            setattr(each, name, value)


def learn(
    foreign: Learning, inputs: Mapping[str, Array], towards: Mapping[str, Array]
) -> tuple[dict[str, Array], Weights]:
    """Return the outputs as in training, or the gradient of Σ output · towards where it is given.

    By each tensor that the file lets learn; then the statistics move, as in a step of training.
    """
    with _undropped(foreign.module):
        if not towards:
            return foreign.run_training(inputs), {}
        learned = foreign.parameters()
        frozen = [each for each in foreign.module.parameters() if not _is_in(each, learned)]
        foreign.module.train()
        try:
            for each in frozen:
                each.requires_grad_(False)
            found = dict(foreign._called(foreign._taken(inputs)))
            parts = [
                (found[name] * torch.from_numpy(array).to(found[name].dtype)).sum()
                for name, array in towards.items()
            ]
            given = _gradients(parts, list(learned.values()))
        finally:
            foreign.module.eval()
            for each in frozen:
                each.requires_grad_(True)
    return {}, {name: each.numpy().copy() for name, each in zip(learned, given, strict=True)}


def _is_in(parameter: nn.Parameter, learned: Mapping[str, nn.Parameter]) -> bool:
    return any(parameter is each for each in learned.values())


def _gradients(
    parts: Sequence[torch.Tensor], learned: Sequence[nn.Parameter]
) -> tuple[torch.Tensor, ...]:
    """Return the gradient of a sum by each parameter: zeros where none reaches it."""
    total = [each for each in parts if each.requires_grad]
    if not total:
        return tuple(torch.zeros_like(each) for each in learned)
    whole = torch.stack(total).sum()
    return torch.autograd.grad(whole, learned, materialize_grads=True, allow_unused=True)
