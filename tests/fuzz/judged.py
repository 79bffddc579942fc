"""The emitted file of a random spec is judged like a file of somebody else's: it has no fault."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from pathlib import Path

from nnspec.errors import NnspecError
from nnspec.judge.blank import NOTHING
from nnspec.network.loader import Spec
from tests.detection.catalogue.harmless import harmless, harmless_of
from tests.detection.catalogue.run import SIDES
from tests.detection.catalogue.target import Target

BEYOND = re.compile("is not a finite number|does not fit float32")


def judged(spec: Spec, number: int, folder: Path) -> Iterator[tuple[str, str]]:
    """Judge the file of one side, rewritten so that nothing changes; yield (kind, problem)."""
    side = SIDES[number % len(SIDES)]
    ways = harmless_of(side)
    way = ways[number // len(SIDES) % len(ways)]
    home = folder / f"{number}_{side}"
    home.mkdir(exist_ok=True)
    try:
        target = Target(str(number), side, home, spec)
    except NnspecError as error:
        yield "refused by compile", f"{side}: {error}"
        return
    except Exception:
        yield "traceback", f"{side}: {traceback.format_exc(limit=-3)}"
        return
    _seed(side, number)
    found = harmless(target, way, number)
    if found.verdict != "verified":
        kind = "false alarm" if found.is_caught else found.verdict
        # Each reason for itself: one of rounding excuses no other.
        reasons = found.told.split("; ")
        if kind == "not compared" and all("rounding" in each for each in reasons):
            kind = "left to rounding"
        if kind == "not compared" and all(BEYOND.search(each) for each in reasons):
            kind = "beyond floats"
        if kind == NOTHING:
            kind = "no finite output"
        yield kind, f"{side} {way}: {found.told}"


def _seed(side: str, number: int) -> None:
    """Let a file draw the same first weights whenever it is judged."""
    if side == "torch":
        import torch

        torch.manual_seed(number)
    if side == "keras":
        import keras

        keras.utils.set_random_seed(number)
