"""Checks of a verification, and what was not checked: the entries of its report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "forward",
    "gradient",
    "training",
    "export",
    "dynamic_shape",
    "interface",
    "range",
    "meaning",
    "optimizer",
    "random",
    "first_weights",
    "metrics",
    "adversarial",
    "weights",
]

TITLES: dict[Kind, str] = {
    "forward": "outputs as at inference",
    "gradient": "loss and gradients",
    "training": "weights after training steps",
    "export": "exported ONNX in onnxruntime",
    "dynamic_shape": "other batch and axis sizes",
    "interface": "dtypes and declared axes",
    "range": "unusual inputs and weights",
    "meaning": "what must not matter",
    "optimizer": "optimizer steps by the spec's formula",
    "random": "random layers by their laws",
    "first_weights": "first weights by their laws",
    "metrics": "metrics by the spec's definitions",
    "adversarial": "adversarial training",
    "weights": "values of the weights",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of two engines.

    error: largest difference, relative to the largest value compared. tolerance: what rounding
    explains. layer: the first spec layer at which a failed check diverges.
    """

    kind: Kind
    pair: tuple[str, str]
    dtype: str
    error: float
    tolerance: float
    passed: bool
    layer: str | None = None
    detail: str = ""

    @property
    def between(self) -> str:
        """The two engines."""
        return " – ".join(self.pair)


@dataclass(frozen=True, slots=True)
class NotChecked:
    """A comparison that was not made, and why; `pair` names the engines that it is about.

    kind: None where an engine is left out of every check. by_call: whether the call named what is
    compared, and not this.
    """

    kind: Kind | None
    pair: tuple[str, ...]
    reason: str
    by_call: bool = False

    @property
    def between(self) -> str:
        """The engines that it is about; of what is about none, what its reason begins with."""
        return " – ".join(self.pair) or self.reason.partition(": ")[0]

    def told(self, titles: Mapping[Kind, str] = TITLES) -> str:
        """Return the missing comparison and its reason as a sentence."""
        title = titles[self.kind] if self.kind is not None else "everything"
        of = f" of {' and '.join(self.pair)}" if self.pair else ""
        return f"{title}{of}: {self.reason}"


LITTLE = 0.01
"""Relative: where one rounding moves outputs by more, that two agree says little."""


@dataclass(frozen=True, slots=True)
class IllConditioned:
    """A network of which one rounding in a dtype moves the outputs by so much."""

    dtype: str
    moved: float

    def told(self) -> str:
        """Return it as a sentence."""
        if self.moved >= 1:
            by = "by as much as they are, or more: agreement says nothing here"
        else:
            by = f"by {100 * self.moved:.2g} %: agreement says little here"
        return f"one rounding in {self.dtype} moves the outputs {by}"


def difference(check: Check, titles: Mapping[Kind, str] = TITLES) -> str:
    """Return a failed check as a sentence."""
    return f"{' – '.join(check.pair)} differ in {amount(check, titles)}"


def amount(check: Check, titles: Mapping[Kind, str] = TITLES) -> str:
    """Return what a failed check found, as the end of a sentence.

    What has no distance, as a missing output, is told by its detail alone.
    """
    where = f" at layer {check.layer}" if check.layer else ""
    dtype = f" ({check.dtype})" if check.dtype else ""
    is_measured = check.tolerance > 0 or check.error < math.inf or not check.detail
    off = f"{check.error:.3g} > {check.tolerance:.3g}. " if is_measured else ""
    return f"{titles[check.kind]}{dtype}{where}: {off}{check.detail}".rstrip()


def result(entry: Check | NotChecked) -> tuple[str, str, str]:
    """Return the verdict, the error and the tolerance, as a table has them."""
    if isinstance(entry, NotChecked):
        return "not checked", "", ""
    verdict = "same" if entry.passed else f"DIFFERS{f' at {entry.layer}' if entry.layer else ''}"
    return verdict, f"{entry.error:.1e}", f"{entry.tolerance:.1e}"
