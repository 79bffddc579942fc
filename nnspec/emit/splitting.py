"""Source that splits rows into parts: at random, or by a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nnspec.emit.code import literal, wrap
from nnspec.language.preparation import pattern_of
from nnspec.language.splitting import Split
from nnspec.language.training_schema import Data, Training
from nnspec.language.weighting import SAMPLE_WEIGHT

SPLIT = "SPLIT"
"""The constant that names the column, or the array, by which rows are split."""
ROW_KEYS = "row_keys"
"""The function that reads it."""
WEIGHT = SAMPLE_WEIGHT.upper()


def split_constant(data: Data) -> list[str]:
    """Return the line of the constant, where a column splits the rows."""
    return wrap(f"{SPLIT} = {literal(data.split.column)}") if data.split is not None else []


def left_out(data: Data) -> list[str]:
    """Return the constants that name columns which no pattern of features takes."""
    from nnspec.data.splitting import split_column  # which reads tables

    targets = set(data.targets) if isinstance(data.target, str | tuple) else set()
    weight = [WEIGHT] if data.sample_weight is not None else []
    is_apart = not targets.issuperset(split_column(data))
    return [*weight, *([SPLIT] if is_apart else [])]


def as_tuple(names: Sequence[str]) -> str:
    """Return the expression of a tuple of these."""
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def parting_lines(data: Data, rows: str, *, is_table: bool) -> list[str]:
    """Return the lines of `load_data` that split the rows. rows: the expression of their number."""
    if data.split is None:
        return [f"    parts = split({rows})"]
    checked = [
        f"    if len(by) != {rows}:",
        '        raise ValueError(f"{path}: {SPLIT} and the others differ in their rows")',
    ]
    return [
        f"    by = {ROW_KEYS}(rows, path)",
        *(checked if not is_table else ()),
        "    parts = split(by)",
    ]


def keys_source(data: Data, *, suffix: str) -> str:
    """Return the definition of what reads the column; nothing where rows are split at random."""
    how = data.split
    if how is None:
        return ""
    is_table = suffix != "npz"
    kind = "pl.DataFrame" if is_table else "dict[str, np.ndarray]"
    what = {"group": "group", "time": "time", "stratify": "value"}[how.kind]
    lines = [
        f"def {ROW_KEYS}(rows: {kind}, path: Path) -> np.ndarray:",
        f'    """Return the {what} of each row as a number, from 0 in their order."""',
        *(_of_table(how, has_dates=suffix == "parquet") if is_table else _of_arrays(how)),
    ]
    return "\n".join(lines)


_UNIQUE = "    return np.unique({}, return_inverse=True)[1]"


def _of_table(how: Split, *, has_dates: bool) -> list[str]:
    lines = []
    if has_dates:
        lines = [
            f"    if {SPLIT} in rows.columns and rows[{SPLIT}].dtype in (pl.Date, pl.Datetime):",
            f"        dates = rows[{SPLIT}]",
            *_present("dates.is_null()", 8),
            "    " + _UNIQUE.format("dates.to_numpy()"),
        ]
    if how.kind == "time" and how.format is None:
        read = f"numbers(rows, [{SPLIT}], path, -LARGEST, LARGEST)[:, 0]"
        return [*lines, *wrap(f"times = {read}", 4), _UNIQUE.format("times")]
    lines.append(f"    values = column(rows, {SPLIT}, path)")
    if how.format is not None:
        return [
            *lines,
            *wrap(f"right = values.cast(pl.String).str.contains({literal(_whole(how.format))})", 4),
            "    text = values.cast(pl.String).set(~right, None)",
            *wrap(
                f"times = text.str.to_datetime({literal(how.format)}, strict=False, "
                'time_unit="us")', 4,
            ),
            "    if times.has_nulls():",
            "        row = times.is_null().arg_true()[0]",
            f"        place = where(path, {SPLIT}, row + 1)",
            f"        form = {literal(how.format)}",
            '        raise ValueError(f"{place}: {values[row]} is no date like {form}")',
            _UNIQUE.format("times.to_numpy()"),
        ]  # fmt: skip
    if has_dates:
        lines.append("    if values.dtype.is_float():")
        lines += _present("values.is_nan()", 8)
    return [*lines, _UNIQUE.format("values.to_numpy()")]


def _present(wrong: str, indent: int) -> list[str]:
    lines = [
        f"wrong = {wrong}",
        "if wrong.any():",
        f"    place = where(path, {SPLIT}, wrong.arg_true()[0] + 1)",
        '    raise ValueError(f"{place}: the value is missing")',
    ]
    return [" " * indent + line for line in lines]


def _whole(form: str) -> str:
    return f"^{pattern_of(form)}$"


def _of_arrays(how: Split) -> list[str]:
    kinds = "biufM" if how.kind == "time" else "biufMU"
    return [
        f"    if {SPLIT} not in rows:",
        f"        raise ValueError(f'{{path}}: there is no array \"{{{SPLIT}}}\"')",
        f"    values = rows[{SPLIT}]",
        f'    if values.ndim != 1 or values.dtype.kind not in "{kinds}":',
        f"        wrong = f'array \"{{{SPLIT}}}\" does not hold one value for each row'",
        '        raise ValueError(f"{path}: {wrong}")',
        "    if (values != values).any():  # no number, and no date",
        f"        wrong = f'array \"{{{SPLIT}}}\" lacks the value of a row'",
        '        raise ValueError(f"{path}: {wrong}")',
        _UNIQUE.format("values"),
    ]


def split_source(data: Data, training: Training) -> str:
    """Return the definition of `split`, which gives the rows of each part."""
    shares = {"validation": data.validation, "test": data.test}
    if data.split is None:
        return "\n".join(_at_random(shares, training.seed))
    way = {"group": _by_group, "time": _by_time, "stratify": _by_class}[data.split.kind]
    lines, masks = way(shares, training.seed)
    return "\n".join(
        [
            *lines,
            "    parts = {",
            *(f'        "{part}": np.flatnonzero({masks[part]}),' for part in masks
              if shares.get(part, 1)),
            "    }",
            *_checked("len(by)"),
            "    return parts",
        ]
    )  # fmt: skip


def _checked(count: str) -> list[str]:
    return [
        "    for part, rows in parts.items():",
        "        if not len(rows):",
        f'            raise ValueError(f"of {{{count}}} rows none is left for {{part}}")',
    ]


def _at_random(shares: Mapping[str, float], seed: int) -> list[str]:
    lines = [
        "def split(count: int) -> dict[str, np.ndarray]:",
        '    """Return the rows of each part, in the order of the file."""',
    ]
    if not any(shares.values()):
        return [*lines, '    return {"train": np.arange(count)}']
    lines.append(f'    order = permutation(count, "split", {seed})')
    cuts = []
    previous = ""
    for part, share in shares.items():
        if share:
            start = f"{previous} + " if previous else ""
            lines.append(f"    {part} = {start}int(count * {literal(share)} + 0.5)")
            cuts.append((part, previous, part))
            previous = part
    lines += ["    parts = {", f'        "train": order[{previous}:],']
    lines += [f'        "{part}": order[{begin}:{end}],' for part, begin, end in cuts]
    return [
        *lines,
        "    }",
        *_checked("count"),
        "    return {part: np.sort(rows) for part, rows in parts.items()}",
    ]


_PLACES = {
    "train": "place >= last",
    "validation": "place < first",
    "test": "(place >= first) & (place < last)",
}


def _by_group(shares: Mapping[str, float], seed: int) -> tuple[list[str], Mapping[str, str]]:
    first, last = (literal(shares[part]) for part in ("validation", "test"))
    return [
        "def split(by: np.ndarray) -> dict[str, np.ndarray]:",
        '    """Return the rows of each part: whole groups, as they are drawn."""',
        f'    order = permutation(int(by.max(initial=-1)) + 1, "split", {seed})',
        "    sizes = np.bincount(by, minlength=len(order))[order]",
        "    before = np.cumsum(sizes) - sizes",
        f"    first = int(len(by) * {first} + 0.5)",
        f"    last = int(sizes[before < first].sum()) + int(len(by) * {last} + 0.5)",
        "    last = max(first, last)",
        "    places = np.empty_like(before)",
        "    places[order] = before",
        "    place = places[by]",
    ], _PLACES


def _by_class(shares: Mapping[str, float], seed: int) -> tuple[list[str], Mapping[str, str]]:
    first, last = (literal(shares[part]) for part in ("validation", "test"))
    return [
        "def split(by: np.ndarray) -> dict[str, np.ndarray]:",
        '    """Return the rows of each part, which has its share of those of each value."""',
        f'    order = permutation(len(by), "split", {seed})',
        '    order = order[np.argsort(by[order], kind="stable")]',
        "    sizes = np.bincount(by)",
        "    place = np.empty_like(order)",
        "    place[order] = np.arange(len(by)) - (np.cumsum(sizes) - sizes)[by[order]]",
        f"    first = (sizes * {first} + 0.5).astype(int)[by]",
        f"    last = first + (sizes * {last} + 0.5).astype(int)[by]",
    ], _PLACES


def _by_time(shares: Mapping[str, float], seed: int) -> tuple[list[str], Mapping[str, str]]:
    first, last = (literal(shares[part]) for part in ("validation", "test"))
    return [
        "def split(by: np.ndarray) -> dict[str, np.ndarray]:",
        '    """Return the rows of each part, as time goes; equal times stay together."""',
        "    count, ordered = len(by), [*np.sort(by), len(by)]",
        f"    test = count - int(count * {last} + 0.5)",
        f"    validation = max(test - int(count * {first} + 0.5), 0)",
        "    late, last = ordered[validation], ordered[test]",
    ], {
        "train": "by < late",
        "validation": "(by >= late) & (by < last)",
        "test": "by >= last",
    }
