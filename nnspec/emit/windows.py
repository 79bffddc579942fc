"""Source that makes windows over rows: the same ones, in the same parts, as nnspec does."""

from __future__ import annotations

from nnspec.emit.array_kinds import ARRAY_KINDS
from nnspec.emit.code import literal, wrap
from nnspec.emit.parts_of_files import has_files
from nnspec.emit.splitting import ORDER, ROW_KEYS, SERIES, rows_type, times_source
from nnspec.language.training_schema import Data
from nnspec.network.loader import Spec
from nnspec.network.windows import Frame, frame_of

STEP_TIMES = "step_times"
"""The function that reads the times."""


def windows_constant(data: Data) -> list[str]:
    """Return the lines of the constants: the record of windows, and the columns that it names."""
    if data.windows is None:
        return []
    given = ((SERIES, data.windows.series), (ORDER, data.windows.order))
    told = {name: value for name, value in data.windows if value is not None}
    return [
        *wrap(f"WINDOWS: dict[str, Any] = {literal(told)}"),
        *(line for name, of in given if of is not None for line in wrap(f"{name} = {literal(of)}")),
    ]


def past_targets(data: Data) -> list[str]:
    """Return the targets whose past is a feature too: no pattern of features leaves them out."""
    if data.windows is None or not data.windows.horizon or not data.targets:
        return []
    named = {name for given in data.features.values() for name in given}
    return [name for name in data.targets if name in named]


def windows_source(spec: Spec, suffix: str) -> list[str]:
    """Return the definitions that make windows, in the script of such a spec."""
    data, frame = spec.model.data, frame_of(spec.model, spec.graph)
    if data is None or frame is None:
        return []
    rows = rows_type(is_table=suffix not in ARRAY_KINDS)
    made, is_late = [], _tells_late(data, frame)
    if frame.windows.order is not None:
        made.append(times_source(STEP_TIMES, ORDER, frame.windows.format, suffix=suffix))
    return [
        *made,
        "\n".join(
            _row_order(frame, rows, is_table=suffix not in ARRAY_KINDS, has_files=has_files(data))
        ),
        "\n".join(_windows(frame, tells_late=is_late, has_files=has_files(data))),
        "\n".join(_parts(data, frame)),
        "\n".join(_windowed(frame, rows, tells_late=is_late)),
    ]


def _row_order(frame: Frame, rows: str, *, is_table: bool, has_files: bool) -> list[str]:
    series, order = frame.windows.series, frame.windows.order
    result = "tuple[np.ndarray, np.ndarray, np.ndarray]"
    lines = [
        *wrap(f"def row_order(rows: {rows}, count: int, path: Path) -> {result}:"),
        '    """Return the rows by series and time, the series of each row, and its time."""',
    ]
    named = [name for name, given in ((SERIES, series), (ORDER, order)) if given is not None]
    read = {
        SERIES: f"    series = {ROW_KEYS}(rows, {SERIES}, path)",
        ORDER: f"    times = {STEP_TIMES}(rows, path)",
    }
    lines += [read[SERIES] if series is not None else "    series = np.zeros(count, int)"]
    lines += [read[ORDER] if order is not None else "    times = np.arange(count)"]
    for name in named if not is_table else ():
        lines += [
            f"    if len({'series' if name == SERIES else 'times'}) != count:",
            f'        wrong = f"{{{name}}} and the others differ in their rows"',
            '        raise ValueError(f"{path}: {wrong}")',
        ]
    if has_files:
        lines += [
            "    if isinstance(path, Parts):  # no window goes on from one file to the next",
            "        of_file = np.repeat(np.arange(len(path.sizes)), path.sizes)",
            "        series = of_file * (series.max() + 1) + series",
        ]
    lines.append("    order = np.lexsort((times, series))")
    if order is not None:
        lines += [
            "    of, at = series[order], times[order]",
            "    same = (of[1:] == of[:-1]) & (at[1:] == at[:-1])",
            "    if same.any():",
            "        first, second = order[same.argmax() :][:2] + 1",
            *(
                [
                    "        if isinstance(path, Parts):",
                    "            path, own = path.place(first)",
                    "            first, second = own, own + second - first",
                ]
                if has_files
                else []
            ),
            f'        wrong = f"rows {{first}} and {{second}} have the same {{{ORDER}}}"',
            '        raise ValueError(f"{path}: {wrong}")',
        ]
    return [*lines, "    return order, series, times"]


