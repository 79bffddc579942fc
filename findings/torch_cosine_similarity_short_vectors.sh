#!/bin/sh
# torch 2.13.0: the gradient of F.cosine_similarity is not that of what it computes where a vector is
# shorter than eps: the value divides by max(|x|, eps), and the gradient is as if it divided by |x|
# there too. x = (1, 0), t = (1, 1), eps = 2: the value is x · t / (2 · 2), whose gradient by x is t / 4.
# Exits with 1 if this has changed.
# Output:
#   0.25 [0.125, 0.25] where [0.25, 0.25] is right
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy torch==2.13.0
"$folder/venv/bin/python" - 2>"$folder/errors" <<'PYTHON' || { cat "$folder/errors"; exit 1; }
import torch
from torch.nn import functional as F

x = torch.tensor([[1.0, 0.0]], dtype=torch.float64, requires_grad=True)
t = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
value = F.cosine_similarity(x, t, eps=2.0)
(given,) = torch.autograd.grad(value.sum(), x)
rounded = [round(each, 4) for each in given[0].tolist()]
print(round(value.item(), 4), rounded, "where [0.25, 0.25] is right")
raise SystemExit(torch.allclose(given, t / 4))
PYTHON
