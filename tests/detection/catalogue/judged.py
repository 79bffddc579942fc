"""Judges one injection: what it changes, whether that is found, and who is blamed."""

from __future__ import annotations

import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.detection.catalogue.kinds import Kind
from tests.detection.catalogue.target import Target

ABSENT = re.compile(
    "leaves the layer out|leaves out|computes no activation|adds no bias|has no bias"
)
WIDE = 10.0
"""Times the rounding of ONNX as measured with the first weights, that others may give."""


@dataclass(frozen=True)
class Outcome:
    """What the judge made of an injection.

    effect: largest relative difference of outputs and gradients of the faulted program and the
    right one, given the same weights. verdict: of the judge, or "refused". is_caught: not
    verified. is_blamed: None where no layer is known to be at fault, or it was not caught. bound:
    the weights, rows or sizes at which alone there is an effect. by_name: the effect of a verified
    file with its tensors by their names, where the judge tells another order. is_rewritten: of a
    file without a fault.
    """

    kind: str
    side: str
    network: str
    place: int
    effect: float
    rounding: float
    verdict: str
    is_caught: bool
    is_blamed: bool | None
    is_placed: bool | None
    told: str = ""
    truth: tuple[str, ...] = ()
    bound: str = ""
    by_name: float | None = None
    is_rewritten: bool | None = None

    @property
    def is_rounding(self) -> bool:
        return self.effect <= self.rounding

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def judged(target: Target, kind: Kind, number: int, place: Any, change: Any = None) -> Outcome:
    """Put a fault into a file, and judge it. change: of a model of ONNX."""
    source = None
    with tempfile.TemporaryDirectory(dir=target.folder) as folder:
        path = Path(folder) / target.path.name
        if target.side == "onnx":
            import onnx

            model = onnx.ModelProto()
            model.CopyFrom(target.model)
            change(model)
            onnx.save(model, path)
        else:
            source = target.source.changed(place)
            path.write_text(source.text)
        common: dict[str, Any] = {
            "kind": kind.id, "side": target.side, "network": target.name, "place": number,
            "rounding": target.rounding,
        }  # fmt: skip
        try:
            effect = target.effect(path)
        except Exception as error:  # it is no silent fault: the file does not run
            told = f"{type(error).__name__}: {error}"[:200]
            return Outcome(
                **common, effect=float("inf"), verdict="does not run", is_caught=True,
                is_blamed=None, is_placed=None, told=told,
            )  # fmt: skip
        bound, by_name = "", None
        try:
            report, names = target.judged_with_names(path)
            if report.verdict == "verified" and effect > target.rounding:
                # With the weights in the order that the judge tells, it may be no fault.
                by_name = effect
                effect = min(effect, target.effect_in_order(path, report, names))
            elif effect <= target.rounding:
                wide, where = target.wider_effect(path)
                if wide > target.rounding * (WIDE if target.side == "onnx" else 1.0):
                    effect, bound = wide, where
        except Exception as error:
            told = f"{type(error).__name__}: {error}"[:300]
            return Outcome(
                **common, effect=effect, verdict="error", is_caught=False, is_blamed=None,
                is_placed=None, told=told,
            )  # fmt: skip
    truth = target.truth(kind, place)
    is_caught = report.verdict == "not the same"
    blamed = report.faults[0] if report.faults else None
    is_blamed = is_placed = None
    if is_caught and truth:
        # Between two layers, both are told.
        is_blamed = blamed is not None and bool({blamed.layer, blamed.taker} & truth)
        # What is left out has no line, and no node.
        is_absent = blamed is not None and ABSENT.search(blamed.cause) is not None
        is_placed = (is_blamed and is_absent) or (
            blamed is not None and target.is_placed(place, source, blamed.places)
        )
    told = (
        blamed.told()
        if blamed
        else "; ".join(f"{each.kind} {each.detail}"[:100] for each in report.failures()[:2])
    )
    return Outcome(
        **common, effect=effect, verdict=report.verdict, is_caught=is_caught,
        is_blamed=is_blamed, is_placed=is_placed, told=told, truth=tuple(sorted(truth)[:6]),
        bound=bound, by_name=by_name,
    )  # fmt: skip
