#!/bin/sh
# torch 2.13.0: weight_norm gives a transposed convolution one length for each input channel, where its
# documentation says "by default, with dim=0, the norm is computed independently per output channel":
# the first axis of that weight is the input's. dim=1 gives a length for each output.
# Exits with 1 if this has changed.
# Output, of layers with 2 inputs and 3 outputs:
#   Conv1d                 lengths (3, 1, 1)
#   ConvTranspose1d        lengths (2, 1, 1)
#   ConvTranspose1d, dim=1 lengths (1, 3, 1)
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy torch==2.13.0
"$folder/venv/bin/python" - <<'PYTHON'
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

found = []
for name, layer, settings in (
    ("Conv1d", nn.Conv1d(2, 3, 4), {}),
    ("ConvTranspose1d", nn.ConvTranspose1d(2, 3, 4), {}),
    ("ConvTranspose1d, dim=1", nn.ConvTranspose1d(2, 3, 4), {"dim": 1}),
):
    lengths = weight_norm(layer, **settings).parametrizations.weight.original0
    found.append(tuple(lengths.shape))
    print(f"{name:<22} lengths {found[-1]}")
raise SystemExit(found != [(3, 1, 1), (2, 1, 1), (1, 3, 1)])
PYTHON
