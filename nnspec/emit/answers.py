"""Source that reads what the network should give for each row."""

from __future__ import annotations

from nnspec.emit.code import literal, wrap
from nnspec.errors import UsageError
from nnspec.language.training_schema import Training
from nnspec.layers.shapes import Shape, show

_PLACE = "f'{path}: \"{TARGET}\"'"


def read_target(
    training: Training, output: Shape, *, is_table: bool, is_exact: bool = False
) -> str:
    """Return `read_target` for a network of this output shape.

    is_exact: give a regression's numbers as they are read, to be standardised.
    """
    rows = "pl.DataFrame" if is_table else "dict[str, np.ndarray]"
    result = "tuple[np.ndarray, list[str] | None]"
    lines = [
        *wrap(f"def read_target(rows: {rows}, path: Path) -> {result}:"),
        '    """Return the target of each row, and the names of the classes, if it has some."""',
    ]
    if training.task == "regression":
        lines += [
            "    target = numbers(rows, [TARGET], path, -LARGEST, LARGEST)",
            *wrap(f"target = shaped(target, {literal(list(output))}, {_PLACE})", 4),
            "    return target, None" if is_exact else '    return target.astype("float32"), None',
        ]
    elif training.task == "binary":
        lines += [*_labels(2, is_table=is_table), "    else:", *_one_spelling(is_table=is_table)]
        whole = ", whole=True" if is_table else ""
        lines += [
            f"        target = numbers(rows, [TARGET], path, 0, 1{whole})",
            *wrap(f"target = shaped(target, {literal(list(output))}, {_PLACE})", 4),
            '    return target.astype("float32"), labels',
        ]
    else:
        lines += _classes(output, is_table=is_table)
    return "\n".join(lines)


def _classes(output: Shape, *, is_table: bool) -> list[str]:
    count = output[-1] if output else 1
    if not isinstance(count, int):
        raise UsageError(
            f"the network's output is {show(output)}; classes need a last axis of fixed size"
        )
    lines = _labels(count, is_table=is_table)
    if not is_table:
        rank = len(output) + 1
        lines += [
            f"    elif words is not None and words.ndim == {rank}:  # a probability per class",
            "        target = numbers(rows, [TARGET], path, 0, 1)",
            f"        target = shaped(target, {literal(list(output))}, {_PLACE})",
            "        wrong = np.abs(target.sum(axis=-1) - 1) > 1e-3",
            "        if wrong.any():",
            "            row = np.argwhere(wrong)[0][0] + 1",
            "            place = f'{path}: \"{TARGET}\", row {row}'",
            '            raise ValueError(f"{place}: the probabilities do not sum to 1")',
            '        return target.astype("float32"), None',
        ]
    return [
        *lines,
        "    else:",
        *_one_spelling(is_table=is_table),
        f"        target = numbers(rows, [TARGET], path, 0, {count - 1}, whole=True)",
        *wrap(f"target = shaped(target, {literal(list(output[:-1]))}, {_PLACE})", 4),
        '    return target.astype("int64"), labels',
    ]


def _labels(count: int, *, is_table: bool) -> list[str]:
    """Return the lines that number classes given by words, in sorted order."""
    if is_table:
        lines = [
            "    labels = None",
            "    words = column(rows, TARGET, path)",
            "    is_text = words.dtype == pl.String",
            "    if is_text and words.cast(pl.Float64, strict=False).has_nulls():",
            "        names, target = np.unique(words.to_numpy(), return_inverse=True)",
        ]
    else:
        lines = [
            "    labels = None",
            "    words = rows.get(TARGET)",
            '    if words is not None and words.dtype.kind in "US":',
            "        texts = np.char.strip(words.astype(str))",
            "        names, target = np.unique(texts, return_inverse=True)",
            '        if "" in names:',
            "            raise ValueError(f'{path}: \"{TARGET}\" holds an empty label')",
        ]
    return [
        *lines,
        "        labels = names.tolist()",
        f"        if len(labels) != {count}:",
        f'            wrong = f"{{len(labels)}} labels, and {count} are expected"',
        "            raise ValueError(f'{path}: \"{TARGET}\" holds {wrong}')",
    ]


def _one_spelling(*, is_table: bool) -> list[str]:
    """Return the lines that refuse two spellings of one class, as 0 and 00."""
    if not is_table:
        return []
    return [
        "        texts = words.unique() if is_text else []",
        '        spelled = [text for text in texts if text.lstrip("+-").isdecimal()]',
        "        if len({int(text) for text in spelled}) < len(spelled):",
        "            raise ValueError(f'{path}: \"{TARGET}\" writes one class in two ways')",
    ]
