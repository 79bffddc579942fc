"""Reads the tensors of a file that torch.save has written; no other object of it is made."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nnspec.backend.foreign import STATE_DICT, Described, Held, Reference
from nnspec.errors import UsageError, printable

if TYPE_CHECKING:
    from nnspec.backend import Weights

HOMES = (
    "state_dict", "model_state_dict", "model", "module", "net", "network", "weights", "params",
)  # fmt: skip
"""Keys under which training loops keep the weights among other things, the likeliest first."""
_MEND = "write its weights with `torch.save(model.state_dict(), path)`"


class Checkpoint:
    """The tensors of a state dict: a file that can be asked for nothing else."""

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        names: dict[tuple[Any, ...], list[str]] = {}
        for name, each in tensors.items():
            key = (each.data_ptr(), each.shape, each.stride()) if each.numel() else (name,)
            names.setdefault(key, []).append(name)
        self._tensors = {first: tensors[first] for first, *_ in names.values()}
        self._aliases = {first: tuple(others) for first, *others in names.values()}

    def describe(self) -> Described:
        """Return what it holds."""
        held = tuple(
            Held(
                name,
                tuple(each.shape),
                str(each.dtype).removeprefix("torch."),
                aliases=self._aliases[name],
            )
            for name, each in self._tensors.items()
        )
        return Described("torch", STATE_DICT, (), held)

    def weights(self) -> Weights:
        """Return every tensor held, by name; half precision as float32, which holds it exactly."""
        found: Weights = {}
        for name, each in self._tensors.items():
            is_half = each.dtype in (torch.float16, torch.bfloat16)
            found[name] = np.array((each.float() if is_half else each).detach().numpy())
        return found


def open_checkpoint(reference: Reference) -> Checkpoint:
    """Return the tensors of a .pt, .pth or .bin file; raises UsageError."""
    path = Path(reference.path)
    if reference.name or reference.arguments or reference.named:
        raise UsageError(f"{path.name} holds weights alone: it takes no name and no arguments")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        said = printable(" ".join(str(error).split()))
        _, is_global, rest = said.partition("GLOBAL ")
        if not is_global or not rest:
            raise UsageError(f"{path.name} is no file of torch.save; {_MEND}") from None
        raise UsageError(
            f"{path.name} holds more than tensors ({rest.split()[0]}), and no object of it is "
            f"made: {_MEND}"
        ) from None
    except Exception as error:
        told = printable(" ".join(str(error).split()))[:200]
        raise UsageError(f"{path.name} is no file of torch.save: {told}; {_MEND}") from None
    tensors = dict(_tensors(_home(found)))
    if not tensors:
        raise UsageError(f"{path.name} holds no tensors by name: {_MEND}")
    others = [n for n, each in tensors.items() if each.is_sparse or each.is_quantized]
    if others:
        raise UsageError(f"{path.name}: {printable(others[0])} is no plain tensor: {_MEND}")
    return Checkpoint(tensors)


def _home(found: Any) -> Any:
    """Return the mapping that holds the weights, of a checkpoint with an optimizer's state too."""
    while isinstance(found, Mapping):
        homes = [key for key in HOMES if isinstance(found.get(key), Mapping)]
        if not homes or any(isinstance(each, torch.Tensor) for each in found.values()):
            return found
        found = found[homes[0]]
    return found


def _tensors(found: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors within mappings, each by its path; those in lists are no weights."""
    if isinstance(found, torch.Tensor):
        yield name, found
    elif isinstance(found, Mapping):
        for key, each in found.items():
            yield from _tensors(each, f"{name}.{key}" if name else str(key))
