"""The domain of a network as text, for the metadata of an exported model."""

from __future__ import annotations

import json
from typing import Any

from nnspec.errors import DataError
from nnspec.language.expressions import ExpressionError
from nnspec.layers.shapes import Dim, Shape, TensorType
from nnspec.network.domain import Domain, IntegerLayer, Limit, Range, size_of

KEY = "nnspec.domain"
"""The record's key in the metadata of an ONNX file."""
RECORD = "nnspec.prepared"
"""The key of the preprocessing record that a model itself applies."""

ANSWERS = "nnspec.answers"
"""The key of the names, a JSON list, of outputs that are predicted of others, and are numbers."""


def to_json(domain: Domain) -> str:
    """Return the domain as JSON."""
    return json.dumps(
        {
            "data_format": domain.data_format,
            "inputs": {
                name: {"shape": list(type_.shape), "dtype": type_.dtype}
                for name, type_ in domain.inputs.items()
            },
            "ranges": [[r.value, r.least, r.most, r.layer, r.kind] for r in domain.ranges],
            "limits": [[m.size, m.least, m.most, m.layer, m.kind] for m in domain.limits],
            "steps": [[_fields(step), step.inputs, step.outputs] for step in domain.steps],
        },
        separators=(",", ":"),
    )


def _fields(step: IntegerLayer) -> dict[str, Any]:
    skipped = {"name", "inputs", "trainable"}
    fields = step.layer.model_dump(mode="json", exclude=skipped, exclude_defaults=True)
    return {"type": step.layer.type, **fields}


def from_json(text: str) -> Domain:
    """Read what `to_json` wrote; raises DataError for anything else."""
    try:
        return _read(json.loads(text))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"the record of the model's domain cannot be read: {reason}") from None


def _read(record: Any) -> Domain:
    from nnspec.layers import LAYERS
    from nnspec.layers.rows import ROWS
    from nnspec.network.integers import COMPUTED

    inputs = {
        str(name): TensorType(_shape(kind["shape"]), _dtype(kind["dtype"]))
        for name, kind in record["inputs"].items()
    }
    names = {size for type_ in inputs.values() for size in type_.shape if isinstance(size, str)}
    known = set(inputs)
    steps = []
    for fields, taken, given in record["steps"]:
        kind = fields["type"]
        layer = (ROWS.get(kind) or LAYERS[kind]).model_validate(fields)
        if type(layer) not in COMPUTED or not known.issuperset(taken):
            raise ValueError(f"no step: {kind}")
        steps.append(IntegerLayer(layer, tuple(map(str, taken)), tuple(map(str, given))))
        known.update(given)
    ranges = tuple(
        Range(str(value), int(least), _dim(most, names), str(layer), str(kind))
        for value, least, most, layer, kind in record["ranges"]
    )
    limits = tuple(
        Limit(
            str(_dim(size, names)),
            int(least),
            int(most) if most is not None else None,
            str(layer),
            str(kind),
        )
        for size, least, most, layer, kind in record["limits"]
    )
    if not all(allowed.value in known for allowed in ranges):
        raise ValueError("a range of no value")
    data_format = record["data_format"]
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError("no data format")
    return Domain(inputs, ranges, limits, tuple(steps), data_format)


def _dtype(name: Any) -> str:
    if name not in ("float32", "int32", "int64", "uint8", "bool"):
        raise ValueError(f"no dtype: {name!r}")
    return str(name)


def _shape(sizes: Any) -> Shape:
    return tuple(size if isinstance(size, int) else str(size) for size in sizes)


def _dim(size: Any, names: set[str]) -> Dim:
    if isinstance(size, int):
        return size
    try:
        size_of(str(size), dict.fromkeys(names, 1))
    except (ExpressionError, KeyError) as error:
        raise ValueError(f"{size!r} is no size: {error}") from None
    return str(size)
