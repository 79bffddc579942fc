"""Advice on first weights that keep a layer from learning."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nnspec.errors import Problem
from nnspec.layers.base import Parameter
from nnspec.layers.initializers import InitializerBase
from nnspec.network.graph import Graph, LayerNode, Node
from nnspec.network.rules import Case, activation_of, advice, has_kernel, makers, passes, source

_FLAT_AT_ZERO = frozenset({"relu", "relu6"})
_ZERO_AT_ZERO = frozenset(
    {"", "linear", "tanh", "relu", "relu6", "leaky_relu", "elu", "gelu", "silu"}
)
_TOO_LARGE = 10.0
"""The multiple of the deviation that keeps the variance which is too large."""


def advise(case: Case) -> Iterator[Problem]:
    """Yield advice on kernels of zeros before relu or one another, of one number, or too large."""
    bent = 0
    for body in case.bodies:
        known = makers(body)
        takers = {value: node for node in body.nodes for value in node.inputs}
        for node in body.nodes:
            if not isinstance(node, LayerNode) or not has_kernel(node) or node.owner is not None:
                continue
            if getattr(node.layer, "trainable", True) is False:
                continue
            initializer: InitializerBase = node.layer.kernel_initializer  # type: ignore[attr-defined]
            value = _value(initializer)
            bend = _bend_after(node, takers)
            if value == 0 and _starts_at_zero(node):
                yield from _dead(node, bend, known)
            elif value is not None and value != 0 and _width(body, node) > 1:
                yield advice(
                    "unfit-initializer",
                    f'every weight of "{node.name}" starts at {value:g}, so that all its units '
                    "compute the same, and sums of many inputs are large",
                    "leave out kernel_initializer, which is then glorot_uniform",
                    node.mark,
                )
            elif initializer.type in _DEVIATIONS:
                yield from _scaled(body, node)
            if _is_doubled(initializer) and bend in ("sigmoid", "tanh"):
                bent += 1
                if bent == 3:
                    yield advice(
                        "unfit-initializer",
                        f'"{node.name}", like two layers before it, starts with '
                        f"{initializer.type}, which doubles the variance because relu halves it; "
                        f"{bend} does not, and saturates",
                        f"use {_undoubled(initializer)} before {bend}",
                        node.mark,
                    )


def _is_doubled(initializer: InitializerBase) -> bool:
    """Whether the variance is 2 / fan_in, by name or by numbers."""
    law: Any = initializer
    if law.type == "variance_scaling":
        return bool(law.mode == "fan_in" and law.scale == 2)
    return initializer.type.startswith("he_")


def _undoubled(initializer: InitializerBase) -> str:
    if initializer.type == "variance_scaling":
        return "a scale of 1"
    return initializer.type.replace("he", "glorot")


def _of_variance(kernel: Parameter) -> float:
    law: Any = kernel.initializer
    fans = {"fan_in": kernel.fan_in, "fan_out": kernel.fan_out}
    fan: float = fans.get(law.mode, (kernel.fan_in + kernel.fan_out) / 2)
    return math.sqrt(law.scale / fan)


def _of_range(kernel: Parameter) -> float:
    law: Any = kernel.initializer
    return math.sqrt((law.low**2 + law.low * law.high + law.high**2) / 3)


def _of_stddev(kernel: Parameter) -> float:
    law: Any = kernel.initializer
    return float(law.stddev) * (0.88 if law.type == "truncated_normal" else 1.0)


_DEVIATIONS: dict[str, Callable[[Parameter], float]] = {
    "normal": _of_stddev,
    "truncated_normal": _of_stddev,
    "uniform": _of_range,
    "variance_scaling": _of_variance,
}
"""The root of the mean square of a kernel, by the initializers that are given numbers for it."""


def _value(initializer: InitializerBase) -> float | None:
    """Return the number that all weights start at, where it is one."""
    if initializer.type in ("zeros", "ones"):
        return float(initializer.type == "ones")
    return initializer.value if initializer.type == "constant" else None  # type: ignore[attr-defined]


def _starts_at_zero(node: LayerNode) -> bool:
    fields = node.layer.__dict__
    if not fields.get("use_bias", True):
        return True
    initializer = fields.get("bias_initializer")
    return initializer is not None and _value(initializer) == 0


def _bend_after(node: LayerNode, takers: dict[str, Node]) -> str:
    """Return the activation of a layer, or of what takes what it gives."""
    bend = activation_of(node)
    after = takers.get(node.outputs[0])
    while isinstance(after, LayerNode) and passes(after):
        after = takers.get(after.outputs[0])
    if (
        bend in ("", "linear")
        and isinstance(after, LayerNode)
        and activation_of(after) == after.layer.type
    ):
        return after.layer.type
    return bend


def _width(body: Graph, node: LayerNode) -> int:
    fields = node.layer.__dict__
    return int(fields.get("units") or fields.get("filters") or 1)


def _dead(node: LayerNode, bend: str, known: Mapping[str, Node]) -> Iterator[Problem]:
    before = source(known, node.inputs[0], _ZERO_AT_ZERO)
    is_second = (
        isinstance(before, LayerNode)
        and has_kernel(before)
        and _value(before.layer.kernel_initializer) == 0  # type: ignore[attr-defined]
        and _starts_at_zero(before)
        and activation_of(before) in _ZERO_AT_ZERO
    )
    if bend in _FLAT_AT_ZERO:
        message = (
            f'"{node.name}" starts at zeros, so that {bend} gets 0, where its slope is 0: the '
            "layer never learns"
        )
    elif is_second:
        assert isinstance(before, LayerNode)
        message = (
            f'"{before.name}" and "{node.name}" both start at zeros: the gradient of each kernel '
            "is a product with the other, which stays 0"
        )
    else:
        return
    yield advice(
        "dead-start",
        message,
        "leave out kernel_initializer, which is then glorot_uniform",
        node.mark,
    )


def _scaled(body: Graph, node: LayerNode) -> Iterator[Problem]:
    """Yield advice on a kernel of random numbers whose sums are far larger than what goes in."""
    parameters = node.layer.parameters(body.shapes(node.inputs), body.data_format)
    kernel = next((each for each in parameters if each.name == "weight"), None)
    if kernel is None:
        return
    deviation = _DEVIATIONS[kernel.initializer.type](kernel)
    gain = deviation * math.sqrt(kernel.fan_in)
    if gain > _TOO_LARGE:
        yield advice(
            "unfit-initializer",
            f'the sums of "{node.name}" are {gain:.3g} times what goes in: each is over '
            f"{kernel.fan_in} inputs, with weights of deviation {deviation:g}",
            "leave out kernel_initializer, or use he_normal before relu; both follow the number of "
            "inputs",
            node.mark,
        )
