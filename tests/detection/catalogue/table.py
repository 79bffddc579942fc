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
NEITHER = ("does not run", "refused")
"""Verdicts of what is no silent fault, or no file."""
COARSE = 1e-3
"""A rounding that excuses no miss."""


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
        given = [each for each in entries if each["verdict"] != "refused"]
        self.harmless = [each for each in given if is_harmless(each)]
        faults = [each for each in given if not is_harmless(each)]
        self.dead = [each for each in faults if each["verdict"] in NEITHER]
        faults = [each for each in faults if each["verdict"] not in NEITHER]
        # No effect was seen of these: some are accused, by what was not measured, and some not.
        unseen = [each for each in faults if _is_below(each)]
        self.below = [each for each in unseen if not each.get("is_caught")]
        self.accused = [each for each in unseen if each.get("is_caught")]
        self.faults = [each for each in faults if not _is_below(each)]

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
        blamed = [
            each["is_blamed"]
            for each in self.faults
            if each.get("is_blamed") is not None and each.get("truth")
        ]
        placed = [each["is_placed"] for each in self.faults if each.get("is_placed") is not None]
        traced = [flag for each in self.faults if (flag := is_traced(each)) is not None]
        told = share(caught), share(blamed), share(placed), share(traced)
        return *told, f"{len(self.below)}, {len(self.accused)}"

    def strict(self) -> dict[str, str]:
        """Return the rates of right layers as one may count them who gives nothing away."""
        files = [each for each in self.faults if each["key"][1] != "engine"]
        caught = [each for each in files if each.get("is_caught")]
        alone = [bool(each["is_blamed"]) for each in caught if len(each.get("truth") or ()) == 1]
        return {
            "where the edit is of one layer alone": share(alone),
            "of all that are accused, those without a layer that is known counted as wrong": share(
                [bool(each.get("is_blamed")) for each in caught]
            ),
        }


def is_traced(entry: Entry) -> bool | None:
    """Whether the layer that a report names was edited, or the line or node; None of no report."""
    flags = [entry[name] for name in ("is_blamed", "is_placed") if entry.get(name) is not None]
    return any(flags) if flags else None


def told(found: Figures) -> Iterator[str]:
    """Yield what was put in and judged, and what is counted nowhere."""
    drawn = len(found.faults) + len(found.below) + len(found.accused) + len(found.dead)
    yield (
        f"{drawn} faults were put in: {len(found.faults)} of them change what is computed, and are "
        f"counted; {len(found.dead)} files do not run; of {len(found.below)} no effect was seen, by "
        f"the judge or by the measure; {len(found.accused)} were accused though the measure saw none."
    )
    accused = sum(each["verdict"] == "not the same" for each in found.alarms)
    rewritten = sum(each.get("is_rewritten") is True for each in found.harmless)
    yield (
        f"Of {len(found.harmless)} without a fault, of which {rewritten} files are rewritten, "
        f"{accused} are accused, and {len(found.alarms) - accused} are not compared."
    )
    for what, rate in found.strict().items():
        yield f"Right layer in files {what}: {rate}."
    engines = [
        bool(each["is_blamed"])
        for each in found.faults
        if each["key"][1] == "engine" and each.get("is_blamed") is not None
        and not each.get("truth")
    ]  # fmt: skip
    yield f"Engines at fault in no layer, as by a loss, accused alone or in the right words: {share(engines)}."


def lines(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield the table in Markdown."""
    yield "| | found | right layer | right line or node | one of the two | no effect: not found, accused |"
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
    return "effect" in entry and _effect(entry) <= min(float(entry["rounding"]), COARSE)


def _grouped(entries: Sequence[Entry], of: Callable[[Entry], str]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = defaultdict(list)
    for each in entries:
        found[of(each)].append(each)
    return found
