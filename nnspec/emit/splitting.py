"""Source that splits rows into parts: at random, or by a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nnspec.emit.array_kinds import ARRAY_KINDS
from nnspec.emit.code import literal, wrap
from nnspec.emit.parts_of_files import files_constant, has_files
from nnspec.language.preparation import pattern_of
from nnspec.language.training_schema import Data, Training
from nnspec.language.weighting import SAMPLE_WEIGHT

SPLIT = "SPLIT"
"""The constant that names the column, or the array, by which rows are split."""
BALANCE = "BALANCE"
"""The constant that names the column whose values count as much as each other."""
RESAMPLE = "RESAMPLE"
"""The constant that names the column whose values each epoch draws equally often."""
ROW_KEYS, ROW_TIMES, BALANCED = "row_keys", "row_times", "balanced"
"""The functions that read such columns."""
SERIES, ORDER = "SERIES", "ORDER"
"""The constants that name the columns of the series of a row, and of its time in that."""
WEIGHT = SAMPLE_WEIGHT.upper()
"""The constant that names the column, or the array, of the weights."""


_DATED = ("parquet", "postgresql")
"""Kinds of files with columns of dates."""


def rows_type(*, is_table: bool) -> str:
    """Return the type of what a script reads."""
    return "pl.DataFrame" if is_table else "dict[str, np.ndarray]"


def split_constant(data: Data) -> list[str]:
    """Return the line of the constant, where a column splits the rows."""
    if has_files(data):
        return files_constant(data)
    return wrap(f"{SPLIT} = {literal(data.split.column)}") if data.split is not None else []


def left_out(data: Data) -> list[str]:
    """Return the constants that name columns which no pattern of features takes."""
    from nnspec.data.splitting import split_column  # which reads tables

    targets = set(data.targets) if isinstance(data.target, str | tuple) else set()
    weight = counting(data)
    apart = {*split_column(data)} - targets
    given = [] if data.split is None else [(SPLIT, name) for name in data.split.columns]
    if data.windows is not None:
        given += [(SERIES, data.windows.series or ""), (ORDER, data.windows.order or "")]
    return [*weight, *(name for name, of in given if of in apart)]


def counting(data: Data) -> list[str]:
    """Return the constant that names the column of weights, which no pattern of targets takes."""
    return [WEIGHT] if data.sample_weight is not None else []


def as_tuple(names: Sequence[str]) -> str:
    """Return the expression of a tuple of these."""
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def parting_lines(data: Data, rows: str, *, is_table: bool) -> list[str]:
    """Return the lines of `load_data` that split the rows. rows: the expression of their number."""
    if data.split is None and data.windows is not None:
        return [f"    parts = split({'late' if data.windows.order is None else 'times'})"]
    if data.split is None:
        return [f"    parts = split({rows})"]
    if has_files(data):
        return ["    parts = split(path)"]
    read = f"{ROW_TIMES}(rows, path)" if data.split.time else f"{ROW_KEYS}(rows, {SPLIT}, path)"
    if data.split.part is not None:
        read = "row_parts(rows, path)"
    checked = [
        f"    if len(by) != {rows}:",
        '        raise ValueError(f"{path}: {SPLIT} and the others differ in their rows")',
    ]
    return [
        f"    by = {read}",
        *(checked if not is_table else ()),
        "    parts = split(by)",
    ]


def keys_source(data: Data, *, suffix: str) -> list[str]:
    """Return the definitions of what reads the columns that split the rows, or weigh them."""
    rows = rows_type(is_table=suffix not in ARRAY_KINDS)
    found = []
    has_keys = data.balance is not None or data.resample is not None
    has_keys |= data.split is not None and data.split.kind in ("group", "stratify")
    if has_keys or (data.windows is not None and data.windows.series is not None):
        head = [
            f"def {ROW_KEYS}(rows: {rows}, name: str, path: Path) -> np.ndarray:",
            '    """Return the value of each row as a number, from 0 in their order."""',
        ]
        body = _numbered("name", "biufMU") if suffix in ARRAY_KINDS else _words(suffix in _DATED)
        found.append("\n".join([*head, *body]))
    if data.split is not None and data.split.time:
        found.append(times_source(ROW_TIMES, SPLIT, data.split.format, suffix=suffix))
    return found


def times_source(function: str, name: str, form: str | None, *, suffix: str) -> str:
    """Return the definition of what reads the times of rows. name: the constant of their column."""
    rows = rows_type(is_table=suffix not in ARRAY_KINDS)
    head = [
        f"def {function}(rows: {rows}, path: Path) -> np.ndarray:",
        '    """Return the time of each row as a number, from 0 in their order."""',
    ]
    has_dates = suffix in _DATED
    body = _numbered(name, "biufM") if suffix in ARRAY_KINDS else _times(name, form, has_dates)
    return "\n".join([*head, *body])


_UNIQUE = "    return np.unique({}, return_inverse=True)[1]"


def _words(has_dates: bool) -> list[str]:
    lines = [*(_dated("name") if has_dates else ()), "    values = column(rows, name, path)"]
    if has_dates:
        lines += ["    if values.dtype.is_float():", *_present("values.is_nan()", "name")]
    return [*lines, _UNIQUE.format("values.to_numpy()")]


def _times(name: str, form: str | None, has_dates: bool) -> list[str]:
    lines = _dated(name) if has_dates else []
    if form is None:
        read = f"numbers(rows, [{name}], path, -LARGEST, LARGEST)[:, 0]"
        return [*lines, *wrap(f"times = {read}", 4), _UNIQUE.format("times")]
    parsed = f'text.str.to_datetime({literal(form)}, strict=False, time_unit="us")'
    return [
        *lines,
        f"    values = column(rows, {name}, path).cast(pl.String)",
        *wrap(f"right = values.str.contains({literal(f'^{pattern_of(form)}$')})", 4),
        "    text = values.set(~right, None)",
        *wrap(f"times = {parsed}", 4),
        "    if times.has_nulls():",
        "        row = times.is_null().arg_true()[0]",
        f"        place = where(path, {name}, row + 1)",
        f"        form = {literal(form)}",
        '        raise ValueError(f"{place}: {values[row]} is no date like {form}")',
        _UNIQUE.format("times.to_numpy()"),
    ]


def _dated(name: str) -> list[str]:
    """Return the lines that take dates as a Parquet file has them. name: the expression of it."""
    return [
        f"    if {name} in rows.columns and rows[{name}].dtype in (pl.Date, pl.Datetime):",
        f"        dates = rows[{name}]",
        *_present("dates.is_null()", name),
        "    " + _UNIQUE.format("dates.to_numpy()"),
    ]


def _present(wrong: str, name: str) -> list[str]:
    lines = [
        f"wrong = {wrong}",
        "if wrong.any():",
        f"    place = where(path, {name}, wrong.arg_true()[0] + 1)",
        '    raise ValueError(f"{place}: the value is missing")',
    ]
    return ["        " + line for line in lines]


def _numbered(name: str, kinds: str) -> list[str]:
    return [*of_arrays(name, kinds), _UNIQUE.format("values")]


def of_arrays(name: str, kinds: str) -> list[str]:
    """Return the lines that read `values` of an array. name: the expression of its name."""
    return [
        f"    if {name} not in rows:",
        f"        raise ValueError(f'{{path}}: there is no array \"{{{name}}}\"')",
        f"    values = rows[{name}]",
        f'    if values.ndim != 1 or values.dtype.kind not in "{kinds}":',
        f"        wrong = f'array \"{{{name}}}\" does not hold one value for each row'",
        '        raise ValueError(f"{path}: {wrong}")',
        "    if (values != values).any():  # no number, and no date",
        f"        wrong = f'array \"{{{name}}}\" lacks the value of a row'",
        '        raise ValueError(f"{path}: {wrong}")',
    ]


def balance_source(*, suffix: str) -> str:
    """Return the definition of what rows count, where values of a column count as much."""
    rows = rows_type(is_table=suffix not in ARRAY_KINDS)
    return "\n".join(
        [
            *wrap(f"def {BALANCED}(rows: {rows}, train: np.ndarray, path: Path) -> np.ndarray:"),
            '    """Return what each row counts: in all, each value of the column as much."""',
            f"    each = {ROW_KEYS}(rows, {BALANCE}, path)",
            "    sizes = np.bincount(each[train], minlength=each.max() + 1)",
            "    if not sizes.all():",
            '        wrong = f"a value of {BALANCE} is in no training row"',
            '        raise ValueError(f"{path}: {wrong}")',
            "    return (sizes.sum() / (len(sizes) * sizes))[each]",
        ]
    )


def split_source(data: Data, training: Training) -> str:
    """Return the definition of `split`, which gives the rows of each part."""
    shares = {"validation": data.validation, "test": data.test}
    if data.windows is not None and not any(shares.values()):
        return "\n".join(
            [
                "def split(by: np.ndarray) -> dict[str, np.ndarray]:",
                '    """Return the rows of each part: all are for training."""',
                '    return {"train": np.arange(len(by))}',
            ]
        )
    if data.split is None and data.windows is None:
        return "\n".join(_at_random(shares, training.seed))
    ways = {"group": _by_group, "time": _by_time, "stratify": _by_class}
    way = _by_time if data.split is None else ways[data.split.kind]
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
