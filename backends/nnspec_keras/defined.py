"""Names of what trains a network and of the program around it, where a file has them."""

from __future__ import annotations

from nnspec.emit.layout import LINE_LENGTH
from nnspec.emit.reading import DEFINED as ROW_NAMES
from nnspec.emit.snippets import snippets

SOURCES = snippets(
    "nnspec_keras.emitted",
    "losses",
    "schedules",
    "cycling",
    "optimizers",
    "rare_optimizers",
    "newer_optimizers",
)
"""Parts of losses, schedules and optimizers that the source defines where it calls them."""
DEFINED = (
    *SOURCES,
    *("loss_function", "make_optimizer", "make_plateau", "compiled", "ReduceOnPlateau", "Batches"),
    *("main", "predict", "require_finite", "save", "served", "sys"),
    *("Averaged", "Restored", "named_outputs", "losses_by_output"),
    "fnmatchcase",
    *("Weighted", "regularize", "weighted_mean"),
    *ROW_NAMES,
)
"""Names that the training part and the program define or import."""
LOCAL = frozenset(
    {
        *("arguments", "best", "data", "error", "expected", "inputs", "last", "losses"),
        *("measured", "measures", "model", "network", "output", "parser", "part", "record"),
        *("counts", "kinds", "losses", "pattern", "sample_weight"),
        *("saved", "source", "target", "targets", "validation"),
    }
)
"""Variables of the program, which the function that builds the network may not be called."""


def derived(text: str, kind: str, name: str, base: str) -> str:
    """Return a class of the emitted files over another optimizer, under a name of its own."""
    head = f"class {name}({base}):"
    if len(head) > LINE_LENGTH:
        head = f"class {name}(\n    {base}\n):"
    return text.replace(f"class {kind}(keras.optimizers.Optimizer):", head)
