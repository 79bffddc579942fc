"""Source that reads what rows, and places in them, count."""

from __future__ import annotations

from nnspec.emit.code import literal, wrap
from nnspec.emit.splitting import BALANCE, BALANCED, WEIGHT
from nnspec.language.expressions import renamed
from nnspec.layers.shapes import Dim, Shape
from nnspec.network.loader import Spec
from nnspec.network.weighting import lengths_of, trained, weight_shape


def weight_constant(spec: Spec) -> list[str]:
    """Return the line of the constant, where the rows hold weights."""
    data = spec.model.data
    if data is None:
        return []
    name, column = (WEIGHT, data.sample_weight) if data.sample_weight else (BALANCE, data.balance)
    return wrap(f"{name} = {literal(column)}") if column else []


def weight_lines(spec: Spec, target: str, *, is_table: bool) -> list[str]:
    """Return the lines of `load_data` that make the weights. target: the name of that array."""
    data, training = spec.model.data, spec.model.training
    assert data is not None
    assert training is not None
    lines: list[str] = []
    has_column, mask = data.sample_weight is not None, training.mask
    if data.balance is not None:
        lines.append(f'    weights = {BALANCED}(rows, parts["train"], path)')
        has_column = True
    elif has_column:
        column = "[:, 0]" if is_table else ""
        lines += wrap(f"weights = numbers(rows, [{WEIGHT}], path, 0, LARGEST){column}", 4)
    if has_column and not is_table:
        found = [loss.places(output) for _, loss, output in trained(spec.model, spec.graph)]
        lines += _checked(list(dict.fromkeys(found)), target)
    if mask is not None:
        kept = f"inputs[{literal(mask)}] != 0"
        if lengths_of(spec.graph, mask):
            size = weight_shape(spec.model, spec.graph)[0]
            count = _count(spec, size, target)
            kept = f"np.arange({count}) < inputs[{literal(mask)}].reshape(-1, 1)"
        if not has_column:
            lines += wrap(f"weights = {kept}", 4)
        else:
            rank = len(weight_shape(spec.model, spec.graph)) + 1
            lines += wrap(f"kept = {kept}", 4)
            shape = "*weights.shape, *[1] * " + (
                f"({rank} - weights.ndim)" if not is_table else f"{rank - 1}"
            )
            lines += wrap(f"weights = weights.reshape({shape}) * kept", 4)
    return [
        *lines,
        '    weights = weights.astype("float32")',
        "    for part, chosen in parts.items():",
        "        if not weights[chosen].any():",
        '            raise ValueError(f"{path}: every row of {part} has the weight 0")',
    ]


def _count(spec: Spec, size: Dim, target: str) -> str:
    """Return the expression of how many places a row has."""
    if isinstance(size, int):
        return literal(size)
    if any(loss.takes != "nothing" for _, loss, _ in trained(spec.model, spec.graph)):
        return f"{target}.shape[1]"
    # No loss reads a target, and the size follows from those of the inputs.
    axes = {
        axis: f"inputs[{literal(name)}].shape[{i}]"
        for name, kind in spec.graph.inputs.items()
        for i, axis in enumerate(kind.shape, 1)
        if isinstance(axis, str)
    }
    return renamed(size, axes)


def _checked(every: list[Shape], target: str) -> list[str]:
    """Return the lines that refuse weights which fit neither rows nor their places."""
    lines = [
        f"    if len(weights) != len({target}):",
        '        raise ValueError(f"{path}: weights and target differ in their rows")',
    ]
    for places in every:
        if not all(isinstance(size, int) for size in places):
            continue
        lines += [
            *wrap(f"places = {literal(tuple(places))}", 4),
            "    if weights.shape[1:] != places[: weights.ndim - 1]:",
            '        raise ValueError(f"{path}: weights of rows or of {places} are expected")',
        ]
    return lines
