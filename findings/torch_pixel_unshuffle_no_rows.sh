#!/bin/sh
# torch 2.13.0, CPU: F.pixel_unshuffle of a batch without rows gives the shape that it takes. With rows, on the meta
# device and for F.pixel_shuffle the shape is the documented one. Exits with 1 if this has changed.
# Output:
#   (0, 3, 4, 4) becomes cpu (0, 3, 4, 4) meta (0, 12, 2, 2); two rows become (2, 12, 2, 2)
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy torch==2.13.0
"$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import torch
from torch.nn import functional as F

none, two = torch.zeros(0, 3, 4, 4), torch.zeros(2, 3, 4, 4)
given = tuple(F.pixel_unshuffle(none, 2).shape)
meta = tuple(F.pixel_unshuffle(none.to("meta"), 2).shape)
rows = tuple(F.pixel_unshuffle(two, 2).shape)
print(f"{tuple(none.shape)} becomes cpu {given} meta {meta}; two rows become {rows}")
raise SystemExit((given, meta, rows) != ((0, 3, 4, 4), (0, 12, 2, 2), (2, 12, 2, 2)))
PYTHON
