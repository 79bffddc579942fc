#!/bin/sh
# torch 2.13.0
#
# Weights that `fully_shard` (FSDP2) has shared out are trained by some of PyTorch's own optimizers and kernels, and refused by
# others in the first step: `fused=True` works with Adam and not with SGD, and Rprop and Adafactor never work, though their
# documentation and that of `fully_shard` name no such limit. Each needs an operator that has no rule for shares (DTensor).
#
# One linear layer, two processes on the processor by gloo, one step of each optimizer.
#
# Output seen:
#   Adam, fused: a step
#   SGD: a step
#   SGD, fused: refused, aten._fused_sgd_ ("does not have a sharding strategy registered")
#   Rprop: refused, aten.index_put_ ("in-place operations that require placement changes are not supported")
#   Adafactor: refused, aten.pow_ (the same)
#
# Ends with 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cat > "$folder/program.py" <<'PROGRAM'
import re

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

CASES = {
    "Adam, fused": lambda parameters: torch.optim.Adam(parameters, fused=True),
    "SGD": lambda parameters: torch.optim.SGD(parameters, momentum=0.9),
    "SGD, fused": lambda parameters: torch.optim.SGD(parameters, momentum=0.9, fused=True),
    "Rprop": torch.optim.Rprop,
    "Adafactor": torch.optim.Adafactor,
}
dist.init_process_group("gloo")
mesh = init_device_mesh("cpu", (2,))
for name, made in CASES.items():
    torch.manual_seed(0)
    model = torch.nn.Linear(8, 6)
    fully_shard(model, mesh=mesh)
    optimizer = made(model.parameters())
    model(torch.ones(4, 8)).square().mean().backward()
    try:
        optimizer.step()
        told = "a step"
    except (NotImplementedError, RuntimeError) as error:
        told = f"refused, {re.search('aten[.][a-z_]+', str(error))[0]} ({str(error).strip()[:200]})"
    if dist.get_rank() == 0:
        print(f"{name}: {told}", flush=True)
dist.destroy_process_group()
PROGRAM
"$folder/venv/bin/torchrun" --standalone --nproc-per-node 2 "$folder/program.py" 2> "$folder/errors" | tee "$folder/seen" || {
    cat "$folder/errors"
    exit 1
}
grep -qx "Adam, fused: a step" "$folder/seen"
grep -qx "SGD: a step" "$folder/seen"
grep -q "^SGD, fused: refused, aten._fused_sgd_ " "$folder/seen"
grep -q "^Rprop: refused, aten.index_put_ " "$folder/seen"
grep -q "^Adafactor: refused, aten.pow_ " "$folder/seen"
