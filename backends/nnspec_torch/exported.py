"""Opens a program that torch.export has saved, and follows it node by node."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn
from torch.utils import _pytree as pytree

from nnspec.backend.foreign import Described, Given, Reference
from nnspec.backend.python_files import defined, quoted
from nnspec.errors import UnsupportedError, UsageError, printable
from nnspec.support.causes import cause_of
from nnspec_torch.archive import require_plain
from nnspec_torch.foreign import TorchForeign

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

_FORCED = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
_UNFORCED = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
_LARGE = 1e30
"""From which on a number stands for infinity, as in a mask."""
STATISTICS = ("running_mean", "running_var")


class _Nodes(fx.Interpreter):
    """Runs a graph, and knows where in the source the node of now was written."""

    place = ""

    def run_node(self, n: fx.Node) -> Any:
        """Run a node."""
        self.place = _place(n)
        return super().run_node(n)


def _place(node: fx.Node) -> str:
    """Return the line of the source, and the module, as the exporter noted them.

    The innermost frame outside of PyTorch is the line of who wrote the network.
    """
    frames = []  # File "model.py", line 12, in forward
    for line in (node.meta.get("stack_trace") or "").splitlines():
        file, is_frame, rest = line.strip().removeprefix('File "').partition('", line ')
        if is_frame and line.strip().startswith("File "):
            frames.append((PureWindowsPath(file), rest.partition(",")[0]))  # of either system
    own = [each for each in frames if not is_torch(each[0].parts)] or frames
    found = f"{own[-1][0].name}:{own[-1][1]}" if own else f"node {node.name}"
    stack = [*(node.meta.get("nn_module_stack") or {}).values()][-1:]
    for path, kind in stack:
        if path and not path.startswith("_empty_"):
            found = f"{found}, in {path} ({str(kind).rpartition('.')[2]})"
    return printable(found)[:200]


def is_torch(parts: Sequence[str]) -> bool:
    """Whether a path is one of a file of PyTorch."""
    homes = ("", "site-packages", "dist-packages", "pytorch")
    pairs = set(zip(("", *parts), parts, strict=False))
    return any((home, "torch") in pairs for home in homes)


class _Program(nn.Module):
    """An exported graph as a module, which has no other mode than that of its export."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__()
        self.graph = graph
        self.nodes = _Nodes(graph)
        placeholders = [each for each in graph.graph.nodes if each.op == "placeholder"]
        values = {each.name: each.meta.get("val") for each in placeholders}
        self.inputs = {name: each for name, each in values.items() if torch.is_tensor(each)}
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD

        def forward(**named: Any) -> Any:
            leaves = [named.get(name, value) for name, value in values.items()]
            args, kwargs = pytree.tree_unflatten(leaves, graph._in_spec)
            for hook in graph._forward_pre_hooks.values():  # are the sizes those of the export?
                hook(graph, args, kwargs)
            return self.nodes.run(*leaves)

        forward.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, kind) for name in self.inputs]
        )
        self.forward = forward

    def train(self, mode: bool = True) -> _Program:
        """Leave the mode as it was exported."""
        return self


