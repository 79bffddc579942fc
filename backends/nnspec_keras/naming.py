"""Names what the emitted code leaves Keras to name, where the spec has given that name to a layer.

No two operations of a Keras model may have one name.
"""

from __future__ import annotations

import dataclasses
import re

from nnspec.emit.body import Step
from nnspec.emit.lowering import Lowered
from nnspec.emit.unify import Definition
from nnspec.errors import UnsupportedError

_AUTOMATIC = {
    "layers.Permute(": ("permute",),
    "layers.AdaptiveMaxPooling2D(": ("adaptive_max_pooling2d",),
    "layers.ZeroPadding1D(": ("zero_padding1d",),
    "layers.ZeroPadding2D(": ("zero_padding2d",),
    "layers.ZeroPadding3D(": ("zero_padding3d",),
    "ops.abs(": ("absolute",),
    " + ": ("add",),
    " - ": ("subtract",),
    " * ": ("multiply",),
    " / ": ("true_divide", "divide"),
    "**": ("power",),
    "-{0}": ("negative",),
    "}[": ("get_item",),
    ")[": ("get_item",),
    "steps_before(": ("get_item", "ones_like", "cumsum", "cast", "expand_dims", "less_equal"),
    "without_mask(": ("copy",),
    "first_flipped(": ("flip",),
    "After(": ("after",),
}
"""What an expression holds -> what Keras calls it, because the emitted code does not."""


def names_in(network: Definition) -> set[str]:
    """Return what has a name in the Keras model, the numbers at the end left out.

    These are the inputs, and the steps that are Keras layers; in a block names have a dot.
    """
    body = network.body
    named = [step.node.name for step in body.steps if step.node and _is_named(step)]
    return {re.sub(r"_\d+\Z", "", name) for name in (*body.inputs, *named)}


def with_name(step: Step, lowered: Lowered, names: set[str], name: str) -> Step:
    """Return the step, called by the source `name` if Keras would call it one of `names`."""
    forward = lowered.forward
    if lowered.module is not None and lowered.module.function.startswith("average_pooling"):
        automatic = {"ones_like", "true_divide", "divide"}
    else:
        automatic = _automatic(forward)
    if not names.intersection(automatic):
        return step
    if lowered.module is not None:
        clash = min(names.intersection(automatic))
        raise UnsupportedError(
            f'Keras calls an operation of its own "{clash}": give the layer of that name '
            "another one"
        )
    name = name.replace("{", "{{").replace("}", "}}")
    if forward.startswith("After("):
        forward = forward.replace("After(", f"After(name={name}", 1)
    elif forward.startswith("layers."):
        forward = forward.replace(")({0})", f", name={name})({{0}})")
    elif len(step.inputs) == 1:
        text = forward.replace("{0}", "x").replace("{inputs}", "x")
        forward = f"layers.Lambda(lambda x: {text}, name={name})({{0}})"
    else:
        given = [f"x[{i}]" for i in range(len(step.inputs))]
        text = forward.replace("{inputs}", ", ".join(given))
        for i, item in enumerate(given):
            text = text.replace(f"{{{i}}}", item)
        forward = f"layers.Lambda(lambda x: {text}, name={name})([{{inputs}}])"
    return dataclasses.replace(step, lowered=dataclasses.replace(lowered, forward=forward))


def _is_named(step: Step) -> bool:
    return step.lowered is None or step.lowered.module is not None


def _automatic(forward: str) -> set[str]:
    """Return the names that Keras gives to the operations of an expression."""
    found = set(re.findall(r"\bops\.(?:\w+\.)*(\w+)\(", forward))
    return found.union(*(names for text, names in _AUTOMATIC.items() if text in forward))
