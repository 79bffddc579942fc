"""Source that reads what the network should give for each row."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.emit.code import literal, wrap
from nnspec.emit.wanted import ONE, SEVERAL, Source, read_wanted
from nnspec.errors import UsageError
from nnspec.language.losses.targets import Wanted, wanted
from nnspec.language.training_schema import Training
from nnspec.layers.shapes import Shape, show

_PLACE = "f'{path}: \"{TARGET}\"'"
_SEVERAL = 'f"{path}: the target"'


def read_target(
    training: Training,
    output: Shape,
    *,
    is_table: bool,
    is_exact: bool = False,
    is_one: bool = True,
    without: str = "",
) -> str:
    """Return `read_target` for a network of this output shape. without: columns that are none.

    is_exact: give a regression's numbers as they are read, to be standardised. is_one: whether it
    is one column, or array, and not several.
    """
    if not is_one:
        return _columns(training, output, is_exact=is_exact, without=without)
    least = "-LARGEST, LARGEST" if is_exact else range_of(training)
    rows = "pl.DataFrame" if is_table else "dict[str, np.ndarray]"
    result = "tuple[np.ndarray, list[str] | None]"
    lines = [
        *wrap(f"def read_target(rows: {rows}, path: Path) -> {result}:"),
        '    """Return the target of each row, and the names of the classes, if it has some."""',
    ]
    if choices := wanted(training.resolved_loss, output):
        labelled = _labelled(training, output, choices, is_table=is_table)
        lines += read_wanted(choices, labelled, Source(*ONE, is_table))
    elif training.kind == "regression":
        lines += [
            f"    target = numbers(rows, [TARGET], path, {least})",
            *wrap(f"target = shaped(target, {literal(list(output))}, {_PLACE})", 4),
            "    return target, None" if is_exact else '    return target.astype("float32"), None',
        ]
    elif training.kind == "binary":
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


def range_of(training: Training) -> str:
    """Return the least and the greatest number that the target of a quantity may have."""
    takes_shares = training.resolved_loss.leaves_out == "sigmoid"
    return "0, 1" if takes_shares else "-LARGEST, LARGEST"


def _labelled(
    training: Training, output: Shape, choices: Sequence[Wanted], *, is_table: bool
) -> list[str]:
    """Return the lines that number labels, where there may be some."""
    choice = choices[0]
    is_one = len(choices) == 1 and not choice.is_padded and all(size == 1 for size in choice.shape)
    if training.kind == "regression" or not (is_one and choice.is_discrete):
        return []
    classes = 2 if training.kind == "binary" else output[training.resolved_loss.class_axis]
    if not isinstance(classes, int):
        return []
    lines = _labels(classes, is_table=is_table)
    return [*lines, "    else:", *_one_spelling(is_table=is_table)]


def _columns(training: Training, output: Shape, *, is_exact: bool, without: str) -> str:
    """Return `read_target` for a target of several columns."""
    limits, shape, dtype, whole = "0, 1", output, "float32", ", whole=True"
    if training.kind == "multiclass":
        limits, shape, dtype = f"0, {_number_of_classes(output) - 1}", output[:-1], "int64"
    elif training.kind == "regression":
        limits, whole = "-LARGEST, LARGEST" if is_exact else range_of(training), ""
    given = f"rows, matching(rows, TARGETS, path{without}), path, {limits}{whole}"
    head = [
        "def read_target(rows: pl.DataFrame, path: Path) -> tuple[np.ndarray, None]:",
        '    """Return the target of each row; its classes have no names."""',
    ]
    if choices := wanted(training.resolved_loss, output):
        names, place = SEVERAL
        source = Source(names.replace("path)", f"path{without})"), place, is_table=True)
        return "\n".join([*head, *read_wanted(choices, [], source)])
    return "\n".join(
        [
            *head,
            *wrap(f"target = numbers({given})", 4),
            *wrap(f"target = shaped(target, {literal(list(shape))}, {_SEVERAL})", 4),
            "    return target, None" if is_exact else f'    return target.astype("{dtype}"), None',
        ]
    )


def _number_of_classes(output: Shape) -> int:
    count = output[-1] if output else 1
    if not isinstance(count, int):
        raise UsageError(
            f"the network's output is {show(output)}; classes need a last axis of fixed size"
        )
    return count


def _classes(output: Shape, *, is_table: bool) -> list[str]:
    count = _number_of_classes(output)
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