def _windows(frame: Frame, *, tells_late: bool, has_files: bool) -> list[str]:
    length = frame.length
    told = '    """Return where in the order windows end that have so many rows after them'
    head = [
        "def window_ends(",
        "    order: np.ndarray, series: np.ndarray, reach: int, stride: int, path: Path",
    ]
    if tells_late:
        head += [
            ") -> tuple[np.ndarray, np.ndarray]:",
            f"{told}.",
            "",
            "    And of each row how late it is: the share of its series that is before it.",
            '    """',
        ]
    else:
        head += [") -> np.ndarray:", f'{told}."""']
    return [
        *head,
        "    of = series[order]",
        "    begins = np.flatnonzero(np.r_[True, of[1:] != of[:-1]])",
        "    sizes = np.diff(np.r_[begins, len(of)])",
        f"    if sizes.min() < {length} + reach:",
        "        row = order[begins[sizes.argmin()]] + 1",
        *(
            ["        if isinstance(path, Parts):", "            path, row = path.place(row)"]
            if has_files
            else []
        ),
        f'        wrong = f"{{sizes.min()}} rows, and a window takes {{{length} + reach}}"',
        '        raise ValueError(f"{path}: the series of row {row} has {wrong}")',
        "    place = np.arange(len(of)) - np.repeat(begins, sizes)",
        "    size = np.repeat(sizes, sizes)",
        f"    is_end = (place >= {length - 1}) & (size - place > reach)",
        f"    is_end &= (place - {length - 1}) % stride == 0",
        *(
            [
                "    late = np.empty(len(of))",
                "    late[order] = (place + 0.5) / size",
                "    return np.flatnonzero(is_end), late",
            ]
            if tells_late
            else ["    return np.flatnonzero(is_end)"]
        ),
    ]


def _parts(data: Data, frame: Frame) -> list[str]:
    is_alone = not frame.horizon or (
        data.split is not None and data.split.kind in ("group", "files")
    )
    within = "==" if is_alone else "<="
    return [
        "def parts_of_windows(",
        "    parts: dict[str, np.ndarray], rows: np.ndarray, aims: np.ndarray, path: Path",
        ") -> dict[str, np.ndarray]:",
        '    """Return the windows of each part: the target is in it, no row in a later one."""',
        "    part = np.empty(sum(map(len, parts.values())), int)",
        '    names = [name for name in ("train", "validation", "test") if name in parts]',
        "    for number, name in enumerate(names):",
        "        part[parts[name]] = number",
        "    own = part[aims[:, :1]]",
        "    fits = (part[aims] == own).all(axis=1)",
        f"    fits &= (part[rows] {within} own).all(axis=1)",
        "    found = {",
        "        name: np.flatnonzero(fits & (own[:, 0] == number))",
        "        for number, name in enumerate(names)",
        "    }",
        "    for name, windows in found.items():",
        "        if not len(windows):",
        '            raise ValueError(f"{path}: no window is within {name}")',
        "    return found",
    ]  # fmt: skip


def _windowed(frame: Frame, rows: str, *, tells_late: bool) -> list[str]:
    arguments = f"arrays: list[np.ndarray], rows: {rows}, path: Path"
    return [
        *wrap(f"def windowed({arguments}) -> list[np.ndarray]:"),
        '    """Return the window that ends at each row that has one, by series and time."""',
        "    order, series, _ = row_order(rows, len(arrays[0]), path)",
        f"    last{', _' if tells_late else ''} = window_ends(order, series, 0, 1, path)",
        f"    taken = order[last[:, None] + np.arange({1 - frame.length}, 1)]",
        "    return [values[taken] for values in arrays]",
    ]


def _tells_late(data: Data, frame: Frame) -> bool:
    """Whether rows are split by how late they are in their series."""
    return data.split is None and frame.windows.order is None


def window_lines(spec: Spec, count: str) -> list[str]:
    """Return the lines of `load_data` that find windows, before rows are split. count: of rows."""
    data, frame = spec.model.data, frame_of(spec.model, spec.graph)
    assert data is not None
    assert frame is not None
    first = frame.windows.gap + 1
    ahead = f" + np.arange({first}, {first + frame.horizon})" if frame.horizon else ""
    times = "times" if data.split is None and frame.windows.order is not None else "_"
    last = "last, late" if _tells_late(data, frame) else "last"
    return [
        f"    order, series, {times} = row_order(rows, {count}, path)",
        f"    {last} = window_ends(order, series, {frame.reach}, {frame.windows.stride}, path)",
        f"    windows = order[last[:, None] + np.arange({1 - frame.length}, 1)]",
        f"    aims = order[last[:, None]{ahead}]",
    ]


def chosen_lines() -> list[str]:
    """Return the lines of `load_data` after the rows are split."""
    return [
        "    chosen = parts_of_windows(parts, windows, aims, path)",
        "    # Only what is in windows of training says how columns are prepared.",
        '    parts = {"train": np.unique(windows[chosen["train"]])}',
    ]


def arrays_of_rows(spec: Spec) -> tuple[list[str], str]:
    """Return the lines of `predict` that read rows, and the expression of what they become."""
    if frame_of(spec.model, spec.graph) is None:
        line = '    inputs = read_inputs(read_rows(data), record["inputs"], data)'
        return [line], "prepared(inputs, record)"
    return [
        "    rows = read_rows(data)",
        '    inputs = read_inputs(rows, record["inputs"], data)',
    ], "windowed(prepared(inputs, record), rows, data)"


def aimed(frame: Frame) -> str:
    """Return the expression of the targets of windows."""
    return "target[aims]" if frame.has_steps else "target[aims[:, -1]]"
