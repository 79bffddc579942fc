"""Dates as texts taken apart, in operators of ONNX's default domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnspec.language.preparation import DIRECTIVES, pattern_of, pieces_of
from nnspec_onnx.ir import ElementType

if TYPE_CHECKING:
    from nnspec.data.prepared import DatePart, Prepared
    from nnspec_onnx.columns import Columns

_USUAL = {"%Y": "2000", "%m": "01", "%d": "01", "%H": "00", "%M": "00", "%S": "00"}
"""A date in the place of what is none, whose row is refused."""
_FIELD = {"year": "%Y", "month": "%m", "day": "%d", "hour": "%H", "minute": "%M", "second": "%S"}
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def prepared_dates(made: Columns, by: Prepared, column: str) -> str:
    """Return what dates become, shaped (rows, elements), in float64."""
    missing = made.node("Equal", column, made.text(""))
    if by.fill is not None:
        column = made.node("Where", missing, made.text(str(by.fill)), column)
    return made.with_indicator(_elements(made, by, column), by, missing)


def _elements(made: Columns, by: Prepared, column: str) -> list[str]:
    """Return the elements that the parts become, each shaped (rows, 1 or 2)."""
    assert by.format is not None
    right = made.node("RegexFullMatch", column, pattern=pattern_of(by.format))
    made.refused.append(made.node("Not", right))
    usual = by.format
    for field, digits in _USUAL.items():
        usual = usual.replace(field, digits)
    fields = _fields(made, made.node("Where", right, column, made.text(usual)), by.format)
    leap = _is_leap(made, fields["%Y"])
    _require_day(made, fields, leap)
    return [_element(made, part, _number(made, part.name, fields, leap)) for part in by.parts]


def _fields(made: Columns, text: str, form: str) -> dict[str, str]:
    """Return the numbers of dates of this form, by directive."""
    found: dict[str, str] = {}
    rest, waiting = text, ""
    first, second = made.constant(0, "int64"), made.constant(1, "int64")
    for piece in pieces_of(form):
        if piece in DIRECTIVES:
            waiting = piece
        elif piece:
            # A text that matches has this sign here, and so two parts.
            both = made.split(rest, piece)
            before = made.node("Gather", both, first, axis=1)
            rest = made.node("Gather", both, second, axis=1)
            if waiting:
                found[waiting], waiting = before, ""
    if waiting:
        found[waiting] = rest
    return {
        name: made.node("Cast", digits, to=ElementType("int64")) for name, digits in found.items()
    }


def _is_leap(made: Columns, year: str) -> str:
    def divides(number: int) -> str:
        rest = made.node("Mod", year, made.constant(number, "int64"))
        return made.node("Equal", rest, made.constant(0, "int64"))

    usual = made.node("And", divides(4), made.node("Not", divides(100)))
    return made.node("Or", usual, divides(400))


def _require_day(made: Columns, fields: dict[str, str], leap: str) -> None:
    """Note the rows whose month has no such day."""
    one = made.constant(1, "int64")
    index = made.node("Sub", fields["%m"], one)
    days = made.node("Gather", made.constant(_DAYS, "int64"), index)
    is_february = made.node("Equal", fields["%m"], made.constant(2, "int64"))
    more = made.cast(made.node("And", leap, is_february), "int64")
    most = made.node("Add", days, more)
    made.refused.append(made.node("Greater", fields["%d"], most))


def _number(made: Columns, part: str, fields: dict[str, str], leap: str) -> str:
    """Return a part of a date as a whole number."""
    if part in _FIELD:
        return fields[_FIELD[part]]
    before = made.constant([0, *np.cumsum(_DAYS)[:-1]], "int64")
    one = made.constant(1, "int64")
    passed = made.node("Gather", before, made.node("Sub", fields["%m"], one))
    is_after = made.node("Greater", fields["%m"], made.constant(2, "int64"))
    more = made.cast(made.node("And", leap, is_after), "int64")
    day = made.node("Add", made.node("Add", passed, fields["%d"]), more)
    if part == "day_of_year":
        return day
    # Days since the 1st of January of the year 1, a Monday.
    years = made.node("Sub", fields["%Y"], one)
    total = made.node("Sub", day, one)
    total = made.node("Add", total, made.node("Mul", years, made.constant(365, "int64")))
    for number, operator in ((4, "Add"), (100, "Sub"), (400, "Add")):
        leaps = made.node("Div", years, made.constant(number, "int64"))
        total = made.node(operator, total, leaps)
    rest = made.node("Mod", total, made.constant(7, "int64"))
    return made.node("Add", rest, one)


def _element(made: Columns, part: DatePart, number: str) -> str:
    if part.period is None:
        return made.wide(made.scaled(made.cast(number, "float64"), part.scaling))
    # A table has the very sines and cosines that NumPy gives.
    first = part.first or 0
    angles = 2 * np.pi * np.arange(part.period) / part.period
    table = made.constant(np.stack([np.sin(angles), np.cos(angles)], axis=1))
    place = made.node("Sub", number, made.constant(first, "int64"))
    return made.node("Gather", table, place, axis=0)
