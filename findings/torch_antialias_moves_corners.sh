#!/bin/sh
# torch 2.13.0: F.interpolate with align_corners=True and antialias=True does not align the corners.
# The scale becomes (n - 1)/(o - 1), but the positions stay those of half-pixel centres, so that the
# first lies beside the first element and the whole leans to one side. Exits with 1 if this changed.
# Output, of [0, 1, ..., 7] made 4 wide:
#   align_corners=True                  0.0000 2.3333 4.6667 7.0000
#   align_corners=True, antialias=True  0.8571 3.0000 5.3750 6.7143
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy torch==2.13.0
"$folder/venv/bin/python" - <<'PYTHON'
import torch
import torch.nn.functional as F

x = torch.arange(8.0).reshape(1, 1, 1, 8)
found = []
for settings in ({}, {"antialias": True}):
    y = F.interpolate(x, (1, 4), mode="bilinear", align_corners=True, **settings).flatten()
    name = ", ".join(f"{key}={value}" for key, value in {"align_corners": True, **settings}.items())
    print(f"{name:<35}", *(f"{value:.4f}" for value in y.tolist()))
    found.append(y[0].item() == 0 and y[-1].item() == 7)
raise SystemExit(found != [True, False])
PYTHON
