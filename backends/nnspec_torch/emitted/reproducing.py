"""Classes and functions of scripts that show a difference: they keep what a call gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class Kept(TorchFunctionMode):
    """Keeps what one call of a function gives: the call by its number, the value by its place."""

    def __init__(self, name: str, number: int, place: int | None = None) -> None:
        super().__init__()
        self.name, self.number, self.place = name, number, place
        self.count = 0
        self.value = torch.empty(0)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") == self.name:
            if self.count == self.number:
                found = args[0] if self.name == "__setitem__" else result
                self.value = (
                    found if self.place is None else found[self.place]
                ).clone()
            self.count += 1
        return result


def named(given: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors within mappings, tuples and dataclasses, each by its place."""
    fields = getattr(given, "__dataclass_fields__", {})
    if fields and not isinstance(given, Mapping):
        given = {key: getattr(given, key, None) for key in fields}
    if isinstance(given, Mapping | tuple | list):
        for key, each in (
            given.items() if isinstance(given, Mapping) else enumerate(given)
        ):
            yield from named(each, f"{name}.{key}" if name else str(key))
    elif torch.is_tensor(given):
        yield name or "output", given
