"""Cuts a part out of a PyTorch network, as a script that computes it alone."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from safetensors.numpy import save
from torch import nn

from nnspec.backend.foreign import Cut
from nnspec.backend.python_files import defined, in_docstring, named_in, quoted
from nnspec.emit.snippets import snippets
from nnspec_torch.following import Followed, Follower

if TYPE_CHECKING:
    from nnspec.backend import Array

NEEDS = ("torch", "numpy", "safetensors")
OWN = snippets("nnspec_torch.emitted", "reproducing")


@dataclass(eq=False)
class Entered:
    """A call of a module. before: how often each function had been called. step: the next one."""

    module: nn.Module
    args: tuple[Any, ...]
    named: Mapping[str, Any]
    before: Counter[str]
    step: int
    tensors: dict[int, Array] = field(default_factory=dict)
    """Of those that it takes, by id, as they were."""
    result: Any = None


class Parted(Followed, Protocol):
    """A network that is cut: see `TorchForeign`."""

    making: Callable[[str], tuple[str, dict[str, bytes]]] | None
    is_exported: bool

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as at inference."""
        ...

    def path_of(self, module: nn.Module) -> str | None:
        """Return the name of a module within the network, if it has one."""
        ...

    def _taken(self, inputs: Mapping[str, Array]) -> dict[str, torch.Tensor]: ...

    def _called(self, inputs: Mapping[str, torch.Tensor]) -> list[tuple[str, torch.Tensor]]: ...


