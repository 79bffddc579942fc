"""Opens a program of TorchScript, and follows its graph node by node.

`torch.jit.load` is deprecated, and still reads what was saved. A program runs here in Python, one
operator after the other, so that each can be seen; its own code is never handed to Python.
"""

from __future__ import annotations

import inspect
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.jit._recursive import wrap_cpp_module

from nnspec.backend.foreign import Described, Reference
from nnspec.errors import UnsupportedError, UsageError, printable
from nnspec.support.causes import cause_of
from nnspec_torch.exported import STATISTICS, is_rounded, is_torch
from nnspec_torch.foreign import TorchForeign

if TYPE_CHECKING:
    from nnspec.backend import Array

_MEND = "export it with `torch.export.save(torch.export.export(model, inputs), path)`"
_SCRIPTED = re.compile(r'File "([^"\n]+)", line (\d+)')
_TRACED = re.compile(r"^(\S.*)\((\d+)\): ", re.MULTILINE)
_DTYPES = {
    0: torch.uint8, 1: torch.int8, 2: torch.int16, 3: torch.int32, 4: torch.int64,
    5: torch.float16, 6: torch.float32, 7: torch.float64, 11: torch.bool, 15: torch.bfloat16,
}  # fmt: skip
"""Numbers of dtypes in graphs."""
_NUMBERS = {dtype: number for number, dtype in _DTYPES.items()}
_MOST = 10_000_000
"""Nodes of one run."""


def _appended(given: list[Any], each: Any) -> list[Any]:
    given.append(each)
    return given


PLAIN: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": lambda a, b, *_: a - b, "mul": operator.mul, "neg": operator.neg,
    "div": operator.truediv, "floordiv": operator.floordiv, "remainder": operator.mod,
    "floor_divide": operator.floordiv, "pow": operator.pow, "eq": operator.eq, "ne": operator.ne,
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge, "len": len,
    "__getitem__": operator.getitem, "append": _appended, "__not__": operator.not_,
    "__is__": operator.is_, "__isnot__": operator.is_not, "__and__": operator.and_,
    "__or__": operator.or_, "__contains__": operator.contains, "list": list, "Int": int,
    "Float": float, "Bool": bool, "FloatImplicit": float, "IntImplicit": int,
    "ScalarImplicit": lambda each: each, "sqrt": math.sqrt, "floor": math.floor,
    "ceil": math.ceil, "format": lambda text, *_: text, "percentFormat": lambda text, *_: text,
    "warn": lambda *_: None, "min": min, "max": max, "abs": abs, "unchecked_cast": lambda x: x,
    "unchecked_unwrap_optional": lambda x: x, "Uninitialized": lambda: None,
    "ListConstruct": lambda *each: [*each], "TupleConstruct": lambda *each: each,
    "TupleIndex": operator.getitem, "Print": lambda *_: None,
    "slice": lambda given, start, end, step: given[start:end:step], "add_": operator.iadd,
    "DictConstruct": lambda *each: dict(zip(each[::2], each[1::2], strict=True)),
    "keys": list, "values": lambda given: [*given.values()], "str": str,
}  # fmt: skip
"""Operations on numbers, texts and lists, under `aten` and `prim`."""
OF_TENSORS: dict[str, Callable[..., Any]] = {
    "size": lambda x, *at: x.shape[at[0]] if at else [*x.shape], "dim": lambda x: x.dim(),
    "len": len, "dtype": lambda x: _NUMBERS[x.dtype], "device": lambda x: x.device,
    "layout": lambda x: x.layout, "numel": lambda x: x.numel(), "is_cuda": lambda x: x.is_cuda,
    "requires_grad": lambda x: x.requires_grad, "is_floating_point": torch.is_floating_point,
    "Int": lambda x: int(x.item()), "Float": lambda x: float(x.item()),
    "Bool": lambda x: bool(x.item()), "IntImplicit": lambda x: int(x.item()),
    "FloatImplicit": lambda x: float(x.item()), "ScalarImplicit": lambda x: x.item(),
    "item": lambda x: x.item(), "__is__": operator.is_, "__isnot__": operator.is_not,
}  # fmt: skip
"""Operations on tensors that give none."""
PASSED = frozenset(
    ("ListConstruct", "TupleConstruct", "TupleIndex", "append", "list", "unchecked_cast",
     "unchecked_unwrap_optional", "DictConstruct")
)  # fmt: skip
"""Operations that do the same with tensors and without."""

