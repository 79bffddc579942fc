"""Layers, and uses of blocks, that work on each element along the first axis: `time_distributed`.

Each element becomes a row of the batch before them, and the rows are parted again after them.
Where one follows another the rows stay as they are between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nnspec.errors import ShapeError
from nnspec.layers.base import require_few_axes
from nnspec.layers.rows import MergeRows, PartRows
from nnspec.layers.shapes import TensorType, show
from nnspec.network.entries import Entry
from nnspec.network.features import looked_at
from nnspec.network.graph import LayerNode, Node
from nnspec.network.state import BodyState, Features
from nnspec.network.wiring import listed, output_names

_MERGE, _PART = MergeRows(), PartRows()


def distributed(
    body: BodyState,
    entry: Entry,
    types: tuple[TensorType, ...],
    make: Callable[[tuple[TensorType, ...]], Node | None],
) -> Node | None:
    """Return the node that works on the rows; what stands around it is kept in `body.around`.

    make: makes the node of an entry, whose inputs are rows.
    """
    taken = entry.inputs or ()
    firsts = {type_.shape[:1] for type_ in types}
    if len(firsts) != 1 or firsts == {()}:
        body.problems.add(
            "shape-mismatch",
            f'"{entry.name}" is time_distributed: it works on each element along the first axis, '
            f"and {listed(taken)} {'is' if len(types) == 1 else 'are'} "
            f"{' and '.join(show(type_.shape) for type_ in types)}",
            entry.mark,
            "give all that it takes a first axis of one size",
        )
        return None
    before: list[Node] = []
    source = ""
    rows: list[str] = []
    for name, type_ in zip(taken, types, strict=True):
        if name not in body.rows:
            before.append(_merged(body, entry, name, type_))
        value, origin = body.rows[name]
        rows.append(value)
        source = source or origin
    entry.inputs = tuple(rows)
    known = tuple(body.types[value] for value in rows)
    node = make(tuple(type_ for type_ in known if type_ is not None))
    if node is None:
        return None
    names = output_names(_free(body, f"{entry.name}_rows"), len(node.outputs))
    given = output_names(entry.name, len(node.outputs))
    after: list[Node] = []
    for i, (inner, outer) in enumerate(zip(names, given, strict=True)):
        after.append(_parted(body, entry, inner, outer, source, i))
    body.around[entry.name] = (before, after)
    return node._replace(outputs=names)


def _merged(body: BodyState, entry: Entry, name: str, type_: TensorType) -> Node:
    value = _free(body, f"{name.replace('.', '_')}_rows")
    body.rows[name] = (value, name)
    body.types[value] = type_._replace(shape=type_.shape[1:])
    found: Features | None = body.features.get(name)
    if found is not None and (found.is_seen or found.side != "last" or type_.rank < 3):
        found = None
    if found is None and name in body.inputs:
        found = looked_at(type_.shape[1:], f'input "{name}"', body.model.data_format)
    if found is not None:
        body.features[value] = found
    mark = body.problems.place(entry.mark)
    return LayerNode(value, _MERGE, (name,), (value,), mark)


def _parted(
    body: BodyState, entry: Entry, inner: str, outer: str, source: str, number: int
) -> Node:
    type_, whole = body.types[outer], body.types[source]
    assert type_ is not None
    assert whole is not None
    body.types[inner] = type_
    shape = (whole.shape[0], *type_.shape)
    body.types[outer] = type_._replace(shape=shape)
    try:
        require_few_axes(entry.type, shape)
    except ShapeError as error:
        body.problems.add(error.code, error.message, entry.mark, error.hint)
    found = body.features.pop(outer, None)
    if found is not None:
        body.features[inner] = found
    if len(shape) == 2:
        found = Features("last", f'{entry.type} "{entry.name}"')
    if found is not None and found.side == "last":
        body.features[outer] = found
    body.rows[outer] = (inner, source)
    name = _free(body, f"{entry.name}_parted{f'_{number}' if number else ''}")
    mark = body.problems.place(entry.mark)
    return LayerNode(name, _PART, (inner, source), (outer,), mark)


def _free(body: BodyState, name: str) -> str:
    """Return a name that no layer and no value has."""
    while name in body.by_name or name in body.types:
        name += "_"
    return name


def needed(nodes: Sequence[Node | None], outputs: Sequence[str]) -> list[Node | None]:
    """Return the nodes without those that part rows which nothing takes as parted."""
    used = {*outputs, *(value for node in nodes if node is not None for value in node.inputs)}
    return [
        node
        for node in nodes
        if not (isinstance(node, LayerNode) and node.layer is _PART and node.outputs[0] not in used)
    ]
