"""Docstrings and annotations of emitted definitions."""

from __future__ import annotations

import textwrap

from nnspec.emit.body import Body, physical
from nnspec.emit.code import docstring_text
from nnspec.emit.definitions import Definition
from nnspec.emit.layout import LINE_LENGTH
from nnspec.shapes import DataFormat, Dim, Shape


def docstring(definition: Definition, indent: int = 4) -> list[str]:
    """Return the lines of a docstring: the description that the spec gives, and the signature."""
    pad = " " * indent
    text = docstring_text(" ".join(definition.body.graph.description.split()))
    if not text:
        return [f'{pad}"""{signature(definition)}"""']
    lines = textwrap.wrap(text, LINE_LENGTH - indent - len('"""'), break_long_words=False)
    lines = [f'"""{lines[0]}', *lines[1:], "", signature(definition), '"""']
    return [f"{pad}{line}".rstrip() for line in lines]


def signature(definition: Definition) -> str:
    """Return `x (batch, 8) -> scores (batch, 3).`, with names for sizes that uses differ in."""
    bodies = definition.bodies
    first = bodies[0].graph
    inputs = [
        f"{name} {_shapes(bodies, [name] * len(bodies), definition.body.inputs[i])}"
        for i, name in enumerate(first.inputs)
    ]
    outputs = []
    for i, name in enumerate(first.outputs):
        names = [body.graph.outputs[i] for body in bodies]
        outputs.append(f"{name} {_shapes(bodies, names, definition.body.outputs[i])}")
    text = f"{', '.join(inputs)} -> {', '.join(outputs)}."
    if len(text) <= LINE_LENGTH - 10:
        return text
    return f"{', '.join(first.inputs)} -> {', '.join(first.outputs)}."


def _shapes(bodies: list[Body], names: list[str], value: str) -> str:
    """Return the shape that all bodies share, as it lies in memory there."""
    shapes = [body.graph.types[name].shape for body, name in zip(bodies, names, strict=True)]
    data_format = bodies[0].graph.data_format
    if bodies[0].layouts[value]:
        shapes = [physical(shape, data_format) for shape in shapes]
        data_format = "channels_last" if data_format == "channels_first" else "channels_first"
    return _shape(shapes, data_format)


def _shape(shapes: list[Shape], data_format: DataFormat) -> str:
    rank = len(shapes[0])
    if rank >= 2:
        spatial = {2: ["length"], 3: ["height", "width"]}.get(rank, ["depth", "height", "width"])
        is_first = data_format == "channels_first"
        names = ["channels", *spatial] if is_first else [*spatial, "channels"]
        names += ["..."] * (rank - len(names))
    else:
        names = ["features"]
    sizes: list[Dim] = [
        column[0] if len(set(column)) == 1 else name
        for column, name in zip(zip(*shapes, strict=True), names, strict=False)
    ]
    return f"(batch, {', '.join(map(str, sizes))})" if sizes else "(batch,)"


def annotation(value: object) -> str:
    """Return the type annotation of a parameter with this value."""
    if isinstance(value, tuple):
        return f"tuple[{', '.join(annotation(item) for item in value)}]"
    return type(value).__name__ if value is not None else "None"
