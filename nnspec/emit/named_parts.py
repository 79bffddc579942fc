"""Source for rows whose part a column names, and for epochs that draw its values equally often."""

from __future__ import annotations

from nnspec.emit.code import literal, wrap
from nnspec.emit.splitting import RESAMPLE, ROW_KEYS, SPLIT, of_arrays, rows_type
from nnspec.language.splitting import Split
from nnspec.language.training_schema import Data

ROW_PARTS, TRAIN_KINDS = "row_parts", "train_kinds"
"""The functions that read such columns."""


def _valued(how: Split) -> list[tuple[int, str]]:
    """Return the number of each part beside the training rows, and the value that names it."""
    numbered = ((1, how.validation), (2, how.test))
    return [(number, value) for number, value in numbered if value is not None]


def named_source(how: Split, *, is_table: bool) -> list[str]:
    """Return the definitions of what reads the part of each row, and of `split`."""
    names = {0: "train", 1: "validation", 2: "test"}
    read = ["    values = column(rows, SPLIT, path).to_numpy().astype(str)"]
    if not is_table:
        read = [*of_arrays(SPLIT, "biufMU"), "    values = values.astype(str)"]
    rows = rows_type(is_table=is_table)
    numbered = ", ".join(f"({number}, {literal(value)})" for number, value in _valued(how))
    return [
        "\n".join(
            [
                f"def {ROW_PARTS}(rows: {rows}, path: Path) -> np.ndarray:",
                '    """Return the part of each row: 0 train, 1 validation, 2 test."""',
                *read,
                "    parts = np.zeros(len(values), int)",
                *wrap(f"named = [{numbered}]", 4),
                "    for part, value in named:",
                "        parts[values == value] = part",
                "        if part not in parts:",
                '            wrong = f\'no row has the value "{value}" in "{SPLIT}"\'',
                '            raise ValueError(f"{path}: {wrong}")',
                "    others = np.unique(values[parts == 0])",
                "    if len(others) != 1:",
                '        wrong = f"rows of one value of {SPLIT} train, not those of {others}"',
                '        raise ValueError(f"{path}: {wrong}")',
                "    return parts",
            ]
        ),
        "\n".join(
            [
                "def split(by: np.ndarray) -> dict[str, np.ndarray]:",
                '    """Return the rows of each part, by their numbers."""',
                "    return {",
                *(
                    f'        "{names[number]}": np.flatnonzero(by == {number}),'
                    for number in (0, *(number for number, _ in _valued(how)))
                ),
                "    }",
            ]
        ),
    ]


def resample_constant(data: Data) -> list[str]:
    """Return the line of the constant, where epochs draw the values of a column."""
    return wrap(f"{RESAMPLE} = {literal(data.resample)}") if data.resample is not None else []


def kinds_source(*, is_table: bool) -> str:
    """Return the definition of what tells the training rows apart that epochs draw."""
    rows = rows_type(is_table=is_table)
    return "\n".join(
        [
            f"def {TRAIN_KINDS}(",
            f"    rows: {rows}, parts: dict[str, np.ndarray], path: Path",
            ") -> np.ndarray:",
            '    """Return the number of the value that each training row has, from 0."""',
            f"    kinds = {ROW_KEYS}(rows, {RESAMPLE}, path)",
            "    if len(kinds) != sum(map(len, parts.values())):",
            f'        wrong = f"{{{RESAMPLE}}} and the others differ in their rows"',
            '        raise ValueError(f"{path}: {wrong}")',
            '    return np.unique(kinds[parts["train"]], return_inverse=True)[1]',
        ]
    )


def returned(data: Data) -> list[str]:
    """Return the last lines of `load_data`."""
    if data.resample is None:
        return ["    return taken, record"]
    return [f"    return taken, record, {TRAIN_KINDS}(rows, parts, path)"]


def more_of(data: Data) -> str:
    """Return what the type of `load_data` has more."""
    return "" if data.resample is None else ", np.ndarray"


def loading(data: Data) -> str:
    """Return what a script takes of `load_data`."""
    return "data, record" if data.resample is None else "data, record, kinds"
