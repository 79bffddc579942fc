#!/bin/sh
# torch 2.13.0, CPU: F.interpolate with antialias=True to a width of 1, of a contiguous image of several channels,
# gives every row the values of the first, bilinear and bicubic alike. The same image in torch.channels_last, or
# with its height and width exchanged, is right, and so is one of a single channel. Exits with 1 if this has changed.
# Output:
#   contiguous 1.25 1.25 7.25 7.25
#   channels last 1.25 3.75 7.25 9.75
#   transposed 1.25 3.75 7.25 9.75
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch
import torch.nn.functional as F


def small(image, size):
    return F.interpolate(image, size=size, mode="bilinear", antialias=True)


x = torch.arange(12.0).reshape(1, 2, 6, 1)
given = {
    "contiguous": small(x, (2, 1)),
    "channels last": small(x.contiguous(memory_format=torch.channels_last), (2, 1)),
    "transposed": small(x.transpose(2, 3).contiguous(), (1, 2)),
}
found = [" ".join([name, *map(str, image.flatten().tolist())]) for name, image in given.items()]
print("\n".join(found))
expected = [
    "contiguous 1.25 1.25 7.25 7.25",
    "channels last 1.25 3.75 7.25 9.75",
    "transposed 1.25 3.75 7.25 9.75",
]
raise SystemExit(found != expected)
PYTHON
