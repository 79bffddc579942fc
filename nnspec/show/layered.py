"""Places boxes in rows, each below what it takes, and leads lines between them past all others.

The steps of Sugiyama, Tagawa and Toda (1981): a line that passes rows gets a narrow place in each,
rows are ordered so that few lines cross, and then places are moved below each other. Graphviz does
the same, but is a program that pip does not install; what pip installs knows no sizes of boxes.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

GAP = 24.0
"""Between the boxes of a row."""
ROW = 34.0
"""Between two rows: room for the lines to turn."""
_LANE = 14.0  # of a line that passes a row
_ROUNDS = 8
_MOST_LANES = 20_000


class Link(NamedTuple):
    """From a box to one of a later row; `port` is the share of its width where it leaves."""

    start: str
    end: str
    port: float = 0.5


Point = tuple[float, float]


class Line(NamedTuple):
    """Points to go through: straight within a row, bent from one row to the next."""

    points: tuple[Point, ...]
    is_end: bool
    """Whether it ends at a box, and not in a place from which others go on."""


@dataclass(frozen=True)
class Layout:
    """Left and top of every box, the lines, and the size of the whole."""

    places: dict[str, Point]
    lines: list[Line]
    width: float
    height: float


@dataclass(eq=False)
class _Cell:
    """A box in its row, or the place of a line that passes the row."""

    width: float
    row: int
    name: str | None = None
    above: list[tuple[_Cell, float]] = field(default_factory=list)  # and its port, from the middle
    below: list[tuple[_Cell, float]] = field(default_factory=list)
    at: int = 0  # place in its row
    x: float = 0.0  # of its middle


def rows_of(
    names: Iterable[str], links: Sequence[Link], last: Iterable[str] = ()
) -> dict[str, int]:
    """Return the row of each box, which follow what they take; `last` stand in the last row.

    What takes nothing stands right above what takes it, unless it comes before all that does.
    """
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for link in links:
        before[link.end].append(link.start)
        after[link.start].append(link.end)
    rows: dict[str, int] = {}
    for name in names:
        rows[name] = 1 + max((rows[each] for each in before[name]), default=-1)
    lowest = max(rows.values(), default=0)
    rows |= dict.fromkeys(last, max([lowest, *(rows[each] for each in last)]))
    first = True
    for name in rows:
        first = first and not before[name]
        if not first and not before[name] and after[name]:
            rows[name] = min(rows[each] for each in after[name]) - 1
    return rows


def too_far(rows: Mapping[str, int], links: Sequence[Link]) -> set[Link]:
    """Return the links that are not drawn, because lines would pass too many rows in all."""
    length = {link: rows[link.end] - rows[link.start] - 1 for link in links}
    total = sum(length.values())
    far: set[Link] = set()
    for link in sorted(length, key=length.__getitem__, reverse=True):
        if total <= _MOST_LANES:
            break
        far.add(link)
        total -= length[link]
    return far


def place(sizes: Mapping[str, Point], rows: Mapping[str, int], links: Sequence[Link]) -> Layout:
    """Place boxes of these widths and heights."""
    table: list[list[_Cell]] = [[] for _ in range(1 + max(rows.values(), default=0))]
    cells: dict[str, _Cell] = {}
    for name, row in rows.items():
        cells[name] = _Cell(sizes[name][0], row, name)
        table[row].append(cells[name])
    _join(table, cells, links)
    _order(table)
    _move(table)
    return _drawn(table, sizes)


def _join(table: list[list[_Cell]], cells: dict[str, _Cell], links: Sequence[Link]) -> None:
    """Join the cells of a row to those of the next; lines from one port share their way."""
    lanes: dict[tuple[str, float], list[_Cell]] = defaultdict(list)
    for link in links:
        start, end = cells[link.start], cells[link.end]
        way = lanes[link.start, link.port]
        while len(way) < end.row - start.row - 1:
            lane = _Cell(_LANE, start.row + len(way) + 1)
            table[lane.row].append(lane)
            _connect(way[-1] if way else start, lane, 0.5 if way else link.port)
            way.append(lane)
        passed = end.row - start.row - 1
        _connect(way[passed - 1] if passed else start, end, 0.5 if passed else link.port)


def _connect(upper: _Cell, lower: _Cell, port: float) -> None:
    shift = upper.width * (port - 0.5)
    upper.below.append((lower, shift))
    lower.above.append((upper, shift))


def _order(table: list[list[_Cell]]) -> None:
    """Order the rows: each cell at the mean of those that it is joined to."""
    _number(table)
    best, fewest = [list(row) for row in table], _crossings(table)
    for turn in range(_ROUNDS):
        if not fewest:
            break
        down = turn % 2 == 0
        for row in table if down else reversed(table):
            row.sort(key=lambda cell: _middle(cell.above if down else cell.below, cell.at))
            for i, cell in enumerate(row):
                cell.at = i
        crossings = _crossings(table)
        if crossings < fewest:
            best, fewest = [list(row) for row in table], crossings
    table[:] = best
    _number(table)


def _number(table: list[list[_Cell]]) -> None:
    for row in table:
        for i, cell in enumerate(row):
            cell.at = i


def _middle(joined: list[tuple[_Cell, float]], otherwise: float) -> float:
    if not joined:
        return otherwise
    # The port counts as less than a place.
    return sum(cell.at + shift / (cell.width + 1) for cell, shift in joined) / len(joined)


def _crossings(table: list[list[_Cell]]) -> int:
    count = 0
    for row in table:
        ends: list[int] = []
        for cell in row:
            reached = sorted((shift, lower.at) for lower, shift in cell.below)
            for _, at in reached:
                count += len(ends) - bisect_right(ends, at)
            for _, at in reached:
                insort(ends, at)
    return count


def _move(table: list[list[_Cell]]) -> None:
    """Move cells to where their lines are straight, in the order that they have."""
    for row in table:
        _settle(row, [0.0] * len(row))
    for turn in range(_ROUNDS):
        down = turn % 2 == 0
        for row in table if down else reversed(table):
            wanted = []
            for cell in row:
                up = [upper.x + shift for upper, shift in cell.above]
                low = [lower.x - shift for lower, shift in cell.below]
                near = (up or low) if down else (low or up)
                wanted.append(sum(near) / len(near) if near else cell.x)
            _settle(row, wanted)


def _settle(row: list[_Cell], wanted: list[float]) -> None:
    """Place the cells of a row as near to where they are wanted as their widths allow.

    Least squares over an order (isotonic regression): neighbours that would overlap move as one.
    """
    shifts: list[float] = []
    for i, cell in enumerate(row):
        if not i:
            shifts.append(0.0)
            continue
        gap = GAP if cell.name and row[i - 1].name else GAP / 2
        shifts.append(shifts[-1] + (row[i - 1].width + cell.width) / 2 + gap)
    groups: list[tuple[float, float, int]] = []  # sum of what is wanted, weight, cells
    for cell, goal, shift in zip(row, wanted, shifts, strict=True):
        weight = 1.0 if cell.name else 4.0  # long lines are to be straight
        total, cells = weight * (goal - shift), 1
        while groups and groups[-1][0] / groups[-1][1] > total / weight:
            before = groups.pop()
            total, weight, cells = total + before[0], weight + before[1], cells + before[2]
        groups.append((total, weight, cells))
    i = 0
    for total, weight, cells in groups:
        for _ in range(cells):
            row[i].x = total / weight + shifts[i]
            i += 1


def _drawn(table: list[list[_Cell]], sizes: Mapping[str, Point]) -> Layout:
    left = min((cell.x - cell.width / 2 for row in table for cell in row), default=0.0)
    width = max((cell.x + cell.width / 2 for row in table for cell in row), default=0.0) - left
    places: dict[str, Point] = {}
    heights = {name: height for name, (_, height) in sizes.items()}
    tops, bottoms = [], []
    y = 0.0
    for row in table:
        tops.append(y)
        y += max((heights[cell.name] for cell in row if cell.name is not None), default=0.0)
        bottoms.append(y)
        y += ROW
        for cell in row:
            cell.x -= left
            if cell.name is not None:
                places[cell.name] = (cell.x - cell.width / 2, tops[-1])
    lines = []
    for row in table:
        for cell in row:
            order = sorted(cell.above, key=lambda joined: joined[0].x + joined[1])
            for i, (upper, shift) in enumerate(order):
                x = upper.x + shift
                end = (cell.x + cell.width * ((i + 1) / (len(order) + 1) - 0.5), tops[cell.row])
                points = [(x, bottoms[upper.row]), end]
                if upper.name is not None:
                    # A box may be less high than its row.
                    points.insert(0, (x, places[upper.name][1] + heights[upper.name]))
                if cell.name is None:
                    points.append((end[0], bottoms[cell.row]))
                lines.append(Line(tuple(points), cell.name is not None))
    return Layout(places, lines, width, bottoms[-1] if bottoms else 0.0)
