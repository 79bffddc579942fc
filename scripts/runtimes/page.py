"""The page that the results become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from networks import FORMS, NETWORKS

RIGHT = 1e-5
COARSE = 1e-2
"""Relative: what approximate exponentials and the like leave, and no more."""


class Cell(NamedTuple):
    """A relative error, or None with what was said instead of values."""

    error: float | None
    text: str


HEAD = """# Other runtimes

What nnspec's own export, at the default operator set, gives in other runtimes on the CPU. A
number is the largest error over all rows, relative to the largest right value (ONNX Runtime's):
about 1e-7 is the rounding of float32. "Open" leaves the number of rows and of steps open, and is
tried at two sizes; "rows fixed" is `--batch 3`; in "all fixed" and "one row" the spec has a
number for the time axis too. LiteRT takes Keras's export of the emitted Keras network instead.

`scripts/runtimes` made this page: it installs each runtime, pinned, in an environment of its own,
runs the networks of `scripts/runtimes/networks.py`, and is no part of `make test`.

"""

NOTES = """
## What to do

- **OpenVINO** ignores the lengths of recurrent layers, silently, while any size of the model is
  open: export with `--batch N` and a number for the time axis.
  `findings/openvino_sequence_lens.sh` shows it without nnspec.
- **tract** takes no lengths that are inputs, and wants the number of rows fixed (`--batch`) for
  recurrent layers.
- **TVM** and **tinygrad** have no LSTM or GRU in their ONNX front ends.
- **MNN** and **ncnn** compute exponentials approximately: errors of about 1e-4 are theirs. MNN
  has no GroupNormalization, and ignores the lengths of an LSTM, which its converter says. ncnn
  has no axis of rows: it takes one at a time.
- **LiteRT** wants every size of a recurrent network, a transformer or an image network fixed when
  Keras exports it: give `input_signature` to `model.export`, one `keras.InputSpec` an input, and
  for several inputs a list in a list.
"""


def page(cells: Mapping[tuple[str, ...], Cell], versions: Mapping[str, str]) -> str:
    """Return docs/runtimes.md."""
    lines = [HEAD.rstrip(), ""]
    for network in NETWORKS:
        lines += [f"## {network[0].upper()}{network[1:]}", ""]
        lines += [f"| runtime | {' | '.join(form.name for form in FORMS)} |"]
        lines += ["| --- |" + " --- |" * len(FORMS)]
        reasons: list[str] = []
        for runtime, version in versions.items():
            row = [_shown(cells[runtime, network, form.name], reasons, runtime) for form in FORMS]
            lines.append(f"| {runtime} {version} | {' | '.join(row)} |")
        lines += ["", *reasons, ""] if reasons else [""]
    return "\n".join(lines).rstrip() + "\n" + NOTES


def _shown(cell: Cell, reasons: list[str], runtime: str) -> str:
    if cell.error is None:
        reason = f"- {runtime}: `{_cut(cell.text)}`"
        if reason not in reasons:
            reasons.append(reason)
        return "fails"
    if cell.error <= RIGHT:
        return cell.text
    return f"{cell.text}, coarse" if cell.error <= COARSE else f"**wrong** ({cell.text})"


def _cut(text: str, most: int = 160) -> str:
    plain = "".join(c if c.isprintable() else " " for c in text).replace("`", "'").replace("|", "/")
    return plain if len(plain) <= most else f"{plain[: most - 3]}..."
