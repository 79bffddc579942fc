"""The report of a spec beside a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from nnspec.judge.choices import Disagreement, sentences_of
from nnspec.judge.found import Fault
from nnspec.judge.reproducing import Place, Reproduced, told_of
from nnspec.judge.sources import Source
from nnspec.verification.checks import TITLES, Kind
from nnspec.verification.report import Report

JUDGED: Mapping[Kind, str] = {**TITLES, "interface": "outputs, shapes and kinds of numbers"}
"""Titles of checks of files of others, whose declared axes and widths are not compared."""


@dataclass(slots=True, repr=False)
class Judgement(Report):
    """A report of a spec beside a file: with the map of its tensors, and the layers at fault."""

    against: str = ""
    framework: str = ""
    sources: dict[str, Source] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    """That a reproduction may show, while the file is open."""
    reproduced: Reproduced | None = None
    """The result of writing them, if that was asked for."""
    disagreements: list[Disagreement] = field(default_factory=list)
    """Of outputs that are whole numbers, what differs, whether or not rounding decides it."""
    titles: ClassVar[Mapping[Kind, str]] = JUDGED

    @property
    def is_compared(self) -> bool:
        """Whether all outputs were compared, where they were to be, and are known to be the same.

        What is left out by the call is not said to be unknown.
        """
        if any(each.kind == "forward" and not each.by_call for each in self.not_checked):
            return False
        return any(check.kind == "forward" or not self.asks("forward") for check in self.checks)

    def remarks(self) -> list[str]:
        """Return how far agreement says something, and what differs of whole numbers."""
        told = (check.detail for check in self.failures())
        return [*Report.remarks(self), *sentences_of(self.disagreements, told)]

    def map_as_json(self) -> dict[str, Any]:
        """Return the map of weights, by canonical name, as `--save-map` writes it."""
        return {name: source.as_json() for name, source in self.sources.items()}

    def as_json(self) -> dict[str, Any]:
        """Return the report as `nnspec verify --against FILE --json` prints it."""
        return {
            **Report.as_json(self),
            "against": self.against,
            "framework": self.framework,
            "map": self.map_as_json(),
            "faults": [asdict(each) for each in self.faults],
            **told_of(self.reproduced),
            "disagreements": [each.as_json() for each in self.disagreements],
        }
