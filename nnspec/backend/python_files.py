"""Runs a Python file of somebody's, and finds the network that it makes."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nnspec.backend.foreign import Reference
from nnspec.errors import UsageError, nearest, printable

_MODULE = "_judged"


def network_of(reference: Reference, kind: type, called: str) -> Any:
    """Run a file, and return the network that is meant: found in it, or made by a call.

    kind: the framework's class of networks, which messages call `called`. Raises UsageError.
    """
    path = Path(reference.path)
    names = _namespace(path)
    name = reference.name or _only(names, kind, called, path)
    if name not in names:
        raise UsageError(f'{path.name} defines no "{printable(name)}"{nearest(name, names)}')
    found = names[name]
    if not isinstance(found, kind):
        if not callable(found):
            raise UsageError(f"{path.name}:{name} is no class, no function and no network")
        try:
            found = found(*reference.arguments, **(reference.named or {}))
        except Exception as error:
            call = f"{path.name}:{name} cannot be made: {_told(error, path)}"
            raise UsageError(f"{call}; --args gives what it takes, as JSON") from error
    if not isinstance(found, kind):
        given = type(found).__name__
        raise UsageError(f"{path.name}:{name} gives a {given}, and a {called} is expected")
    return found


def remade(reference: Reference, kind: type, name: str) -> tuple[str, dict[str, bytes]]:
    """Return Python that defines `network()`, which makes the network of a file that was run.

    With the copy of the file that it runs, whose name begins with `name`.
    """
    path = Path(reference.path)
    copied = f"{name}_{path.name}"
    names = vars(sys.modules[_MODULE])
    made = reference.name or _only(names, kind, "network", path)
    if not isinstance(names[made], kind):
        keywords = [f"{key}={each!r}" for key, each in (reference.named or {}).items()]
        made += f"({', '.join([*map(repr, reference.arguments), *keywords])})"
    body = f"""\
sys.path += [str(HERE), {quoted(str(path.parent))}]  # where its neighbours are
found = importlib.util.spec_from_file_location("{name}_file", HERE / {quoted(copied)})
file = importlib.util.module_from_spec(found)
sys.modules[found.name] = file
found.loader.exec_module(file)
return file.{made}"""
    told = "Run the file, and return the network that it makes."
    text = "import importlib.util\nimport sys\n\n\n" + defined("network()", told, body)
    return text, {copied: path.read_bytes()}


def defined(signature: str, told: str, body: str) -> str:
    """Return a function as Python has it. told: its docstring, or nothing."""
    lines = [f'"""{told}"""'] if told else []
    lines += body.splitlines()
    return "\n".join([f"def {signature}:", *(f"    {line}" if line else "" for line in lines), ""])


def quoted(text: str) -> str:
    """Return text as Python writes it in double quotes."""
    return json.dumps(text, ensure_ascii=False)  # each escape of JSON is one of Python


def in_docstring(text: str) -> str:
    """Return what a file calls something as text that no docstring of Python ends at."""
    return printable(text).replace("\\", "/").replace('"', "'")


def named_in(
    given: Any, is_tensor: Callable[[Any], bool], name: str = "", within: tuple[int, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """Yield the tensors within mappings, lists and dataclasses: `0`, `scores`, `1.last`.

    within: what holds it, which it may hold again.
    """
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(given, Mapping):
        pairs = given.items()
    elif isinstance(given, list | tuple):
        pairs = enumerate(given)
    elif is_tensor(given):
        yield name or "output", given
    elif (
        dataclasses.is_dataclass(given) and not isinstance(given, type) and id(given) not in within
    ):
        pairs = ((key.name, getattr(given, key.name, None)) for key in dataclasses.fields(given))
        within = (*within, id(given))
    for key, each in pairs:
        yield from named_in(each, is_tensor, f"{name}.{key}" if name else str(key), within)


def _is_record(given: Any) -> bool:
    return dataclasses.is_dataclass(given) and not isinstance(given, type)


def _namespace(path: Path) -> Mapping[str, Any]:
    found = importlib.util.spec_from_file_location(_MODULE, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[_MODULE] = module
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))  # its neighbours, as where it is run as a script
    try:
        found.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"{path.name} does not run: {_told(error, path)}") from error
    return vars(module)


def _only(names: Mapping[str, Any], kind: type, called: str, path: Path) -> str:
    """Return the name of the one network that a file defines."""
    found = [
        name
        for name, each in names.items()
        if isinstance(each, kind)
        or (inspect.isclass(each) and issubclass(each, kind) and each.__module__ == _MODULE)
    ]
    if not found:
        raise UsageError(f"{path.name} defines no {called}; name what makes one: FILE:NAME")
    if len(found) > 1:
        known = ", ".join(found)
        raise UsageError(f"{path.name} defines several networks, {known}: say {path.name}:NAME")
    return found[0]


def _told(error: Exception, path: Path) -> str:
    """Return an error with the last line of the file that it came through."""
    lines = [
        frame.lineno
        for frame in inspect.getinnerframes(error.__traceback__)  # type: ignore[arg-type]
        if Path(frame.filename) == path
    ]
    at = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {error}{at}"
