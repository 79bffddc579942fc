"""Docstrings and annotations of emitted definitions."""

from __future__ import annotations

from nnspec.emit.code import LINE_LENGTH
from nnspec.emit.definitions import Definition
from nnspec.shapes import Dim, Shape


def signature(definition: Definition) -> str:
    """Return `x (batch, 8) -> scores (batch, 3).`, with names for sizes that uses differ in."""
    graphs = [body.graph for body in definition.bodies]
    first = graphs[0]
    inputs = []
    for name in first.inputs:
        shapes = [graph.inputs[name].shape for graph in graphs]
        inputs.append(f"{name} {_shape(shapes, first.data_format)}")
    outputs = []
    for i, name in enumerate(first.outputs):
        shapes = [graph.types[graph.outputs[i]].shape for graph in graphs]
        outputs.append(f"{name} {_shape(shapes, first.data_format)}")
    text = f"{', '.join(inputs)} -> {', '.join(outputs)}."
    if len(text) <= LINE_LENGTH - 12:
        return text
    return f"{', '.join(first.inputs)} -> {', '.join(first.outputs)}."


def _shape(shapes: list[Shape], data_format: str) -> str:
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
