"""Follows what a PyTorch network computes: every function that is called, and where."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from nnspec.backend.foreign import KEPT, Step
from nnspec.backend.python_files import named_in
from nnspec_torch.units import Call, Ref, in_layers, is_deep, mapped, name_of

if TYPE_CHECKING:
    from nnspec.backend import Array

_TORCH = str(Path(torch.__file__).parent)
_OWN = Path(__file__).parent
CALLERS = 5
"""Lines that are told of one operation: the innermost, and those that call what it is in."""
_UNTOLD = frozenset({"__set__", "size", "dim", "stride", "numel", "is_contiguous"})
"""Of what is asked of a tensor: what computes nothing."""


def line_of(frame: FrameType | None, folder: Path) -> str:
    """Return the innermost line of the files in a folder, or else the innermost not of PyTorch.

    With the lines that call what it is in.
    """
    found: list[str] = []
    other = ""
    while frame is not None and len(found) < CALLERS:
        name = frame.f_code.co_filename
        is_here = Path(name).parent == _OWN
        if is_here and found:
            break  # beyond it is who asked for the run
        if not is_here and not name.startswith((_TORCH, "<")):
            if Path(name).is_relative_to(folder):
                found.append(f"{Path(name).relative_to(folder)}:{frame.f_lineno}")
            other = other or f"{Path(name).name}:{frame.f_lineno}"
        frame = frame.f_back
    if not found:
        return other
    first, *callers = dict.fromkeys(found)
    return f"{first}, called from {' and '.join(callers)}" if callers else first


class Followed(Protocol):
    """A network that is followed. folder: of its file."""

    module: nn.Module
    folder: Path

    def at(self) -> str:
        """Return the line that computes now, where the file itself says it."""
        ...

    def name_of(self, module: nn.Module) -> str:
        """Return a module by its path, its class and the line that made it."""
        ...

    def names_by_id(self) -> dict[int, str]:
        """Return the name of each tensor held, by the id of the object."""
        ...


class Follower(TorchFunctionMode):
    """Notes every function of PyTorch that is called, with what it takes and gives."""

    def __init__(self, foreign: Followed, inputs: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.calls: list[Call] = []
        self.values: dict[int, Array] = {}
        self.is_whole = True
        self._foreign = foreign
        self._made: dict[int, tuple[Call, int]] = {}
        self._numbers: dict[int, int] = {}
        self._held: list[torch.Tensor] = []  # so that no id is another's
        self._derived: dict[int, tuple[str, ...]] = {
            key: (name,) for key, name in foreign.names_by_id().items()
        }
        self._bytes = 0
        self._modules: list[nn.Module] = []
        self.given = {name: self._number(each) for name, each in inputs.items()}

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Know within which module each function is called."""
        before = nn.modules.module.register_module_forward_pre_hook(
            lambda module, _: self._modules.append(module)
        )
        after = nn.modules.module.register_module_forward_hook(
            lambda *_: self._modules.__delitem__(-1)
        )
        try:
            yield
        finally:
            before.remove()
            after.remove()

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function, and note it."""
        name = name_of(function)
        if is_deep(name, args):
            return in_layers(self._noted, function, args)
        given = [each for _, each in named_in((args, kwargs or {}), torch.is_tensor)]
        call = Call(function, mapped(args, self._ref), mapped(kwargs or {}, self._ref))
        result = function(*args, **(kwargs or {}))
        if name not in _UNTOLD:
            # An assignment to a part of a tensor gives nothing, and makes another one of it.
            self._note(name, given, results_of(args[0] if name == "__setitem__" else result), call)
        return result

    def _noted(self, function: Callable[..., Any], *args: Any) -> Any:
        return self.__torch_function__(function, (), args)

    def _ref(self, tensor: torch.Tensor) -> Any:
        """Return what stands for a tensor in a call that is kept: itself if it is a constant."""
        key = id(tensor)
        if key in self._made:
            return Ref(made=self._made[key])
        if key in self._numbers:
            return Ref(self._numbers[key])
        held = self._derived.get(key)
        return Ref(held=held[0]) if held else tensor

    def _note(
        self, name: str, given: list[torch.Tensor], results: list[torch.Tensor], call: Call
    ) -> None:
        keys = [id(each) for each in given]
        names = dict.fromkeys(name for key in keys for name in self._derived.get(key, ()))
        if not results:
            return
        is_computed = any(key in self._numbers and key not in self._derived for key in keys)
        if not is_computed and names:  # of tensors held alone: what comes of them are tensors held
            for place, each in enumerate(results):
                if each.numel() != max(one.numel() for one in given):
                    self._number(each)  # such as a token for each row of the batch
                self._held.append(each)
                self._derived[id(each)] = tuple(names)
                self._made[id(each)] = call, place
            return
        inputs = tuple(dict.fromkeys(self._numbers[key] for key in keys if key in self._numbers))
        outputs = tuple(self._number(each) for each in results)
        self.calls.append(call)
        self.steps.append(Step(len(self.steps), name, self._place(), inputs, outputs, tuple(names)))

    def number_of(self, tensor: torch.Tensor) -> int | None:
        """Return the number of a value, if it is one."""
        return self._numbers.get(id(tensor))

    def _number(self, tensor: torch.Tensor) -> int:
        number = len(self._held)
        self._held.append(tensor)
        self._numbers[id(tensor)] = number
        self._bytes += tensor.numel() * tensor.element_size()
        if self._bytes > KEPT:
            self.is_whole = False
        else:
            whole = tensor.float() if tensor.dtype == torch.bfloat16 else tensor  # NumPy lacks it
            self.values[number] = whole.detach().numpy().copy()
        return number

    def _place(self) -> str:
        line = self._foreign.at() or line_of(inspect.currentframe(), self._foreign.folder)
        if not self._modules or self._modules[-1] is self._foreign.module:
            return line
        return f"{line}, in {self._foreign.name_of(self._modules[-1])}"


def results_of(given: Any) -> list[torch.Tensor]:
    """Return the tensors that a call gives."""
    return [each for _, each in named_in(given, torch.is_tensor)]
