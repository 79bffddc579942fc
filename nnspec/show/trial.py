"""Tries a layer by its example: what it takes, what comes of it, which backends refuse it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from nnspec.errors import ShapeError, SpecError
from nnspec.layers.shapes import MAX_RANK, Shape, show
from nnspec.network.loader import loads
from nnspec.show.examples import HEADER, examples

if TYPE_CHECKING:
    from nnspec.layers.base import Layer
    from nnspec.network.graph import LayerAt


class Trial(NamedTuple):
    """The answers that the example of a layer gives.

    takes: the inputs in words. ranks: numbers of axes, the batch not counted, that its first input
    may have. inputs, outputs: (shape, dtype) of each. weights: names and shapes.
    """

    takes: str
    ranks: tuple[int, ...]
    inputs: tuple[tuple[Shape, str], ...]
    outputs: tuple[tuple[Shape, str], ...]
    weights: tuple[tuple[str, tuple[int, ...]], ...]


def example_of(kind: str, name: str) -> str:
    """Return the first example of a name, a whole spec.

    Empty where none can be shown: a block, or what a package brings that takes arguments.
    """
    if kind == "block":
        return ""
    try:
        example = f"{HEADER}{examples(kind, [name])[name][0]}\n"
        loads(example)
    except (KeyError, SpecError):
        return ""
    return example


def tried(example: str) -> Trial:
    """Return what the last layer of an example shows."""
    graph = loads(example).graph
    *_, at = graph.walk()
    layer, given = at.node.layer, at.input_shapes
    return Trial(
        takes(layer, at),
        ranks(layer, at),
        tuple((graph.types[value].shape, graph.types[value].dtype) for value in at.node.inputs),
        tuple((graph.types[value].shape, graph.types[value].dtype) for value in at.node.outputs),
        tuple((each.name, each.shape) for each in layer.parameters(given, graph.data_format)),
    )


def takes(layer: Layer, at: LayerAt) -> str:
    """Return how many inputs it takes, of how many axes and of which dtypes."""
    least, most = layer.arity
    count = f"{least}" if least == most else f"{least} or more" if most is None else None
    if count is None:
        count = f"{least} or {most}" if most == least + 1 else f"{least} to {most}"
    several = "s" if count != "1" else ""
    dtypes = sorted(layer.input_dtypes(0, at.input_shapes))
    return f"{count} input{several} of {_axes(ranks(layer, at), layer)}, {' or '.join(dtypes)}"


def _axes(found: tuple[int, ...], layer: Layer) -> str:
    for name, value in layer.settings():
        is_required = type(layer).model_fields[name].is_required()
        if is_required and isinstance(value, tuple) and found == (len(value),):
            return f"as many axes as `{name}` has"
    if len(found) == MAX_RANK + 1:
        return "any number of axes"
    if found == tuple(range(found[0], MAX_RANK + 1)):
        return f"at least {_counted(found[0])}"
    if len(found) > 2 and found == tuple(range(found[0], found[-1] + 1)):
        return f"{found[0]} to {_counted(found[-1])}"
    *others, last = found
    return f"{', '.join(map(str, others))} or {_counted(last)}" if others else _counted(last)


def _counted(axes: int) -> str:
    return f"{axes} axis" if axes == 1 else f"{axes} axes"


def ranks(layer: Layer, at: LayerAt) -> tuple[int, ...]:
    """Return the numbers of axes at which the layer has a shape, the example's inputs changed."""
    shapes, data_format = at.input_shapes, at.graph.data_format
    given = len(shapes[0])
    found = []
    for rank in range(MAX_RANK + 1):
        alike = [
            tuple(_of_rank(shape, rank)) if len(shape) == given else (shape,) * 3
            for shape in shapes
        ]
        for tried_shapes in zip(*alike, strict=True):
            try:
                layer.infer_shape(tried_shapes, data_format)
            except ShapeError:
                continue
            found.append(rank)
            break
    return tuple(found)


def _of_rank(shape: Shape, rank: int) -> Iterator[Shape]:
    """Yield shapes of so many axes: the first axes changed, the last ones, and those between."""
    if rank <= len(shape):
        last = shape[len(shape) - rank :]
        yield from (last, shape[:rank], shape[:1] + last[1:] if rank else ())
        return
    more = (2,) * (rank - len(shape))
    yield from (more + shape, shape + more, shape[:1] + more + shape[1:])


def shown(values: tuple[tuple[Shape, str], ...]) -> str:
    """Return shapes, with the dtype of those that are not float32."""
    return ", ".join(
        show(shape) + (f" {dtype}" if dtype != "float32" else "") for shape, dtype in values
    )