class _Exported(TorchForeign):
    """A program that torch.export has saved."""

    is_exported = True

    def __init__(self, program: _Program, path: Path) -> None:
        self._program = program
        super().__init__(program, {}, path.parent)
        self.making = partial(_remade, path)
        self.rename(lambda name: name.removeprefix("graph."))
        self._is_rounded = any(map(is_rounded, self._constants()))

    def at(self) -> str:
        """Return where the node of now was written."""
        return self._program.nodes.place

    def use(self, dtype: str) -> str:
        """Compute in this dtype; in float32 where constants of the graph were rounded to it."""
        dtype = super().use("float32" if self._is_rounded else dtype)
        self.rename(lambda name: name.removeprefix("graph."))
        return dtype

    def run_training(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Raise UnsupportedError: the mode is that of the export."""
        raise UnsupportedError("a program of torch.export has one mode, that of its export")

    def learn(
        self, inputs: Mapping[str, Array], towards: Mapping[str, Array]
    ) -> tuple[dict[str, Array], Weights]:
        """Raise UnsupportedError: the mode is that of the export."""
        raise UnsupportedError("a program of torch.export has one mode, that of its export")

    def describe(self) -> Described:
        """Return what it takes and holds; an axis that was not exported as dynamic has its size."""
        inputs = []
        for name, value in self._program.inputs.items():
            sizes: list[Any] = [*value.shape]  # a dynamic one is a SymInt
            shape = tuple(each if isinstance(each, int) else None for each in sizes)
            inputs.append(Given(name, shape, str(value.dtype).removeprefix("torch.")))
        return replace(super().describe(), kind="ExportedProgram", inputs=tuple(inputs))

    def _constants(self) -> Iterator[torch.Tensor]:
        for name, each in self._program.named_buffers():
            if name.rpartition(".")[2] not in STATISTICS:
                yield each


def _remade(path: Path, name: str) -> tuple[str, dict[str, bytes]]:
    """Return Python that defines `network()`, which loads a copy of the file, and that copy."""
    copied = f"{name}_{path.name}"
    body = (
        f'os.environ["{_FORCED}"] = "1"\n'
        f"return torch.export.load(HERE / {quoted(copied)}).module(check_guards=False)"
    )
    told = "Load the program, and run no code that it holds."
    text = "import os\n\n\n" + defined("network()", told, body)
    return text, {copied: path.read_bytes()}


def is_rounded(tensor: torch.Tensor) -> bool:
    """Whether a constant may have been computed with more digits than it has, as a table of angles.

    In float64 a network that computes it anew has those digits. What float16 or bfloat16 holds,
    such as a mask, had no more.
    """
    if tensor.dtype != torch.float32:
        return False
    finite = tensor[tensor.abs() < _LARGE]
    halves = (finite.to(each).float() for each in (torch.float16, torch.bfloat16))
    return not any(torch.equal(each, finite) for each in halves)


@contextmanager
def _no_pickle() -> Iterator[None]:
    """Let torch.load take tensors alone: torch.export.load would unpickle whatever there is."""
    before = {name: os.environ.pop(name, None) for name in (_FORCED, _UNFORCED)}
    os.environ[_FORCED] = "1"
    try:
        yield
    finally:
        del os.environ[_FORCED]
        os.environ.update({name: each for name, each in before.items() if each is not None})


def open_exported(reference: Reference) -> TorchForeign:
    """Return the network of a .pt2 file; raises UsageError."""
    path = Path(reference.path)
    if reference.name or reference.arguments or reference.named:
        raise UsageError(f"{path.name} holds one program, without a name and arguments of a call")
    require_plain(path)
    try:
        with _no_pickle():
            # Its guards are Python, which would be run; the sizes it takes are checked without.
            graph = torch.export.load(path).module(check_guards=False)
    except Exception as error:
        raise UsageError(
            f"{path.name} is no program that torch.export of PyTorch {torch.__version__} reads: "
            f"{cause_of(error)}; export the model on the CPU, and write it with "
            "`torch.export.save(program, path)`"
        ) from error
    program = _Program(graph)
    for name, tensor in graph.state_dict().items():
        if tensor.is_floating_point() and tensor.dtype not in (torch.float32, torch.float64):
            raise UsageError(
                f"{path.name} holds {printable(name)} in {str(tensor.dtype).removeprefix('torch.')}"
                ", and float32 or float64 is expected: export `model.float()`"
            )
    others = [
        each.name
        for each in graph.graph.nodes
        if each.op == "placeholder" and isinstance(each.meta.get("val"), torch.SymInt)
    ]
    if others:
        raise UsageError(
            f"{path.name} takes the number {others[0]}, and tensors are expected: export it with "
            "that number as a constant"
        )
    return _Exported(program, path)
