"""Names what the emitted code leaves Keras to name, where the spec has given that name to a layer.

No two operations of a Keras model may have one name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from nnspec.emit.body import Step
from nnspec.emit.code import Expr
from nnspec.emit.lowering import Lowered
from nnspec.emit.tree import (
    CALLED,
    Apply,
    Binary,
    Expression,
    Index,
    Input,
    Inputs,
    Items,
    Lambda,
    Literal,
    Name,
    Negative,
    X,
    apply,
    replaced,
    walk,
)
from nnspec.emit.unify import Definition
from nnspec.errors import UnsupportedError

_OPERATORS: dict[type[Expression] | str, tuple[str, ...]] = {
    "+": ("add",),
    "-": ("subtract",),
    "*": ("multiply",),
    "/": ("true_divide", "divide"),
    "**": ("power",),
    Negative: ("negative",),
    Index: ("get_item",),
}
_FUNCTIONS = {
    "layers.Permute": ("permute",),
    "layers.AdaptiveMaxPooling2D": ("adaptive_max_pooling2d",),
    "layers.ZeroPadding1D": ("zero_padding1d",),
    "layers.ZeroPadding2D": ("zero_padding2d",),
    "layers.ZeroPadding3D": ("zero_padding3d",),
    "ops.abs": ("abs", "absolute"),
    "steps_before": ("get_item", "ones_like", "cumsum", "cast", "expand_dims", "less_equal"),
    "without_mask": ("copy",),
    "first_flipped": ("flip",),
    "After": ("after",),
}
"""A part of an expression -> Keras's name for it, because the emitted code gives none."""
_CONSTRUCTED = dict.fromkeys(
    ("average_pooling1d", "average_pooling2d", "average_pooling3d"),
    ("ones_like", "true_divide", "divide"),
)
"""Function that makes a layer -> what Keras calls the operations that it adds beside the layer."""


def names_in(network: Definition) -> set[str]:
    """Return what has a name in the Keras model, the numbers at the end left out.

    These are the inputs, and the steps that are Keras layers; in a block names have a dot.
    """
    body = network.body
    named = [step.node.name for step in body.steps if step.node and _is_named(step)]
    return {_unnumbered(name) for name in (*(value.name for value in body.inputs), *named)}


def with_name(step: Step, lowered: Lowered, names: set[str], name: Callable[[], Expr]) -> Step:
    """Return the step, called by the source `name()` if Keras would call it one of `names`."""
    forward = lowered.forward
    automatic = set() if forward is CALLED else set(_automatic(forward))
    if lowered.module is not None:
        automatic.update(_CONSTRUCTED.get(lowered.module.function, ()))
    if not names.intersection(automatic):
        return step
    if lowered.module is not None:
        clash = min(names.intersection(automatic))
        raise UnsupportedError(
            f'Keras calls an operation of its own "{clash}": give the layer of that name '
            "another one"
        )
    named = _named(forward, len(step.inputs), Literal(name()))
    return dataclasses.replace(step, lowered=lowered._replace(forward=named))


def _named(forward: Expression, inputs: int, name: Literal) -> Expression:
    """Return the expression as one operation of this name."""
    if isinstance(forward, Apply) and isinstance(forward.function, Apply):
        # A layer that is made and applied at once.
        made = forward.function
        made = Apply(made.function, made.arguments, (*made.keywords, ("name", name)))
        return Apply(made, forward.arguments, forward.keywords)
    given: list[Expression] = [Name("x")]
    taken: Expression = X
    if inputs > 1:
        given = [Name("x")[i] for i in range(inputs)]
        taken = Items((Inputs(),), is_list=True)
    body = replaced(
        forward, lambda part: given[part.number] if isinstance(part, Input) else None, given
    )
    return apply(apply("layers.Lambda", Lambda("x", body), name=name), taken)


def _unnumbered(name: str) -> str:
    """Return `add_1` as `add`."""
    start, _, number = name.rpartition("_")
    return start if start and number.isdecimal() else name


def _is_named(step: Step) -> bool:
    return step.lowered is None or step.lowered.module is not None


def _automatic(forward: Expression) -> Iterator[str]:
    """Yield the names that Keras gives to the operations of an expression."""
    for part in walk(forward):
        if isinstance(part, Apply) and isinstance(part.function, Name):
            package, _, function = part.function.name.partition(".")
            if part.function.name in _FUNCTIONS:
                yield from _FUNCTIONS[part.function.name]
            elif package == "ops":
                yield function.rpartition(".")[2]
        elif isinstance(part, Binary):
            yield from _OPERATORS.get(part.operator, ())
        else:
            yield from _OPERATORS.get(type(part), ())