OF_LISTS = frozenset(
    ("__getitem__", "len", "slice", "add", "add_", "keys", "values", "__contains__")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Module:
    """A module of the program, by its path."""

    path: str
    script: Any

    @property
    def told(self) -> str:
        return f"{self.path} ({self.script.original_name})" if self.path else ""


class _Program(nn.Module):
    """The parameters and buffers of a program as a module, which runs the graph."""

    def __init__(self, script: Any, unit: Any) -> None:
        """unit: of all functions of the file."""
        super().__init__()
        self._unit = unit
        self._root = _Module("", script)
        self._method = script._c._get_method("forward")
        self._owned = {
            (each.data_ptr(), each.shape): name
            for name, each in (*script.named_buffers(), *script.named_parameters())
        }  # fmt: skip
        for name, each in script.named_parameters():
            self._keep(name, nn.Parameter(each.detach().clone()))
        for name, each in script.named_buffers():
            self._keep(name, each.detach().clone())
        self.place = ""
        self._lines: list[str] = []
        self._homes: list[_Module] = []
        self._constants: dict[tuple[int, str], Any] = {}
        self._graphs: dict[int, Any] = {}
        self._tensors: dict[str, torch.Tensor] = {}
        self._ran = 0
        self.is_double = False
        _, *arguments = self._method.schema.arguments
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        asked = [
            inspect.Parameter(
                each.name, kind,
                default=each.default_value if each.has_default_value() else inspect.Parameter.empty,
            )
            for each in arguments
        ]  # fmt: skip
        others = [
            each for each in arguments if str(each.type) not in ("Tensor", "Optional[Tensor]")
        ]
        if others and not all(each.has_default_value() for each in others):
            raise UsageError(
                f"it takes {others[0].name} of the type {others[0].type}, and tensors are expected"
            )

        def forward(**named: Any) -> Any:
            given = [named.get(each.name, each.default) for each in asked]
            self._tensors = dict(self._held())
            self._ran = 0
            return self._graph(self._method.graph, [self._root, *given], self._root)

        forward.__signature__ = inspect.Signature(asked)  # type: ignore[attr-defined]
        self.forward = forward

    def _keep(self, name: str, tensor: torch.Tensor) -> None:
        home: nn.Module = self
        *path, last = name.split(".")
        for each in ("held", *path):
            if each not in home._modules:
                home.add_module(each, nn.Module())
            home = home._modules[each]  # type: ignore[assignment]
        if isinstance(tensor, nn.Parameter):
            home.register_parameter(last, tensor)
        else:
            home.register_buffer(last, tensor)

    def _held(self) -> Iterator[tuple[str, torch.Tensor]]:
        for name, each in (*self.named_parameters(), *self.named_buffers()):
            yield name.removeprefix("held."), each

    def train(self, mode: bool = True) -> _Program:
        """Leave the mode, which is that of inference."""
        return self

    # The graph

    def _graph(self, graph: Any, given: Sequence[Any], home: _Module) -> Any:
        self._graphs[id(graph)] = graph  # so that no id is another's
        values = {each.debugName(): one for each, one in zip(graph.inputs(), given, strict=True)}
        self._homes.append(home)
        try:
            self._block(graph, values, graph)
        finally:
            self._homes.pop()
        (result,) = (values[each.debugName()] for each in graph.outputs())
        return result

    def _block(self, block: Any, values: dict[str, Any], graph: Any) -> None:
        for node in block.nodes():
            self._ran += 1
            if self._ran > _MOST:
                raise UsageError(f"it runs more than {_MOST:,} operations")
            found = self._node(node, values, graph)
            outputs = [*node.outputs()]
            if len(outputs) == 1:
                values[outputs[0].debugName()] = found
            elif outputs:
                values.update(
                    (each.debugName(), one) for each, one in zip(outputs, found, strict=True)
                )

    def _node(self, node: Any, values: dict[str, Any], graph: Any) -> Any:
        space, _, name = node.kind().partition("::")
        if node.kind() == "prim::Constant":
            return self._constant(node, graph)
        given = [values[each.debugName()] for each in node.inputs()]
        own = _line(node.sourceRange())
        line = own or (self._lines[-1] if self._lines else "")
        home = self._homes[-1]
        self.place = ", in ".join(each for each in (line, home.told) if each) or home.path
        if space == "prim" and name in ("CallMethod", "CallFunction"):
            self._lines.append(line)
            try:
                return self._call(node, name, given)
            finally:
                self._lines.pop()
        if space == "prim" and name in ("If", "Loop"):
            return self._branch(name, [*node.blocks()], given, values, graph)
        if space == "prim" and name == "GetAttr":
            return self._attribute(given[0], node.s("name"))
        if space == "prim" and name in ("ListUnpack", "TupleUnpack"):
            return given[0] if node.outputsSize() > 1 else given[0][0]
        if space == "prim" and name == "NumToTensor":
            return torch.tensor(given[0])
        if space == "prim" and name == "RaiseException":
            raise RuntimeError(f"the program raises {printable(str(given[0]))[:200]}")
        return self._computed(node, space, name, given)

    def _computed(self, node: Any, space: str, name: str, given: list[Any]) -> Any:
        has_tensors = any(map(_holds_tensors, given))
        if space in ("aten", "prim"):
            if not has_tensors and name in PLAIN:
                return PLAIN[name](*given)
            if has_tensors and name in OF_TENSORS and torch.is_tensor(given[0]):
                return OF_TENSORS[name](*given)
            is_list = bool(given) and isinstance(given[0], list | tuple | dict)
            if name in PASSED or (is_list and name in OF_LISTS):
                return PLAIN[name](*given)
            if name in ("__is__", "__isnot__"):
                return PLAIN[name](*given)
        if space != "aten":
            raise UsageError(f"its operation {printable(node.kind())} is not followed: {_MEND}")
        schema = torch._C.parse_schema(node.schema())
        packet = getattr(torch.ops.aten, name)
        overload = getattr(packet, schema.overload_name or "default", packet)
        args: list[Any] = []
        named: dict[str, Any] = {}
        for each, one in zip(schema.arguments, given, strict=True):
            value = _DTYPES.get(one, one) if each.name == "dtype" and type(one) is int else one
            if each.kwarg_only:
                named[each.name] = value
            else:
                args.append(value)
        return overload(*args, **named)

    def _constant(self, node: Any, graph: Any) -> Any:
        key = (id(graph), node.output().debugName())
        if key not in self._constants:
            self._constants[key] = node.output().toIValue()
        return self._cast(self._constants[key])

    def _cast(self, given: Any) -> Any:
        """Return a value of the file: a tensor held for what it is, others in the dtype of now."""
        if isinstance(given, list):
            return [self._cast(each) for each in given]
        if not torch.is_tensor(given):
            return given
        name = self._owned.get((given.data_ptr(), given.shape))
        if name is not None:
            return self._tensors[name]
        return given.double() if self.is_double and given.dtype == torch.float32 else given

    def _attribute(self, owner: Any, name: str) -> Any:
        if not isinstance(owner, _Module):
            raise UsageError(f"it holds an object with {printable(name)} that is no module")
        path = f"{owner.path}.{name}" if owner.path else name
        if path in self._tensors:
            return self._tensors[path]
        found = getattr(owner.script, name)
        if isinstance(found, torch.jit.ScriptModule):
            return _Module(path, found)
        return self._cast(found)

    def _call(self, node: Any, kind: str, given: list[Any]) -> Any:
        if kind == "CallMethod":
            owner = given[0]
            if not isinstance(owner, _Module):
                raise UsageError("it calls an object that is no module")
            return self._graph(owner.script._c._get_method(node.s("name")).graph, given, owner)
        name = str(node.inputsAt(0).type().annotation_str)
        return self._graph(self._unit.find_function(name).graph, given[1:], self._homes[-1])

    def _branch(
        self, name: str, blocks: list[Any], given: list[Any], values: dict[str, Any], graph: Any
    ) -> Any:
        if name == "If":
            found = self._run(blocks[0 if given[0] else 1], [], values, graph)
            return found[0] if len(found) == 1 else found
        most, goes_on, *carried = given
        for at in range(most):
            if not goes_on:
                break
            goes_on, *carried = self._run(blocks[0], [at, *carried], values, graph)
        return carried[0] if len(carried) == 1 else carried

    def _run(self, block: Any, given: list[Any], values: dict[str, Any], graph: Any) -> list[Any]:
        inner = dict(values)
        for each, one in zip(block.inputs(), given, strict=True):
            inner[each.debugName()] = one
        self._block(block, inner, graph)
        return [inner[each.debugName()] for each in block.outputs()]


class _Scripted(TorchForeign):
    """A program of TorchScript."""

    def __init__(self, program: _Program, folder: Path, *, is_rounded: bool) -> None:
        self._program = program
        self._is_rounded = is_rounded
        super().__init__(program, {}, folder)
        self.rename(lambda name: name.removeprefix("held."))

    def at(self) -> str:
        """Return where the operation of now was written."""
        return self._program.place

    def use(self, dtype: str) -> str:
        """Compute in this dtype; in float32 where constants of the graph were rounded to it."""
        dtype = super().use("float32" if self._is_rounded else dtype)
        self._program.is_double = dtype == "float64"
        self.rename(lambda name: name.removeprefix("held."))
        return dtype

    def run_training(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Raise UnsupportedError: what is followed is the mode of inference."""
        raise UnsupportedError("a program of TorchScript is run as at inference alone")

    def describe(self) -> Described:
        """Return what it takes and holds; TorchScript does not say the shapes of inputs."""
        return replace(super().describe(), kind="ScriptModule")


def _line(text: str) -> str:
    """Return the innermost line outside of PyTorch that a range of source names, or nothing."""
    text = text.partition("Serialized ")[0]
    for file, number in (*_SCRIPTED.findall(text), *_TRACED.findall(text)):
        path = PureWindowsPath(file)  # of either system
        if not is_torch(path.parts):
            return printable(f"{path.name}:{number}")[:200]
    return ""


def _holds_tensors(given: Any) -> bool:
    if isinstance(given, list | tuple):
        return any(map(_holds_tensors, given))
    if isinstance(given, dict):
        return any(map(_holds_tensors, given.values()))
    return torch.is_tensor(given)


def _constants(script: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors that the graphs of a program hold, and its buffers but for statistics."""
    for name, each in script.named_buffers():
        if name.rpartition(".")[2] not in STATISTICS:
            yield each
    for module in script.modules():
        for name in module._c._method_names():
            yield from _in_block(module._c._get_method(name).graph)


def _in_block(block: Any) -> Iterator[torch.Tensor]:
    for node in block.nodes():
        for each in node.blocks():
            yield from _in_block(each)
        if node.kind() == "prim::Constant" and node.output().type().kind() == "TensorType":
            yield node.output().toIValue()


def open_scripted(reference: Reference) -> TorchForeign:
    """Return the network of a file of TorchScript; raises UsageError."""
    path = Path(reference.path)
    if reference.name or reference.arguments or reference.named:
        raise UsageError(f"{path.name} holds one program, without a name and arguments of a call")
    try:
        unit = torch._C.CompilationUnit()  # as torch.jit.load does, which keeps it to itself
        native: Any = torch._C
        wrapped: Any = wrap_cpp_module
        script = wrapped(native.import_ir_module(unit, str(path), torch.device("cpu"), {}, False))
        script.eval()
        program = _Program(script, unit)
        constants = [*_constants(script)]
    except Exception as error:
        told = printable(" ".join(cause_of(error).split()))[:300]
        raise UsageError(
            f"{path.name} is no program of TorchScript that can be followed: {told}; {_MEND}"
        ) from error
    return _Scripted(program, path.parent, is_rounded=any(map(is_rounded, constants)))
