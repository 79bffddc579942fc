"""Puts the preparation of raw columns before a network, and what is predicted after it.

A model cannot raise errors as `nnspec predict` does: a row that it would refuse has NaN as outputs.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from nnspec.data.domain_record import ANSWERS, RECORD
from nnspec.data.feature import Feature
from nnspec.data.prepared import Prepared
from nnspec.data.preprocessing import Answer, Preprocessing
from nnspec.emit.bounds import bounds_of
from nnspec.errors import UnsupportedError, UsageError
from nnspec.language.losses import Gives
from nnspec.language.training_schema import kind_of
from nnspec.layers.shapes import Shape
from nnspec.network.domains import domain_of
from nnspec.network.graph import Graph
from nnspec_onnx.columns import Columns
from nnspec_onnx.dates import prepared_dates
from nnspec_onnx.images import prepared_images, require_images, sides_of
from nnspec_onnx.ir import Network, Node, Value
from nnspec_onnx.sounds import prepared_sounds, sizes_of
from nnspec_onnx.texts import prepared_texts, require_texts

OPSET = 19
"""The first opset that compares texts."""
OPSET_OF_DATES = 20
"""The first opset that takes texts apart."""


def prepared_network(network: Network, graph: Graph, record: str) -> Network:
    """Return the network with raw columns as its inputs, and what it predicts as outputs too.

    record: the preprocessing record as JSON. Raises UnsupportedError for what operators of ONNX
    do not express, UsageError for a name that would stand for two things.
    """
    preprocessing = Preprocessing.from_json(record)
    _require_expressible(network, graph, preprocessing)
    columns = _columns_of(preprocessing)
    answers = _answers(preprocessing, network, columns)
    inner = _apart(network, {*columns, *answers})
    operators = {node.name for node in inner.nodes}
    made = Columns({*columns, *answers, *operators, *_values_of(inner)})
    renamed = {value.name: made.free(f"{value.name}.network") for value in inner.outputs}
    bounds = bounds_of(graph)
    for declared, value in zip(network.inputs, inner.inputs, strict=True):
        feature = preprocessing.inputs[declared.name]
        if feature.image is not None:
            (column,) = feature.columns
            renamed[value.name] = prepared_images(
                made, feature.image, column, feature.shape, value.dtype
            )
            continue
        if feature.sound is not None:
            (column,) = feature.columns
            renamed[value.name] = prepared_sounds(
                made, feature.sound, column, feature.shape, value.dtype
            )
            continue
        low, high = bounds.ranges[declared.name]
        before_it = len(made.refused)
        elements = made.fitted(_elements(made, feature), value.dtype, low, high)
        steps = () if feature.steps is None else (feature.steps,)
        shape = made.constant([-1, *steps, *map(int, feature.shape)], "int64")
        renamed[value.name] = made.node("Reshape", elements, shape)
        if feature.steps is not None:
            made.refused[before_it:] = [_of_windows(made, made.refused[before_it:], feature.steps)]
    # Where none are refused, as of images alone, whose bytes are all right, nothing asks.
    wrong = made.any_of(made.refused) if made.refused else ""
    before = len(made.nodes)
    ends = [_end(made, value, renamed[value.name], preprocessing, wrong) for value in inner.outputs]
    for name, (output, answer) in answers.items():
        if answer.gives is not None:
            end = next(each for each in ends if each.name == output)
            ends.append(_number(made, name, end, answer.gives))
            continue
        value = next(each for each in inner.outputs if each.name == output)
        ends.append(_answer(made, name, renamed[output], value, answer, network, wrong))
    numbers = [name for name, (_, answer) in answers.items() if answer.gives is not None]
    rows = network.inputs[0].shape[0]
    return replace(
        inner,
        inputs=tuple(
            Value(name, dtype, (rows, *shape)) for name, (dtype, shape) in columns.items()
        ),
        outputs=tuple(ends),
        nodes=(
            *made.nodes[:before],
            *(_renamed(node, renamed) for node in inner.nodes),
            *made.nodes[before:],
        ),
        initializers=(*inner.initializers, *made.initializers),
        metadata={
            **network.metadata,
            RECORD: record,
            **({ANSWERS: json.dumps(numbers)} if numbers else {}),
        },
    )


def _require_expressible(network: Network, graph: Graph, record: Preprocessing) -> None:
    kinds = {each.kind for feature in record.inputs.values() for each in feature.prepared or ()}
    has_dates = bool(kinds & {"date", "text"})
    least = OPSET_OF_DATES if has_dates else OPSET
    if network.opset < least:
        what = "columns" if not has_dates else "dates" if "date" in kinds else "texts"
        raise UsageError(
            f"the preparation of {what} needs opset {least} or later, and this is {network.opset}"
        )
    for name, feature in record.inputs.items():
        for column, each in zip(feature.columns, feature.prepared or (), strict=False):
            if each.kind == "text":
                require_texts(each, column)
        if feature.image is not None:
            require_images(name, feature.image)
        if feature.is_array:
            raise UnsupportedError(
                f'input "{name}" is fed by an array, and only columns of a table are prepared '
                "within a model: export it without its preprocessing"
            )
        if not all(isinstance(size, int) for size in feature.shape):
            raise UnsupportedError(
                f'input "{name}" has a dynamic axis, so that its columns have no fixed number: '
                "export it without its preprocessing"
            )
    domain, bounds = domain_of(graph), bounds_of(graph)
    inner = [each for each in domain.ranges if each.value not in graph.inputs]
    if inner or bounds.relative or bounds.limits:
        layer = f' of the layer "{inner[0].layer}"' if inner else ""
        raise UnsupportedError(
            f"the ids{layer} are bounded otherwise than number by number, which a model does not "
            "check: export it without its preprocessing"
        )
    for value in network.outputs:
        if not value.dtype.startswith("float"):
            raise UnsupportedError(
                f'the output "{value.name}" is {value.dtype}, which has no NaN for rows that are '
                "refused: export it without its preprocessing"
            )


def _columns_of(record: Preprocessing) -> dict[str, tuple[str, Shape]]:
    """Return the raw columns in their order, with the dtype of each, and the shape of a row."""
    columns: dict[str, tuple[str, Shape]] = {}
    for feature in record.inputs.values():
        for i, name in enumerate(feature.columns):
            prepared = feature.prepared[i] if feature.prepared is not None else None
            is_text = prepared is not None and prepared.kind != "number"
            steps = () if feature.steps is None else (feature.steps,)
            kind: tuple[str, Shape] = ("string" if is_text else "float64", steps)
            if feature.image is not None:
                sides = sides_of(feature.image, name, feature.shape)
                kind = ("uint8", (*sides, feature.image.channels))
            if feature.sound is not None:
                kind = ("float32", sizes_of(feature.sound, name, feature.shape))
            if columns.setdefault(name, kind) != kind:
                what = "files of two kinds" if feature.is_of_files else "a number and a category"
                raise UnsupportedError(f'the column "{name}" is {what}')
    return columns


def _answers(
    record: Preprocessing, network: Network, columns: Collection[str]
) -> dict[str, tuple[str, Answer]]:
    """Return what is predicted where that is no output: by a name, its output and its meaning."""
    if record.answers is not None:
        meant = dict(record.answers)
    elif len(network.outputs) == 1:
        shared = {"task", "target", "columns", "labels", "class_axis", "gives"}
        given = record.model_dump(include=shared)
        meant = {network.outputs[0].name: Answer.model_validate(given)}
    else:
        meant = {}
    outputs = {value.name for value in network.outputs}
    found: dict[str, tuple[str, Answer]] = {}
    for output, answer in meant.items():
        if kind_of(answer.task) == "regression" and answer.gives is None:
            continue
        name = answer.target if answer.columns is None else f"{output}_answer"
        while name in outputs or name in found or name in columns:
            name += "_answer"
        found[name] = output, answer
    return found


def _values_of(network: Network) -> set[str]:
    nodes = {value for node in network.nodes for value in (*node.inputs, *node.outputs)}
    values = {value.name for value in (*network.inputs, *network.outputs)}
    return {*nodes, *values, *(each.name for each in network.initializers)}


def _apart(network: Network, names: set[str]) -> Network:
    """Return the network with other names for values of its own that would be in the way."""
    for value in network.outputs:
        if value.name in names:
            raise UsageError(
                f'the column "{value.name}" has the name of an output of the network, and in a '
                "model a name is one value: give the layer another"
            )
    taken = _values_of(network) | names
    renamed: dict[str, str] = {}
    for name in sorted(names & _values_of(network)):
        other = f"{name}_"
        while other in taken:
            other += "_"
        renamed[name] = other
        taken.add(other)

    def new(name: str) -> str:
        return renamed.get(name, name)

    initializers = tuple(each._replace(name=new(each.name)) for each in network.initializers)
    return replace(
        network,
        inputs=tuple(value._replace(name=new(value.name)) for value in network.inputs),
        nodes=tuple(_renamed(node, renamed) for node in network.nodes),
        initializers=initializers,
    )


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    return node._replace(
        inputs=tuple(names.get(value, value) for value in node.inputs),
        outputs=tuple(names.get(value, value) for value in node.outputs),
    )


def _elements(made: Columns, feature: Feature) -> str:
    """Return the elements of an input in float64, shaped (rows, elements).

    Of windows (windows · steps, elements): each row of the file is prepared by itself.
    """
    columns = feature.columns
    if feature.steps is not None:
        flat = made.constant([-1], "int64")
        columns = tuple(made.node("Reshape", name, flat) for name in columns)
    if feature.prepared is not None:
        given = zip(columns, feature.prepared, strict=True)
        parts = [_column(made, each, name) for name, each in given]
    else:
        parts = [made.wide(name) for name in columns]
    values = made.node("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
    if feature.mean is not None and feature.scale is not None:
        values = made.node("Sub", values, made.constant(feature.mean))
        values = made.node("Div", values, made.constant(feature.scale))
    return values


def _column(made: Columns, by: Prepared, name: str) -> str:
    """Return what one column becomes, shaped (rows, elements), in float64."""
    if by.kind == "text":
        return prepared_texts(made, by, name)
    return prepared_dates(made, by, name) if by.parts else made.prepared(by, name)


def _of_windows(made: Columns, refused: list[str], steps: int) -> str:
    """Return which windows hold a row that is refused. refused: bools of (windows · steps)."""
    by_window = made.node("Reshape", made.any_of(refused), made.constant([-1, steps], "int64"))
    total = made.node(
        "ReduceSum", made.cast(by_window, "float64"), made.constant([1], "int64"), keepdims=0
    )
    return made.node("Greater", total, made.constant(0.0))


def _end(made: Columns, value: Value, raw: str, record: Preprocessing, wrong: str) -> Value:
    """Add an output in the units of the target, NaN where the row is refused."""
    dtype = value.dtype
    if record.shift is not None:
        shape, dtype = value.shape[1:], "float64"
        mean, scale = (made.constant(np.reshape(each, shape)) for each in record.shift)
        raw = made.node("Add", made.node("Mul", made.cast(raw, dtype), scale), mean)
    if not wrong:
        made.taken.discard(value.name)
        return Value(made.node("Identity", raw, name=value.name), dtype, value.shape)
    refused = _spread(made, wrong, len(value.shape))
    nan = made.constant(np.nan, dtype)
    made.taken.discard(value.name)
    return Value(made.node("Where", refused, nan, raw, name=value.name), dtype, value.shape)


def _number(made: Columns, name: str, end: Value, gives: Gives) -> Value:
    """Add what is predicted of the parameters of a distribution, which are NaN where refused."""
    made.taken.discard(name)
    if gives == "log rates":
        wide = made.cast(end.name, "float64")
        return Value(made.node("Exp", wide, name=name), "float64", end.shape)
    size = end.shape[-1]
    assert isinstance(size, int)
    begin, stop, axis = (made.constant([each], "int64") for each in (0, size // 2, -1))
    means = made.node("Slice", end.name, begin, stop, axis, name=name)
    return Value(means, end.dtype, (*end.shape[:-1], size // 2))


def _spread(made: Columns, wrong: str, rank: int) -> str:
    """Return bools of rows with an axis of 1 for each axis of a value."""
    if rank < 2:
        return wrong
    return made.node("Unsqueeze", wrong, made.constant(list(range(1, rank)), "int64"))


def _answer(
    made: Columns,
    name: str,
    raw: str,
    value: Value,
    answer: Answer,
    network: Network,
    wrong: str,
) -> Value:
    """Add what is predicted: the name or the number of a class, "" or -1 where it is refused."""
    shape = value.shape
    if kind_of(answer.task) == "multiclass":
        given = -1 if answer.class_axis is None else answer.class_axis
        axis = given + 1 if given >= 0 else len(shape) + given
        numbers = made.node("ArgMax", raw, axis=axis, keepdims=0)
        shape = (*shape[:axis], *shape[axis + 1 :])
    else:
        limit = made.constant(_threshold(network, value.name), value.dtype)
        numbers = made.cast(made.node("Greater", raw, limit), "int64")
    made.taken.discard(name)
    if not wrong:
        if answer.labels is None:
            return Value(made.node("Identity", numbers, name=name), "int64", shape)
        made_of = made.texts(answer.labels), numbers
        return Value(made.node("Gather", *made_of, name=name), "string", shape)
    refused = _spread(made, wrong, len(shape))
    if answer.labels is None:
        none = made.constant(-1, "int64")
        return Value(made.node("Where", refused, none, numbers, name=name), "int64", shape)
    words = made.node("Gather", made.texts(answer.labels), numbers)
    return Value(made.node("Where", refused, made.text(""), words, name=name), "string", shape)


def _threshold(network: Network, output: str) -> float:
    """Return the score above which the answer is yes."""
    known = json.loads(network.metadata.get("nnspec.thresholds", "{}"))
    return float(known.get(output, network.metadata.get("nnspec.threshold", "0.5")))
