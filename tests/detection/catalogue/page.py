"""Writes docs/detection.md: the figures of a release."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import nnspec
from nnspec.backend import versions
from tests.detection.catalogue.networks import NETWORKS, ROOT
from tests.detection.catalogue.table import Entry, Figures, lines, told

PAGE = ROOT / "docs" / "detection.md"
HEAD = """\
# Measured detection

What nnspec finds of faults of the kinds that exporters, ports and trainings have had. `make detection` measures it, in some two hours on two
cores, and prints these tables; an interrupted run goes on, if nothing was changed since. The catalogue stands in `tests/detection/catalogue`; each kind names a public
issue, a paper, or a row of the table of differences between frameworks that the project was begun with ([divergences.md](divergences.md) has those that were
confirmed here). The edits are the project's own, and stand for a kind; few are the very edit of the issue.

An injection is a kind of fault at one place of one network. It is put into the PyTorch or Keras source that nnspec emits, or into a node of
its ONNX graph, and the file is judged as the file of somebody else's: `nnspec verify SPEC --against FILE`. Faults of training are put into one
engine, and verified.

What a fault in a file really changes is measured apart from the judge: both programs get the same weights and inputs, and the largest
relative difference of outputs and gradients is its **effect**. Where there is none beyond rounding (1e-9; of ONNX, what moves when every weight moves by one unit of
float32, and never more than 1e-3), it is measured again with three other draws of weights, more rows, and other sizes of each axis, up to 259: the judge tries up to some 131. What then has
no effect is no fault, as far as anybody can tell, and is counted neither as found nor as missed; the table says how many of these the judge accused all the same.
One after which the file does not run is no silent fault, and is not counted. Of engines the effect is not measured; each network that they are put into is verified without a fault, too.
**Found** means accused: a file that is reported as *not compared* is not found.

The right layer is one that the edited statement belongs to, known from the run of the file without a fault; where a report says that the fault lies
between two layers, one of them. The right line is within the edited statement, or the edited node, whichever layer is named beside it; what a
file leaves out has no line, and only the layer counts. **One of the two** is what leads to the fault: an edit `softmax(0.5 * scores)` is found by its
line also where the report has it before the softmax, and not in it. A file that is the spec with its weights in another
order, which the judge then tells, has no fault, if its outputs and gradients are the spec's in that order. False alarms are files without a fault that are not verified: the networks, as emitted and rewritten so that nothing changes
(modules renamed, made in another order, written as other functions; tensors renamed, made by nodes, passed through identities), and a network of each type of layer; *not compared*
counts among them.
Intervals are Wilson's, of 95 %, as if no two injections had anything in common.
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
        bound = (
            f"; its effect, {each['effect']:.1e}, shows with {each['bound']}"
            if each.get("bound")
            else ""
        )
        yield f"- `{kind} {side} {network} {place}`: {each['verdict']}{at}{bound}"


def written(entries: Sequence[Entry], count: int, seed: int) -> None:
    """Write the page. count, seed: of the draw."""
    found = Figures(entries)
    of = ", ".join(f"{name} {version}" for name, version in sorted(versions().items()))
    kinds = len({each["key"][0] for each in found.faults})
    figures = [
        f"## nnspec {nnspec.__version__}",
        "",
        f"{len(found.faults)} faults of {kinds} kinds in {len(NETWORKS)} networks; {of}.",
        f"Drawn by `--count {count} --seed {seed}`, with all faults of engines.",
        *told(found),
        "",
        *lines(entries),
        *_named("Not found", found.missed),
        *_named("Accused though no effect was seen", found.accused),
        *_named("Files without a fault that are not verified", found.alarms),
    ]
    PAGE.write_text("\n".join([HEAD, *figures]) + "\n", encoding="utf-8")
