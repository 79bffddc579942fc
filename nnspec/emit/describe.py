"""Docstrings and annotations of emitted definitions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping

from nnspec.emit.axes import Names, axis_names
from nnspec.emit.code import docstring_text, printed
from nnspec.emit.layout import LINE_LENGTH
from nnspec.emit.unify import Definition
from nnspec.emit.values import Value
from nnspec.layers.shapes import Dim
from nnspec.network.layouts import DECLARED, laid_out


def docstring(definition: Definition, indent: int = 4) -> list[str]:
    """Return the lines of a docstring: the description that the spec gives, and the signature."""
    pad = " " * indent
    text = docstring_text(" ".join(definition.body.graph.description.split()))
    shapes = signature(definition)
    if not text and len(shapes) == 1:
        return [f'{pad}"""{shapes[0]}"""']
    lines = textwrap.wrap(text, LINE_LENGTH - indent - len('"""'), break_long_words=False)
    lines = [*lines, "", *shapes] if text else shapes
    return [f"{pad}{line}".rstrip() for line in (f'"""{lines[0]}', *lines[1:], '"""')]


def signature(definition: Definition) -> list[str]:
    """Return `x (batch, 8) -> scores (batch, 3).`, with names for sizes that uses differ in.

    Where that is too long for a line it takes two, and where these are, the shapes are left out.
    """
    first = definition.body.graph
    names = axis_names(first) if len(definition.bodies) > 1 else {}
    inputs = [
        f"{name} {_shapes(definition, [name] * len(definition.bodies), value, names)}"
        for name, value in zip(first.inputs, definition.body.inputs, strict=True)
    ]
    outputs = []
    for i, name in enumerate(first.outputs):
        same = [body.graph.outputs[i] for body in definition.bodies]
        outputs.append(f"{name} {_shapes(definition, same, definition.body.outputs[i], names)}")
    lines = [", ".join(inputs), f"-> {', '.join(outputs)}."]
    if len(" ".join(lines)) <= LINE_LENGTH - 10:
        return [" ".join(lines)]
    if max(map(len, lines)) <= LINE_LENGTH - 7:
        return lines
    return [f"{', '.join(first.inputs)} -> {', '.join(first.outputs)}."]


def _shapes(
    definition: Definition, names: list[str], value: Value, axes: Mapping[str, Names]
) -> str:
    """Return the shape that all bodies share, as it lies in memory there."""
    bodies = definition.bodies
    shapes = [body.graph.types[name].shape for body, name in zip(bodies, names, strict=True)]
    rank = min(map(len, shapes))
    has_ranks = any(len(shape) > rank for shape in shapes)
    if has_ranks and value.layout is not DECLARED:
        return "(batch, ...)"
    # Uses that differ in rank line up at the end.
    told = axes.get(names[0], (None,) * len(shapes[0]))
    shapes, told = [shape[len(shape) - rank :] for shape in shapes], told[len(told) - rank :]
    unnamed = iter("nmkl")
    sizes: list[Dim] = []
    for column, name in zip(zip(*shapes, strict=True), told, strict=True):
        if len(set(column)) == 1:
            sizes.append(column[0])
            continue
        whole = [size for size in column if isinstance(size, int)]
        formula = definition.formula(list(column)) if len(whole) == len(column) else None
        sizes.append(printed(formula) if formula is not None else name or next(unnamed, "..."))
    sizes = list(laid_out(tuple(sizes), bodies[0].graph.data_format, value.layout))
    if has_ranks:
        sizes.insert(0, "...")
    return f"(batch, {', '.join(map(str, sizes))})" if sizes else "(batch,)"


def annotation(values: Iterable[object]) -> str:
    """Return the type annotation of a parameter with these values."""
    return " | ".join(dict.fromkeys(map(_annotation, values)))


def _annotation(value: object) -> str:
    if isinstance(value, tuple):
        return f"tuple[{', '.join(_annotation(item) for item in value)}]"
    return type(value).__name__ if value is not None else "None"
