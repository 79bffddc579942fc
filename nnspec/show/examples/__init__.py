"""Examples in YAML: a small network for each layer, loss, optimizer, schedule and initializer.

The one source of what `nnspec layers` and docs/layers.md show, and of the pages under tests/golden
that show what is emitted for them. A file holds specs without their first two lines, which all
have; what an example is about is read in it. Its first one of a kind is the one to show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from nnspec.language.source import parse

FOLDER = Path(__file__).parent
HEADER = "nnspec: 1\nname: Net\n"
"""The lines that every example leaves out."""

_KINDS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "layer": ("layers/*.yaml", lambda spec: spec["layers"][-1]["type"]),
    "loss": ("training/losses.yaml", lambda spec: spec["training"]["loss"]["type"]),
    "optimizer": ("training/optimizers.yaml", lambda spec: spec["training"]["optimizer"]["type"]),
    "schedule": (
        "training/schedules.yaml",
        lambda spec: spec["training"]["optimizer"]["learning_rate"]["schedule"],
    ),
    "metric": ("training/metrics.yaml", lambda spec: _type_of(spec["training"]["metrics"][-1])),
    "initializer": (
        "initializers.yaml",
        lambda spec: _type_of(spec["layers"][-1]["kernel_initializer"]),
    ),
}
"""Subject of an example -> its files, and how its name is read in the values."""

_X = "inputs: {x: {shape: [8]}}\nlayers:"
_DENSE = f"{_X}\n  - {{type: dense, units: 3}}\n"
_USUAL = {
    "layer": f"{_X}\n  - {{type: NAME}}",
    "loss": f"{_DENSE}training: {{task: regression, loss: {{type: NAME}}}}",
    "optimizer": f"{_DENSE}training: {{task: regression, optimizer: {{type: NAME}}}}",
    "initializer": f"{_X}\n  - {{type: dense, units: 3, kernel_initializer: NAME}}",
}
"""The example of what takes one value of any shape and no argument, and so has none of its own."""


def examples(kind: str, names: Iterable[str]) -> dict[str, list[str]]:
    """Return the examples of each name of a kind ("layer", "loss", ...), in the order of `names`.

    Each is a spec without the lines of HEADER.
    """
    written = _written(kind)
    usual = _USUAL.get(kind)
    shown = {}
    for name in names:
        found = written.get(name)
        if found is None:
            if usual is None:
                raise KeyError(f"nnspec/show/examples has none for the {kind} {name}")
            found = [usual.replace("NAME", name)]
        shown[name] = found
    return shown


@cache
def _written(kind: str) -> dict[str, list[str]]:
    pattern, name_of = _KINDS[kind]
    found: dict[str, list[str]] = {}
    for path in sorted(FOLDER.glob(pattern)):
        for text in path.read_text(encoding="utf-8").rstrip().split("\n---\n"):
            found.setdefault(name_of(parse(text)), []).append(text)
    return found


def _type_of(value: Any) -> str:
    return str(value["type"] if isinstance(value, dict) else value)