class _Cutter(Follower):
    """Follows a run, and notes the calls of modules, and which call of its function a step is."""

    def __init__(self, foreign: Parted, inputs: Mapping[str, torch.Tensor]) -> None:
        super().__init__(foreign, inputs)
        self.entered: list[Entered] = []
        self.within: list[list[Entered]] = []
        self.which: list[tuple[str, int, bool, bool]] = []
        self._counts: Counter[str] = Counter()
        self._open: list[Entered] = []
        self._is_noted = False
        self._is_quiet = False

    @contextmanager
    def entering(self) -> Iterator[None]:
        """Note what each module is called with."""
        original = nn.Module.__call__

        def call(module: nn.Module, *args: Any, **named: Any) -> Any:
            entry = Entered(module, args, named, self._counts.copy(), len(self.steps))
            self._is_quiet = True
            for _, each in named_in((args, named), torch.is_tensor):
                entry.tensors[id(each)] = each.detach().numpy().copy()
            self._is_quiet = False
            self._open.append(entry)
            try:
                entry.result = original(module, *args, **named)
            finally:
                self._open.pop()
            return entry.result

        nn.Module.__call__ = call  # type: ignore[method-assign]
        try:
            yield
        finally:
            nn.Module.__call__ = original  # type: ignore[method-assign]

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function, note it, and count it."""
        if self._is_quiet:
            return function(*args, **(kwargs or {}))
        is_inner, self._is_noted = self._is_noted, True
        name = str(getattr(function, "__name__", ""))
        result = super().__torch_function__(function, types, args, kwargs)
        self._is_noted = is_inner
        for _ in range(len(self.which), len(self.steps)):
            is_alone = not is_inner and name != "__get__"  # of which there is one a property
            self.which.append((name, self._counts[name], is_alone, torch.is_tensor(result)))
            self.within.append(list(self._open))
        if not is_inner:
            self._counts[name] += 1
        return result


def cuts(
    foreign: Parted, inputs: Mapping[str, Array], taken: Sequence[int], given: int | None,
    name: str,
) -> list[Cut]:  # fmt: skip
    """Return the parts of a network that make one value of others, the smallest first."""
    if foreign.making is None:
        return []
    network, files = foreign.making(name)
    maker = _Maker(network, files, name, is_exported=foreign.is_exported)
    if given is None:
        outputs = foreign.run(inputs)
        call = ", ".join(
            f"{'' if foreign.is_exported else f'{key}='}taken[{quoted(key)}]" for key in inputs
        )
        return maker.both(foreign.module, "", "", call, "", dict(inputs), outputs)
    with torch.no_grad():
        tensors = foreign._taken(inputs)
        cutter = _Cutter(foreign, tensors)
        with cutter.naming(), cutter.entering(), cutter:
            foreign._called(tensors)
    at = next((step for step in cutter.steps if given in step.outputs), None)
    if at is None or given not in cutter.values:
        return []
    first = min(_slice(cutter, set(taken), given), default=at.number)
    value = {"value": cutter.values[given]}
    found: list[Cut] = []
    for entry in reversed(cutter.within[at.number]):
        if entry.step > first:
            continue
        path = foreign.path_of(entry.module)
        if path is None:
            continue
        arrays: dict[str, Array] = {}
        try:
            call = _call_of(entry, arrays, is_positional=foreign.is_exported and not path)
        except TypeError:
            continue  # it takes what no script can write
        told = foreign.name_of(entry.module) if path else ""
        kept = ""
        if not (torch.is_tensor(entry.result) and cutter.number_of(entry.result) == given):
            kept = _kept(cutter, entry, at.number, at.outputs.index(given), at.place)
            if not kept:
                continue
        found += maker.both(entry.module, path, told, call, kept, arrays, value)
    return found


def _slice(cutter: _Cutter, taken: set[int], given: int) -> Iterator[int]:
    """Yield the steps that make a value of others."""
    made = {number: step for step in cutter.steps for number in step.outputs}
    open_, met = [given], {given}
    while open_:
        step = made.get(open_.pop())
        if step is not None:
            yield step.number
            new = [n for n in step.inputs if n not in taken and n not in met]
            met.update(new)
            open_ += new


def _kept(cutter: _Cutter, entry: Entered, step: int, place: int, told: str) -> str:
    """Return the call that keeps what a step gives within the call of a module."""
    name, count, is_alone, is_single = cutter.which[step]
    if not is_alone or not all(part.isidentifier() for part in name.split(".")):
        return ""
    count -= entry.before[name]
    shown = "" if is_single or name == "__setitem__" else f", {place}"
    return f"Kept({quoted(name)}, {count}{shown})"


def _call_of(entry: Entered, arrays: dict[str, Array], *, is_positional: bool) -> str:
    """Return the arguments of a call as Python; raises TypeError for what cannot be written."""
    parameters = list(inspect.signature(entry.module.forward).parameters.values())
    words = []
    for i, each in enumerate(entry.args):
        is_named = i < len(parameters) and parameters[i].kind.name.startswith("POSITIONAL")
        words.append(_text(each, parameters[i].name if is_named else f"given{i}", entry, arrays))
    for name, each in entry.named.items():
        text = _text(each, name, entry, arrays)
        words.append(text if is_positional else f"{name}={text}")
    return ", ".join(words)


def _text(given: Any, name: str, entry: Entered, arrays: dict[str, Array]) -> str:
    if torch.is_tensor(given):
        arrays[name] = entry.tensors[id(given)]
        return f"taken[{quoted(name)}]"
    if given is None or isinstance(given, bool | int | str):
        return repr(given)
    if isinstance(given, float) and np.isfinite(given):
        return repr(given)
    if type(given) in (tuple, list):
        inner = [_text(each, f"{name}{i}", entry, arrays) for i, each in enumerate(given)]
        return f"({', '.join(inner)},)" if isinstance(given, tuple) else f"[{', '.join(inner)}]"
    if type(given) is dict and all(isinstance(key, str) for key in given):
        inner = [f"{key!r}: {_text(each, f'{name}_{key}', entry, arrays)}"
                 for key, each in given.items()]  # fmt: skip
        return f"{{{', '.join(inner)}}}"
    raise TypeError(type(given).__name__)


@dataclass(frozen=True)
class _Maker:
    """Writes scripts. network: the source that makes it. files: that this reads."""

    network: str
    files: Mapping[str, bytes]
    name: str
    is_exported: bool = False

    def both(
        self, module: nn.Module, path: str, told: str, call: str, kept: str,
        arrays: Mapping[str, Array], outputs: Mapping[str, Array],
    ) -> list[Cut]:  # fmt: skip
        """Return a part as it computes in float64, and in float32."""
        is_double = any(each.dtype == torch.float64 for each in module.state_dict().values())
        is_double |= any(each.dtype == np.float64 for each in arrays.values())
        dtypes = ("float64", "float32") if is_double else ("float32",)
        return [self._cut(module, path, told, call, kept, arrays, outputs, each)
                for each in dtypes]  # fmt: skip

    def _cut(
        self, module: nn.Module, path: str, told: str, call: str, kept: str,
        arrays: Mapping[str, Array], outputs: Mapping[str, Array], dtype: str,
    ) -> Cut:  # fmt: skip
        def cast(array: Array) -> Array:
            return np.ascontiguousarray(array.astype(dtype) if array.dtype.kind == "f" else array)

        state = {
            key.removeprefix("graph.") if self.is_exported else key: cast(each.detach().numpy())
            for key, each in module.state_dict().items()
        }
        files = {**self.files, f"{self.name}.safetensors": save(state)} if state else {**self.files}
        lines = [f"torch.set_default_dtype(torch.{dtype})"]
        part = f"network().get_submodule({quoted(path)})" if path else "network()"
        mode = "" if self.is_exported else ".eval()"  # it has the mode of its export
        lines.append(f"part = {part}.to(torch.{dtype}){mode}")
        if state:
            lines.append(f'part.load_state_dict(load_file(HERE / "{self.name}.safetensors"))')
        lines.append("taken = {name: torch.from_numpy(array) for name, array in given.items()}")
        is_named = not kept and [*outputs] not in (["output"], ["value"])
        context = f"torch.no_grad(), {kept} as kept" if kept else "torch.no_grad()"
        lines.append(f"with {context}:")
        lines.append(f"    {'' if kept else 'result = '}part({call})")
        if kept:
            lines.append('return {"value": kept.value.numpy()}')
        elif is_named:
            lines.append("return {name: each.numpy() for name, each in named(result)}")
        else:
            lines.append(f'return {{"{next(iter(outputs))}": result.numpy()}}')
        imports = "import numpy as np\nimport torch\n"
        imports += "from safetensors.torch import load_file\n" if state else ""
        what = f"Return what {in_docstring(told or 'the network')} gives."
        used = [OWN[name] for name, flag in (("Kept", kept), ("named", is_named)) if flag]
        needed = {each.statement: None for one in used for each in one.imports.values()}
        imports = "".join(f"{line}\n" for line in dict.fromkeys([*imports.splitlines(), *needed]))
        helpers = "".join(f"\n\n{one.text}\n" for one in used)
        source = f"{imports}{self.network}{helpers}\n\n"
        source += defined("computed(given)", what, "\n".join(lines))
        given = {key: cast(each) for key, each in arrays.items()}
        return Cut(told, NEEDS, source, given, dict(outputs), files)
