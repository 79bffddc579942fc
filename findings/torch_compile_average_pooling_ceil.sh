#!/usr/bin/env bash
# Average pooling with ceil_mode under torch.compile: the outputs are right, the gradient is not.
#
# torch 2.13.0, CPU, Inductor (needs a C++ compiler). A last window that hangs over the end counts
# fewer elements, and divides by fewer. With count_include_pad, PyTorch's default, the compiled
# gradient divides by the whole window: 1/3 for 1/2 below. Nothing is raised. With
# count_include_pad=False, which is the same function where nothing is padded, it is right.
# In three dimensions it is the same. Known upstream as issue 198119.
#
# Seen:
#   same outputs: True
#   gradient as it runs:   [0.333, 0.333, 0.667, 0.333, 0.667, 0.333, 0.833, 0.5]
#   gradient compiled:     [0.333, 0.333, 0.667, 0.333, 0.667, 0.333, 0.667, 0.333]
#   without padding counted: same gradient: True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 setuptools
"$folder/venv/bin/python" - <<'PYTHON'
import torch
import torch.nn.functional as F


def both(function, x):
    values = []
    for run in (function, torch.compile(function)):
        given = x.clone().requires_grad_()
        output = run(given)
        (gradient,) = torch.autograd.grad(output.sum(), given)
        values.append((output.detach(), gradient))
    return values


def shown(tensor):
    return [round(value, 3) for value in tensor.flatten().tolist()]


x = torch.arange(8.0).reshape(1, 1, 8)
eager, compiled = both(lambda t: F.avg_pool1d(t, 3, 2, ceil_mode=True), x)
print("same outputs:", torch.allclose(eager[0], compiled[0]))
print("gradient as it runs:  ", shown(eager[1]))
print("gradient compiled:    ", shown(compiled[1]))
left_out = both(lambda t: F.avg_pool1d(t, 3, 2, ceil_mode=True, count_include_pad=False), x)
same = torch.allclose(left_out[0][1], left_out[1][1])
print("without padding counted: same gradient:", same)
wrong = [0.333, 0.333, 0.667, 0.333, 0.667, 0.333, 0.667, 0.333]
raise SystemExit(shown(compiled[1]) != wrong or shown(eager[1])[-1] != 0.5 or not same)
PYTHON
