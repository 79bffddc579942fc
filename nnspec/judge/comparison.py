"""The report of two files of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from nnspec.judge.choices import Disagreement, sentences_of
from nnspec.judge.judgement import JUDGED
from nnspec.judge.reproducing import Place, Reproduced, told_of
from nnspec.judge.sources import Source
from nnspec.verification.checks import Kind
from nnspec.verification.report import Report


@dataclass(slots=True, repr=False)
class Comparison(Report):
    """A report of two files: with the map of their tensors, and the places where they part."""

    a: str = ""
    b: str = ""
    frameworks: tuple[str, str] = ("", "")
    filled: str = ""
    """Of the two, the file whose parameters the map names; the tensors are the other's."""
    sources: dict[str, Source] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    """That a reproduction may show, while the files are open."""
    reproduced: Reproduced | None = None
    """The result of writing them, if that was asked for."""
    disagreements: list[Disagreement] = field(default_factory=list)
    """Of outputs that are whole numbers, what differs, whether or not rounding decides it."""
    titles: ClassVar[Mapping[Kind, str]] = JUDGED

    @property
    def is_compared(self) -> bool:
        """Whether all outputs were compared."""
        is_left_out = any(each.kind == "forward" for each in self.not_checked)
        return any(check.kind == "forward" for check in self.checks) and not is_left_out

    @property
    def verdict(self) -> str:
        """The result, in a few words."""
        if self.passed:
            return self.blank or "the same"
        return str(Report.verdict.__get__(self))

    def remarks(self) -> list[str]:
        """Return how far agreement says something, and what differs of whole numbers."""
        told = (check.detail for check in self.failures())
        return [*Report.remarks(self), *sentences_of(self.disagreements, told)]

    def map_as_json(self) -> dict[str, Any]:
        """Return the map of weights, as `--save-map` writes it."""
        found = {name: source.as_json() for name, source in self.sources.items()}
        return {"of": self.filled, "map": found}

    def as_json(self) -> dict[str, Any]:
        """Return the report as `nnspec compare A B --json` prints it."""
        whole = Report.as_json(self)
        for key in ("spec", "spec_sha256", "steps"):
            del whole[key]
        return {
            "a": self.a,
            "b": self.b,
            "frameworks": list(self.frameworks),
            **whole,
            **self.map_as_json(),
            "faults": self.faults,
            **told_of(self.reproduced),
            "disagreements": [each.as_json() for each in self.disagreements],
        }
