"""Lengths of schedules: optimizer steps, or a share of all steps, or epochs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from pydantic_core import PydanticCustomError

from nnspec.layers.fields import Validated, is_whole

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

MOST = 2**53
"""The largest number of steps: it is exact in float64."""
_RELATIVE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?(%|epochs?)")


class LengthOf(Validated):
    """Field metadata: a whole number of steps, "10%" of all, or "2 epochs"."""

    also = str

    def __init__(self, minimum: int) -> None:
        self.minimum = minimum

    def validate(self, value: object) -> int | str:
        """Return the number, or the text as it is given."""
        if isinstance(value, str) and _RELATIVE.fullmatch(value):
            return value
        if not is_whole(value):
            raise PydanticCustomError(
                "wrong_type", 'a whole number of steps, "10%" or "2 epochs" is expected'
            )
        assert isinstance(value, int)
        if not self.minimum <= value <= MOST:
            bound = f"at least {self.minimum}" if value < self.minimum else "at most 2^53"
            raise PydanticCustomError("out_of_range", f"{bound} is expected")
        return value

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        whole = {"type": "integer", "minimum": self.minimum}
        return {"anyOf": [whole, {"type": "string", "pattern": f"^{_RELATIVE.pattern}$"}]}


def require_at_most_peak(what: str, rate: float, peak: float) -> None:
    """Refuse a rate above the highest of its schedule."""
    if rate > peak:
        raise PydanticCustomError(
            "out_of_range",
            "{what} of at most its peak {peak:g} is expected, not {rate:g}",
            {"what": what, "peak": peak, "rate": rate},
        )


# A text until the number of rows is known, and so the steps of an epoch.
Steps = Annotated[int, LengthOf(1)]
StepsOrNone = Annotated[int, LengthOf(0)]


def are_known(*lengths: object) -> bool:
    """Whether every length is a number of steps."""
    return not any(isinstance(length, str) for length in lengths)


def in_steps(length: int | str, epoch: float, total: int) -> int:
    """Return a length in steps, of which an epoch has so many and all epochs `total`.

    One that is relative has at least one step, unless it says 0.
    """
    if not isinstance(length, str):
        return length
    found = _RELATIVE.fullmatch(length)
    assert found is not None
    number = float(found[1])
    steps = number / 100 * total if found[2] == "%" else number * epoch
    return max(round(steps), 1 if number else 0)
