"""Writes nnspec/layers/__init__.pyi: what type checkers and editors see of the layers.

The classes hold `kernel_size` as a tuple and take a number too; a checker that reads the class
alone would refuse the number. `make docs` writes the file from the signatures.
"""

from __future__ import annotations

import inspect
import re
from textwrap import indent

from nnspec.layers.fields import Frozen
from nnspec.layers.registry import FAMILIES, Table
from nnspec.layers.signatures import MODULES, signature_of

_HEAD = '''\
"""The layers as type checkers and editors see them; `make docs` writes this file."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

'''
_BASES = ("Activation", "Layer", "Parameter")


def layers_stub() -> str:
    """Return the text of the file."""
    lines = [f"from nnspec.layers import {family} as _{family}" for family in sorted(FAMILIES)]
    lines += [
        *(f"from nnspec.layers.base import {name} as {name}" for name in _BASES),
        "from nnspec.layers.initializers import InitializerBase",
        "from nnspec.layers.recurrent import Recurrent",
        "from nnspec.layers.registry import FAMILIES as FAMILIES, Table",
        "from nnspec.layers.weighted import Weighted as Weighted",
        "",
        "ACTIVATIONS: Table[Activation]",
        "LAYERS: Table[Layer]",
    ]
    classes: Table[Frozen] = Table(FAMILIES)
    for family, layers in FAMILIES.items():
        for kind, name in layers.items():
            record = classes[kind]
            meaning = indent(inspect.cleandoc(vars(record)["__doc__"]), "    ")
            lines += ["", f"class {name}(_{family}.{name}):", f'    r"""{meaning.lstrip()}"""']
            lines += ["", f"    {_constructor(record)}"]
    return _HEAD + "\n".join(lines) + "\n"


def _constructor(record: type[Frozen]) -> str:
    parameters = signature_of(record).parameters.values()
    taken = ", ".join(f"{each.name}: {_typed(each)}{_default(each)}" for each in parameters)
    return f"def __init__(self, *, {taken}) -> None: ..."


def _default(parameter: inspect.Parameter) -> str:
    return "" if parameter.default is inspect.Parameter.empty else f" = {parameter.default!r}"


def _typed(parameter: inspect.Parameter) -> str:
    """Return a type that also allows lists, and mappings for records."""
    text = MODULES.sub("", inspect.formatannotation(parameter.annotation))
    text = re.sub(r"\btuple\[(.*?), \.\.\.\]", r"Sequence[\1]", text)
    text = re.sub(r"\btuple\[int, int\]", "Sequence[int]", text)
    text = re.sub(r"\b(list|dict)\[", lambda kind: _WIDER[kind[1]], text)
    return _once(text)


def _once(text: str) -> str:
    """Return a union without the parts that stand there twice."""
    parts: list[str] = []
    depth = 0
    part = ""
    for token in re.split(r"( \| |[\[\]])", text):
        depth += (token == "[") - (token == "]")
        if token == " | " and not depth:
            parts.append(part)
            part = ""
        else:
            part += token
    return " | ".join(dict.fromkeys([*parts, part]))


_WIDER = {"list": "Sequence[", "dict": "Mapping["}
