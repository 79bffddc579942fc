"""Looks through a .pt2 file before PyTorch opens it: it may hold tensors and their graph alone.

`torch.export.load` unpickles what a file calls an object, loads what it calls compiled code, reads
its formulas of sizes by evaluating them, and looks up its operators by name in `torch`, where `os`
is too. So every name and formula of a file is held here to a list of what computes.
"""

from __future__ import annotations

import ast
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch.export.pt2_archive import PT2ArchiveReader

from nnspec.errors import UsageError, printable

MOST = 1_000
"""Characters of a formula of sizes."""
_AGAIN = (
    "write the program again with `torch.export.save(torch.export.export(model, inputs), path)`"
)
_WHOLE = "a file holds one program of tensors, and nothing that is unpickled or compiled"
_SIZES = frozenset((
    "Abs", "Add", "And", "CeilDiv", "CeilToInt", "CleanDiv", "Eq", "Equality", "FloatPow",
    "FloatTrueDiv", "FloorDiv", "FloorToInt", "Ge", "GreaterThan", "Gt", "Identity", "IntTrueDiv",
    "Integer", "Le", "LessThan", "Lt", "LShift", "Max", "Min", "Mod", "ModularIndexing", "Mul",
    "Ne", "Not", "Or", "Pow", "PowByNatural", "PythonMod", "RShift", "Rational",
    "StrictGreaterThan", "StrictLessThan", "Symbol", "ToFloat", "TruncToFloat", "TruncToInt",
    "Unequality", "Where",
))  # fmt: skip
"""Functions of formulas of sizes."""
_PYTHON = (
    "abs|add|and_|eq|floordiv|ge|getitem|gt|le|lshift|lt|mod|mul|ne|neg|not_|or_|pos|pow|rshift|sub"
    "|truediv|xor"
)
_NESTED = "associative_scan|cond|scan|while_loop|wrap_with_autocast|wrap_with_set_grad_enabled"
_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims)\.(?!from_file|save)(__[a-z]+__|[A-Za-z]\w*|_[a-z]\w*)(\.[A-Za-z]\w*)?"
    rf"|torch\.ops\.higher_order\.({_NESTED})|torch\.(_?sym_[a-z]+)"
    rf"|_operator\.({_PYTHON})|math\.[a-z][a-z0-9]*"
)
_MAKING = re.compile(r"torch\.ops\.aten\.__(?!(i?and|i?or|i?xor|i?lshift|i?rshift)__)")
_NAME = re.compile(r"[\w.\-]*")
_NUMBER = re.compile(r"-?\d+(\.\d*)?(e[+-]?\d+)?")
_KEY = re.compile(r"[\w.\-/ ]*")
_NAMES = frozenset(
    {"name", "parameter_name", "buffer_name", "tensor_constant_name", "as_name", "fqn",
     "forward_arg_names"}
)  # fmt: skip
_STRUCTURES = (
    None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict",
    "torch.fx.immutable_collections.immutable_list",
    "torch.fx.immutable_collections.immutable_dict",
)  # fmt: skip


