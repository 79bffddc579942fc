"""Emitted PyTorch against twins written by hand: a forward pass, and a training step."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.measure import Action, Figure, Times, interleaved, ratio
from benchmarks.twins import torch_digits_cnn, torch_digits_mlp
from nnspec.backend import Compiled, Options, get_backend
from nnspec.network.loader import load

TARGET = 1.03
BATCH = 32
BUILDS = 4
"""Where the memory of a network happens to lie can cost a few percent: each is built anew."""
ROUNDS = 61

TWINS: dict[str, Callable[[], nn.Module]] = {
    "digits_cnn": torch_digits_cnn.DigitsCNN,
    "digits_mlp": torch_digits_mlp.DigitsMLP,
}


def run() -> list[Figure]:
    """Return two figures for each network."""
    # Threads would wait for one another on a busy machine, and hide what Python itself costs.
    torch.set_num_threads(1)
    return [figure for name in TWINS for figure in _compare(name)]


def _compare(name: str) -> list[Figure]:
    compiled = get_backend("torch").compile(load(f"specs/{name}.yaml"), Options(training=True))
    forward, step = Times(), Times()
    for _ in range(BUILDS):
        _measure(compiled, TWINS[name](), forward, step)
    return [
        ratio(f"torch {name}: forward", forward["ours"], forward["twin"], TARGET),
        ratio(f"torch {name}: training step", step["ours"], step["twin"], TARGET),
    ]


def _measure(compiled: Compiled, twin: nn.Module, forward: Times, step: Times) -> None:
    program: Any = compiled.build()
    model = program.model
    twin.load_state_dict(dict(zip(twin.state_dict(), model.state_dict().values(), strict=True)))
    shape = next(iter(program.graph.inputs.values())).shape
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(BATCH, *shape)).astype("float32"))
    target = torch.from_numpy(rng.integers(0, 10, BATCH))

    actions: dict[str, Action] = {
        "ours": lambda: model(x),
        "twin": lambda: torch.softmax(twin(x), dim=-1),
    }
    model.eval()
    twin.eval()
    with torch.no_grad():
        torch.testing.assert_close(actions["ours"](), actions["twin"]())
        forward.add(interleaved(actions, rounds=ROUNDS, at_least=0.004, clock=process_time))

    optimizer = program.emitted.make_optimizer(model)
    twin_optimizer = torch.optim.Adam(twin.parameters(), lr=1e-3)
    loss_function = nn.CrossEntropyLoss()

    def twin_step() -> Tensor:
        twin_optimizer.zero_grad()
        loss: Tensor = loss_function(twin(x), target)
        loss.backward()
        twin_optimizer.step()
        return loss.detach()

    actions = {
        "ours": lambda: program.emitted.train_step(model, optimizer, x, target),
        "twin": twin_step,
    }
    model.train()
    twin.train()
    step.add(interleaved(actions, rounds=ROUNDS, at_least=0.008, clock=process_time))
