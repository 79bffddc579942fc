"""Building a module without drawing first weights that are replaced at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_DRAWING = frozenset(
    {
        Tensor.uniform_,
        Tensor.normal_,
        nn.init.uniform_,
        nn.init.normal_,
        nn.init.kaiming_uniform_,
    }
)


class Undrawn(TorchFunctionMode):
    """Leaves parameters undrawn, for a module that is given weights at once."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        tensor = args[0] if args else kwargs.get("tensor")
        if func in _DRAWING and isinstance(tensor, nn.Parameter):
            return tensor
        return func(*args, **kwargs)
