"""Writes docs/detection.md: the figures of a release."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import nnspec
from nnspec.backend import versions
from tests.detection.catalogue.networks import NETWORKS, ROOT
from tests.detection.catalogue.table import Entry, Figures, lines

PAGE = ROOT / "docs" / "detection.md"
HEAD = """\
# Measured detection

What nnspec finds of faults that exporters, ports and trainings have really had. `make detection` measures it, in some two hours on two
cores, and prints these tables; an interrupted run goes on. The catalogue, each kind with its public issue, its paper or its row of the
table of differences between frameworks, stands in `tests/detection/catalogue`.

An injection is a kind of fault at one place of one network. It is put into the PyTorch or Keras source that nnspec emits, or into a node of
its ONNX graph, and the file is judged as the file of somebody else's: `nnspec verify SPEC --against FILE`. Faults of training are put into one
engine, and verified. What each really changes is measured apart from the judge: both programs get the same weights and inputs, and the largest
relative difference of outputs and gradients is its size. One that changes less than rounding does is counted as below rounding. One after
which the file does not run is no silent fault, and is not counted. **Found** means accused: a file that is reported as *not compared* is not found.

The right layer is the one that the edit was made in, known from the run of the file without a fault; where a report says that the fault lies
between two layers, one of them. The right line is within the edited statement, or the edited node, whichever layer is named beside it; what a
file leaves out has no line, and only the layer counts. **One of the two** is what leads to the fault: an edit `softmax(0.5 * scores)` is found by its
line also where the report has it before the softmax, and not in it. A file that is the spec with its weights in another
order, which the judge then tells, has no fault. False alarms are files without a fault that are not verified: as emitted, and rewritten so that nothing changes
(modules renamed, made in another order, written as other functions; tensors renamed, made by nodes, passed through identities); *not compared*
counts among them.
Intervals are Wilson's, of 95 %.
"""


def _named(title: str, entries: Sequence[Entry]) -> Iterator[str]:
    """Yield a list of these, each with its verdict and the layer that the judge stopped at."""
    if not entries:
        return
    yield from ("", f"{title}:", "")
    for each in sorted(entries, key=lambda each: each["key"]):
        kind, side, network, place = each["key"]
        layer = re.search('the layer "([^"]+)"', each.get("told") or "")
        at = f", at the layer `{layer[1]}`" if layer else ""
        yield f"- `{kind} {side} {network} {place}`: {each['verdict']}{at}"


def written(entries: Sequence[Entry]) -> None:
    """Write the page."""
    found = Figures(entries)
    told = ", ".join(f"{name} {version}" for name, version in sorted(versions().items()))
    kinds = len({each["key"][0] for each in found.faults})
    accused = sum(each["verdict"] == "not the same" for each in found.alarms)
    figures = [
        f"## nnspec {nnspec.__version__}",
        "",
        f"{len(found.faults) + len(found.below)} injections of {kinds} kinds into "
        f"{len(NETWORKS)} networks; {told}.",
        f"Of {len(found.harmless)} files without a fault {accused} are accused, and "
        f"{len(found.alarms) - accused} are not compared.",
        "",
        *lines(entries),
        *_named("Not found", found.missed),
        *_named("Files without a fault that are not verified", found.alarms),
    ]
    PAGE.write_text("\n".join([HEAD, *figures]) + "\n", encoding="utf-8")
