"""Writes docs/detection.md: the figures of a release."""

from __future__ import annotations

from collections.abc import Sequence

import nnspec
from nnspec.backend import versions
from tests.detection.catalogue.networks import NETWORKS, ROOT
from tests.detection.catalogue.table import Entry, Figures, lines

PAGE = ROOT / "docs" / "detection.md"
HEAD = """\
# Measured detection

What nnspec finds of faults that exporters, ports and trainings have really had. `make detection` measures it, in about an hour on two
cores, and prints these tables; an interrupted run goes on. The catalogue, each kind with its public issue, its paper or its row of the
table of differences between frameworks, stands in `tests/detection/catalogue`.

An injection is a kind of fault at one place of one network. It is put into the PyTorch or Keras source that nnspec emits, or into a node of
its ONNX graph, and the file is judged as the file of somebody else's: `nnspec verify SPEC --against FILE`. Faults of training are put into one
engine, and verified. What each really changes is measured apart from the judge: both programs get the same weights and inputs, and the largest
relative difference of outputs and gradients is its size. One that changes less than rounding does is counted as below rounding. One after
which the file does not run is no silent fault, and is not counted. **Found** means accused: a file that is reported as *not compared* is not found.

The right layer is the one that the edit was made in, known from the run of the file without a fault. The right line is within the edited
statement, or the edited node. False alarms are files without a fault that are not verified: as emitted, and rewritten so that nothing changes
(modules renamed, made in another order, written as other functions; tensors renamed, made by nodes, passed through identities).
Intervals are Wilson's, of 95 %.
"""


def written(entries: Sequence[Entry]) -> None:
    """Write the page."""
    found = Figures(entries)
    told = ", ".join(f"{name} {version}" for name, version in sorted(versions().items()))
    kinds = len({each["key"][0] for each in found.faults})
    figures = [
        f"## nnspec {nnspec.__version__}",
        "",
        f"{len(found.faults) + len(found.below)} injections of {kinds} kinds into "
        f"{len(NETWORKS)} networks; {told}.",
        f"False alarms: {len(found.alarms)} of {len(found.harmless)} files without a fault.",
        "",
        *lines(entries),
    ]
    PAGE.write_text("\n".join([HEAD, *figures]) + "\n", encoding="utf-8")
