"""Long chains of dense layers, and deep blocks: time that grows as the network does."""

from __future__ import annotations

import statistics
from time import process_time

import yaml

from benchmarks.measure import Action, Figure, Times, interleaved, quartiles, ratio, shown_time
from nnspec.backend import get_backend
from nnspec.network.loader import loads

OWN_TARGET = 40.0
"""Milliseconds of our own work for SHORT layers."""
GROWTH_TARGET = 1.25
"""Linear, but for the processor's caches."""
SHORT, FACTOR = 1_000, 10
DEPTH = 30
ROUNDS = 15
BACKENDS = ("torch", "keras", "onnx")


def run() -> list[Figure]:
    """Return the time of our own work, and how it grows with the number of layers."""
    compile_nested()
    actions = {**_actions("short", SHORT), **_actions("long", SHORT * FACTOR)}
    times = Times()
    times.add(interleaved(actions, rounds=ROUNDS, clock=process_time))
    return [_own_work(times), *(_growth(times, step) for step in ("check", *BACKENDS))]


def compile_nested() -> None:
    """Compile blocks in blocks, which must not reach Python's limit of recursion."""
    spec = loads(nesting(DEPTH))
    for name in BACKENDS:
        get_backend(name).compile(spec)


def _actions(size: str, layers: int) -> dict[str, Action]:
    text = chain(layers)
    spec = loads(text)
    actions: dict[str, Action] = {
        f"{size} libyaml": lambda: _events(text),
        f"{size} check": lambda: loads(text),
    }
    for name in BACKENDS:
        backend = get_backend(name)
        actions[f"{size} {name}"] = lambda backend=backend: backend.compile(spec)
    return actions


def _events(text: str) -> None:
    """Do what reading costs before any of our code sees an event."""
    get_event = yaml.CSafeLoader(text).get_event
    while get_event() is not None:
        pass


def _own_work(times: Times) -> Figure:
    columns = (times["short check"], times["short torch"], times["short libyaml"])
    own = [1000 * (check + torch - parser) for check, torch, parser in zip(*columns, strict=True)]
    low, value, high = quartiles(own)
    parser = f"libyaml: {shown_time(statistics.median(times['short libyaml']))}, not counted"
    name = f"check and compile {SHORT:,} layers to torch"
    ours = f"{value:.1f} ms"
    return Figure(name, ours, parser, value, low, high, OWN_TARGET, "milliseconds")


def _growth(times: Times, step: str) -> Figure:
    label = "check" if step == "check" else f"compile to {step}"
    scaled = [FACTOR * seconds for seconds in times[f"short {step}"]]
    return ratio(
        f"{label}: {SHORT * FACTOR:,} layers",
        times[f"long {step}"],
        scaled,
        GROWTH_TARGET,
        f"{FACTOR} × {SHORT:,} layers",
    )


def chain(count: int) -> str:
    """Return a spec of `count` dense layers, one after the other."""
    head = ["nnspec: 1", "name: Chain", "inputs:", "  features: {shape: [32]}", "layers:"]
    return "\n".join([*head, *["  - {type: dense, units: 32}"] * count, ""])


def nesting(depth: int) -> str:
    """Return a spec of blocks, each in the next."""
    lines = ["nnspec: 1", "name: Nesting", "inputs:", "  features: {shape: [32]}", "blocks:"]
    for i in range(depth):
        inner = "dense, units: 32" if i == 0 else f"level{i - 1}"
        lines += [f"  level{i}:", "    layers:", f"      - {{type: {inner}}}"]
    return "\n".join([*lines, "layers:", f"  - {{type: level{depth - 1}}}", ""])
