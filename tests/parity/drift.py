"""How far the frameworks' own optimizers drift apart: the table in docs/divergences.md.

`python -m tests.parity.drift` trains them, and writes the table anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nnspec.errors import UnsupportedError
from nnspec.language.optimizers import OPTIMIZERS
from tests.parity.rows import STEPS, Row
from tests.parity.training import first_weights, program_of, run, spec_of

PAGE = Path(__file__).parents[2] / "docs" / "divergences.md"
BEGIN, END = "<!-- python -m tests.parity.drift -->\n", "<!-- end -->"
EQUAL = 1e-6
"""Share of the movement up to which two are equal: Keras computes some numbers in float32."""


def drift(kind: str) -> tuple[str, str, float, float | None]:
    """Return the classes of PyTorch and Keras, and how far they and their defaults drift.

    Each number is the distance of the weights after the steps, over how far PyTorch's have moved.
    The second is None where our emitted source has a class of one framework alone.
    """
    row = Row(kind)
    spec = spec_of(row)
    torch = program_of(spec, "torch")
    try:
        keras = program_of(spec, "keras", stock=True)
    except UnsupportedError:
        return _class_of(torch, "torch"), "", 0.0, None
    theirs = _class_of(torch, "torch"), _class_of(keras, "keras")
    same = _distance(spec, run(torch, row), run(keras, row))
    if not all(theirs):
        return *theirs, same, None
    return *theirs, same, _of_defaults(spec, row, *theirs)


def _class_of(program: Any, framework: str) -> str:
    """Return the name of the optimizer's class where the framework has it, else an empty text."""
    made = type(program.optimizer).__mro__  # ours may stand over one of the framework's
    name = next(each.__name__ for each in made if each.__module__.partition(".")[0] == framework)
    return "" if name == "Optimizer" else name


def _of_defaults(spec: Any, row: Row, torch_name: str, keras_name: str) -> float:
    """Return the drift of the two classes made with no argument at all."""
    import keras
    import torch

    made = program_of(spec, "torch"), program_of(spec, "keras", stock=True)
    made[0].training.make_optimizer = lambda model: getattr(torch.optim, torch_name)(
        model.parameters()
    )
    made[1].training.make_optimizer = lambda: getattr(keras.optimizers, keras_name)()
    return _distance(spec, *(run(program, row) for program in made))


def _distance(spec: Any, one: dict[str, Any], other: dict[str, Any]) -> float:
    first = first_weights(spec)
    # Running statistics follow the weights; their own divergence stands above.
    names = [name for name in first if "running" not in name]
    apart, moved = (
        np.sqrt(sum(float(np.sum((one[name] - of[name]) ** 2)) for name in names))
        for of in (other, first)
    )
    return float(apart / moved)


def table() -> str:
    """Return the table as Markdown."""
    lines = [
        f"| spec | PyTorch | Keras | same arguments, {STEPS} steps | each one's defaults |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind in OPTIMIZERS:
        torch, keras, same, defaults = drift(kind)
        names = [f"`{name}`" if name else "none" for name in (torch, keras)]
        shown = [_shown(value) if all((torch, keras)) else "" for value in (same, defaults)]
        lines.append(f"| `{kind}` | {' | '.join([*names, *shown])} |")
    return "\n".join(lines) + "\n"


def _shown(share: float | None) -> str:
    if share is None:
        return ""
    if share <= EQUAL:
        return "equal"
    return f"{100 * share:.2g} %" if share < 1 else f"{share:.2g} times"


def main() -> None:
    """Write the table into its page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}{table()}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