def require_plain(path: Path) -> None:
    """Raise UsageError for a .pt2 file that is none, or that holds more than tensors and a graph.

    What is left to PyTorch's own reader are JSON, raw numbers, and pickles, of which it has to be
    told to take tensors alone.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if "version" in names:
            raise UsageError(f"{path.name} is a program of an older PyTorch: {_AGAIN}")
        reader = PT2ArchiveReader(str(path))
        records = reader.get_file_names()
    except (zipfile.BadZipFile, RuntimeError, AssertionError, OSError) as error:
        told = "it is a file of TorchScript" if is_script(path) else str(error).split("\n")[0]
        raise UsageError(f"{path.name} is no program of torch.export: {told}; {_AGAIN}") from None
    for name in records:
        last = name.rpartition("/")[2]
        if name.startswith("data/aotinductor") or last.endswith((".so", ".cpp", ".pyd", ".dll")):
            raise UsageError(f"{path.name} holds compiled code ({printable(name)}): {_WHOLE}")
        if last.startswith(("custom_obj", "opaque_obj")):
            raise UsageError(f"{path.name} holds a pickled object ({printable(name)}): {_WHOLE}")
    programs = [name for name in records if name.startswith("models/")]
    if programs != ["models/model.json"]:
        raise UsageError(f"{path.name} holds {len(programs)} programs, or one of a name: {_AGAIN}")
    try:
        found = [json.loads(reader.read_bytes(n)) for n in records if n.endswith(".json")]
        problem = next(_problems(found), "")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path.name}: its graph cannot be read: {error}") from None
    if problem:
        raise UsageError(f"{path.name} {problem}: {_WHOLE}")


def is_script(path: Path) -> bool:
    """Whether a file is an archive of TorchScript, which has its code beside its tensors."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.split("/")[1:2] == ["code"] for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


def _problems(given: Any, key: str = "") -> Iterator[str]:
    """Yield what of a file's JSON is no plain computation, told after the name of the file."""
    if isinstance(given, list):
        for each in given:
            yield from _problems(each, key)
    elif isinstance(given, dict):
        for name, each in given.items():
            if name != "metadata":  # texts that tell where a node comes from
                yield from _problems(each, name)
    elif isinstance(given, str):
        if key in ("target", "as_operator"):
            if not _OPERATOR.fullmatch(given) or _MAKING.match(given):
                yield f"calls {printable(given)}, which is not known to compute and nothing else"
        elif key == "expr_str":
            if not _is_formula(given):
                yield f'has a size "{printable(given[:80])}", which is no plain formula'
        elif key in ("in_spec", "out_spec"):
            yield from _structures(json.loads(given))
        elif key in _NAMES and not _NAME.fullmatch(given):
            yield f'calls something "{printable(given[:80])}", which is no name'
        elif key in ("path_name", "class_fqn") and not _NAME.fullmatch(given):
            yield f'names a part "{printable(given[:80])}", which is no name'


def _structures(given: Any) -> Iterator[str]:
    """Yield what of the structure of inputs or outputs is no tuple, list or mapping."""
    if isinstance(given, list):
        for each in given:
            yield from _structures(each)
    elif isinstance(given, dict):
        if given.get("type") not in _STRUCTURES:
            yield f"takes or gives a {printable(str(given.get('type')))}, and no tuple or mapping"
        keys = json.loads(given.get("context") or "null")
        if not isinstance(keys, list | None) or not all(
            isinstance(each, str) and _KEY.fullmatch(each) for each in keys or ()
        ):
            yield "has a key of its inputs or outputs that is no plain name"
        yield from _structures(given.get("children_spec", []))


def _is_formula(text: str) -> bool:
    """Whether a text holds numbers, names, arithmetic and functions of sizes alone."""
    if len(text) > MOST:
        return False
    try:
        return _computes(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _computes(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=bool() | int() | float()) | ast.Name():
            return not isinstance(node, ast.Name) or not node.id.startswith("_")
        case ast.UnaryOp(operand=inner):
            return _computes(inner)
        case ast.BinOp(left=left, right=right, op=op):
            return not isinstance(op, ast.MatMult) and _computes(left) and _computes(right)
        case ast.Compare(left=left, comparators=others):
            return all(map(_computes, (left, *others)))
        case ast.Call(func=ast.Name(id="Symbol"), args=[ast.Constant(value=str(name))]):
            are_flags = all(isinstance(each.value, ast.Constant) for each in node.keywords)
            return name.isidentifier() and are_flags
        case ast.Call(func=ast.Name(id="Float"), args=[ast.Constant(value=str(number))]):
            are_flags = all(isinstance(each.value, ast.Constant) for each in node.keywords)
            return _NUMBER.fullmatch(number) is not None and are_flags
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return name in _SIZES and all(map(_computes, args))
    return False
