"""Source that reads what the network should give for each row."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.emit.code import literal, wrap
from nnspec.emit.splitting import rows_type
from nnspec.emit.wanted import ONE, Source, read_wanted, several
from nnspec.errors import UsageError
from nnspec.language.losses.targets import Wanted, wanted
from nnspec.language.training_schema import Training
from nnspec.layers.shapes import Shape, show


def read_target(
    training: Training,
    output: Shape,
    *,
    is_table: bool,
    is_exact: bool = False,
    is_one: bool = True,
    function: str = "read_target",
    is_named: bool = False,
    without: str = "",
    has_categories: bool = False,
) -> str:
    """Return what reads the target of a network of this output shape: a function of this name.

    is_exact: give a regression's numbers as they are read, to be standardised. is_one: whether it
    is one column, or array, and not several. is_named: whether the function is told its name, or
    the names of its columns, which are constants elsewhere. without: Python for the names of
    columns that are none. has_categories: whether text that is all numbers may be of categories.
    """
    if not is_one:
        source = Source("names" if is_named else several(without), True, is_one=False)
        return _columns(training, output, function, source, is_exact=is_exact)
    source = Source("name" if is_named else ONE, is_table, has_categories=has_categories)
    least = "-LARGEST, LARGEST" if is_exact else range_of(training)
    rows = rows_type(is_table=is_table)
    result = "tuple[np.ndarray, list[str] | None]"
    given = f"rows: {rows}, {'name: str, ' if is_named else ''}path: Path"
    lines = [
        *wrap(f"def {function}({given}) -> {result}:"),
        '    """Return the target of each row, and the names of the classes, if it has some."""',
    ]
    if choices := wanted(training.resolved_loss, output):
        labelled = _labelled(training, output, choices, source)
        lines += read_wanted(choices, labelled, source)
    elif training.kind == "regression":
        lines += [
            *wrap(f"target = numbers(rows, {source.names}, path, {least})", 4),
            *wrap(f"target = shaped(target, {literal(list(output))}, {source.place})", 4),
            "    return target, None" if is_exact else '    return target.astype("float32"), None',
        ]
    elif training.kind == "binary":
        lines += [*_labels(2, source), "    else:", *_one_spelling(source)]
        whole = ", whole=True" if is_table else ""
        lines += [
            f"        target = numbers(rows, {source.names}, path, 0, 1{whole})",
            *wrap(f"target = shaped(target, {literal(list(output))}, {source.place})", 4),
            '    return target.astype("float32"), labels',
        ]
    else:
        lines += _classes(output, source)
    return "\n".join(lines)


def range_of(training: Training) -> str:
    """Return the least and the greatest number that the target of a quantity may have."""
    takes_shares = training.resolved_loss.leaves_out == "sigmoid"
    return "0, 1" if takes_shares else "-LARGEST, LARGEST"


def _labelled(
    training: Training, output: Shape, choices: Sequence[Wanted], source: Source
) -> list[str]:
    """Return the lines that number labels, where there may be some."""
    choice = choices[0]
    is_one = len(choices) == 1 and not choice.is_padded and all(size == 1 for size in choice.shape)
    if training.kind == "regression" or not (is_one and choice.is_discrete):
        return []
    classes = 2 if training.kind == "binary" else output[training.resolved_loss.class_axis]
    if not isinstance(classes, int):
        return []
    return [*_labels(classes, source), "    else:", *_one_spelling(source)]


def _columns(
    training: Training, output: Shape, function: str, source: Source, *, is_exact: bool
) -> str:
    """Return `read_target` for a target of several columns."""
    limits, shape, dtype, whole = "0, 1", output, "float32", ", whole=True"
    if training.kind == "multiclass":
        limits, shape, dtype = f"0, {_number_of_classes(output) - 1}", output[:-1], "int64"
    elif training.kind == "regression":
        limits, whole = "-LARGEST, LARGEST" if is_exact else range_of(training), ""
    given = f"rows, {source.names}, path, {limits}{whole}"
    more = "names: list[str], " if source.name == "names" else ""
    arguments = f"rows: pl.DataFrame, {more}path: Path"
    head = [
        *wrap(f"def {function}({arguments}) -> tuple[np.ndarray, None]:"),
        '    """Return the target of each row; its classes have no names."""',
    ]
    if choices := wanted(training.resolved_loss, output):
        return "\n".join([*head, *read_wanted(choices, [], source)])
    return "\n".join(
        [
            *head,
            *wrap(f"target = numbers({given})", 4),
            *wrap(f"target = shaped(target, {literal(list(shape))}, {source.place})", 4),
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


def _classes(output: Shape, source: Source) -> list[str]:
    count, name = _number_of_classes(output), source.name
    lines = _labels(count, source)
    if not source.is_table:
        rank = len(output) + 1
        lines += [
            f"    elif words is not None and words.ndim == {rank}:  # a probability per class",
            f"        target = numbers(rows, {source.names}, path, 0, 1)",
            f"        target = shaped(target, {literal(list(output))}, {source.place})",
            "        wrong = np.abs(target.sum(axis=-1) - 1) > 1e-3",
            "        if wrong.any():",
            f"            place = where(path, {name}, np.argwhere(wrong)[0][0] + 1)",
            '            raise ValueError(f"{place}: the probabilities do not sum to 1")',
            '        return target.astype("float32"), None',
        ]
    return [
        *lines,
        "    else:",
        *_one_spelling(source),
        f"        target = numbers(rows, {source.names}, path, 0, {count - 1}, whole=True)",
        *wrap(f"target = shaped(target, {literal(list(output[:-1]))}, {source.place})", 4),
        '    return target.astype("int64"), labels',
    ]


def _labels(count: int, source: Source) -> list[str]:
    """Return the lines that number classes given by words, in sorted order."""
    name = source.name
    if source.is_table:
        lines = [
            "    labels = None",
            f"    words = column(rows, {name}, path)",
            "    is_text = words.dtype == pl.String",
            *(
                [
                    f"    is_category = rows[{name}].dtype in (pl.Categorical, pl.Enum)",
                    "    if is_category or (is_text and "
                    "words.cast(pl.Float64, strict=False).has_nulls()):",
                ]
                if source.has_categories
                else ["    if is_text and words.cast(pl.Float64, strict=False).has_nulls():"]
            ),
            "        names, target = np.unique(words.to_numpy(), return_inverse=True)",
        ]
    else:
        lines = [
            "    labels = None",
            f"    words = rows.get({name})",
            '    if words is not None and words.dtype.kind in "US":',
            "        texts = np.char.strip(words.astype(str))",
            "        names, target = np.unique(texts, return_inverse=True)",
            '        if "" in names:',
            f"            raise ValueError(f'{{path}}: \"{{{name}}}\" holds an empty label')",
        ]
    return [
        *lines,
        "        labels = names.tolist()",
        f"        if len(labels) != {count}:",
        f'            wrong = f"{{len(labels)}} labels, and {count} are expected"',
        f"            raise ValueError(f'{{path}}: \"{{{name}}}\" holds {{wrong}}')",
    ]


def _one_spelling(source: Source) -> list[str]:
    """Return the lines that refuse two spellings of one class, as 0 and 00."""
    if not source.is_table:
        return []
    told = f"f'{{path}}: \"{{{source.name}}}\" writes one class in two ways'"
    return [
        "        texts = words.unique() if is_text else []",
        '        spelled = [text for text in texts if text.lstrip("+-").isdecimal()]',
        "        if len({int(text) for text in spelled}) < len(spelled):",
        f"            raise ValueError({told})",
    ]
