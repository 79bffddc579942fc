"""The figures of a measurement: what was found, whom it was blamed on, with Wilson intervals."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tests.detection.catalogue import KINDS
from tests.detection.catalogue.harmless import HARMLESS

Entry = dict[str, Any]
SIZES = ((0.0, 1e-6), (1e-6, 1e-4), (1e-4, 1e-2), (1e-2, math.inf))
"""Of effects, relative."""
NEITHER = ("does not run",)
"""Verdicts of what is no silent fault."""


def wilson(count: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Return the interval of 95 % of a share (Wilson 1927)."""
    if not total:
        return 0.0, 1.0
    share = count / total
    middle = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def share(flags: Sequence[bool]) -> str:
    """Return a share with its interval, in words."""
    if not flags:
        return "-"
    count, total = sum(flags), len(flags)
    low, high = wilson(count, total)
    return f"{count} of {total} = {100 * count / total:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def is_harmless(entry: Entry) -> bool:
    return entry["key"][0] == "none" or entry["key"][0] in HARMLESS


class Figures:
    """What came of some injections."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        given = list(entries)
        self.harmless = [each for each in given if is_harmless(each)]
        faults = [each for each in given if not is_harmless(each)]
        self.dead = [each for each in faults if each["verdict"] in NEITHER]
        faults = [each for each in faults if each["verdict"] not in NEITHER]
        self.below = [each for each in faults if _is_below(each) and not each.get("is_caught")]
        self.faults = [each for each in faults if each not in self.below]

    @property
    def missed(self) -> list[Entry]:
        return [each for each in self.faults if not each.get("is_caught")]

    @property
    def misblamed(self) -> list[Entry]:
        return [each for each in self.faults if each.get("is_blamed") is False]

    @property
    def lost(self) -> list[Entry]:
        """Those of which neither the layer nor the line or node is right."""
        return [each for each in self.faults if is_traced(each) is False]

    @property
    def misplaced(self) -> list[Entry]:
        return [each for each in self.faults if each.get("is_placed") is False]

    @property
    def alarms(self) -> list[Entry]:
        return [each for each in self.harmless if each["verdict"] != "verified"]

    def row(self) -> tuple[str, ...]:
        caught = [bool(each.get("is_caught")) for each in self.faults]
        blamed = [each["is_blamed"] for each in self.faults if each.get("is_blamed") is not None]
        placed = [each["is_placed"] for each in self.faults if each.get("is_placed") is not None]
        traced = [flag for each in self.faults if (flag := is_traced(each)) is not None]
        told = share(caught), share(blamed), share(placed), share(traced)
        return *told, str(len(self.below))


def is_traced(entry: Entry) -> bool | None:
    """Whether the layer that a report names was edited, or the line or node; None of no report."""
    flags = [entry[name] for name in ("is_blamed", "is_placed") if entry.get(name) is not None]
    return any(flags) if flags else None


def lines(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield the table in Markdown."""
    yield "| | found | right layer | right line or node | one of the two | below rounding |"
    yield "| --- | --- | --- | --- | --- | --- |"
    yield _line("all", entries)
    for side in ("torch", "keras", "onnx", "weights", "engine"):
        some = [each for each in entries if each["key"][1] == side]
        if some:
            yield _line(SIDES[side], some)
    faults = Figures(entries).faults
    yield ""
    yield "By the size of what the fault changes, relative to the largest output:"
    yield ""
    yield "| | found | right layer | right line or node | one of the two |"
    yield "| --- | --- | --- | --- | --- |"
    for low, high in SIZES:
        some = [
            each for each in faults if each["key"][1] != "engine" and low < _effect(each) <= high
        ]
        if some:
            top = f"{high:g}" if math.isfinite(high) else "more"
            yield "| " + " | ".join([f"{low:g} to {top}", *Figures(some).row()[:4]]) + " |"
    yield ""
    by_kind = _grouped(entries, lambda each: each["key"][0])
    yield "| kind | source | found | right layer | right line or node |"
    yield "| --- | --- | --- | --- | --- |"
    for kind, some in sorted(by_kind.items()):
        if kind in KINDS:
            found = Figures(some)
            row = [_short(found.faults, name) for name in ("is_caught", "is_blamed", "is_placed")]
            source = "; ".join(KINDS[kind].sources)
            yield f"| {KINDS[kind].title} | {source} | " + " | ".join(row) + " |"


SIDES = {
    "torch": "PyTorch source", "keras": "Keras source", "onnx": "ONNX graphs",
    "weights": "weights", "engine": "engines, training above all",
}  # fmt: skip


def _line(name: str, entries: Sequence[Entry]) -> str:
    return "| " + " | ".join([name, *Figures(entries).row()]) + " |"


def _short(entries: Sequence[Entry], name: str) -> str:
    flags = [each[name] for each in entries if each.get(name) is not None]
    return f"{sum(flags)} of {len(flags)}" if flags else "-"


def _effect(entry: Entry) -> float:
    return float(entry.get("effect", math.inf))


def _is_below(entry: Entry) -> bool:
    return "effect" in entry and _effect(entry) <= float(entry["rounding"])


def _grouped(entries: Sequence[Entry], of: Callable[[Entry], str]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = defaultdict(list)
    for each in entries:
        found[of(each)].append(each)
    return found
