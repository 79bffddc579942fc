"""The first layer at which two engines differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nnspec.errors import DataError, NnspecError
from nnspec.layers.rows import ROWS
from nnspec.network.graph import LayerNode
from nnspec.network.loader import Spec
from nnspec.network.opened import all_values, as_spec, flat
from nnspec.verification.engines import Engine
from nnspec.verification.networks import one_layer
from nnspec.verification.recorder import Blame
from nnspec.verification.tolerance import LOOSE, relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array, Precision, Weights
    from nnspec.verification.state import State


SHARE = 0.01
"""Of a tolerance: the least that a layer alone must be off by to be at fault."""
NOISE = 1e-11
"""Relative, in float64: more than a layer's own rounding."""


def blamed(state: State, first: Engine, second: Engine) -> Blame:
    """Return a search for the layer at which two engines part on the verification's inputs."""

    def find() -> tuple[str | None, str]:
        names = (first.name, second.name)
        if names not in state.parted:
            state.parted[names] = _where_they_part(state, first, second, state.inputs)
        return state.parted[names], ""

    return find


def blamed_on(
    state: State, first: Engine, second: Engine, inputs: Mapping[str, Array], detail: str
) -> Blame:
    """Return a search for the layer at which two engines part on other inputs."""
    return lambda: (_where_they_part(state, first, second, inputs), detail)


def _where_they_part(
    state: State, first: Engine, second: Engine, inputs: Mapping[str, Array]
) -> str | None:
    """Return the first layer that two engines compute differently.

    It is looked for in float64, where a wrong layer stands out from rounding; what shows in float32
    alone is looked for there.
    """
    state.progress(f"where {first.name} and {second.name} part")
    spec = as_spec(state.spec, state.graph, is_trained=False)
    stages: tuple[tuple[Precision, float], ...] = (
        ("float64", state.tolerances.in_float64(first, second)),
        ("float32", LOOSE),
    )
    layer = None
    for dtype, tolerance in stages:
        layer = layer or first_diverging_layer(
            spec, state.weights, inputs, (first, second), dtype, tolerance
        )
    return layer


def first_diverging_layer(
    spec: Spec,
    weights: Weights,
    inputs: Mapping[str, Array],
    engines: tuple[Engine, Engine],
    dtype: Precision,
    tolerance: float,
) -> str | None:
    """Return the path of the first layer whose output differs when both get the same input.

    Every layer's value is taken from the first engine; then each layer whose value differs is
    computed alone by both, fed those values. Where no layer differs alone, the first whose value
    differs is returned: what stands between the layers is wrong.
    """
    reference, suspect = engines
    opened = as_spec(spec, all_values(spec.graph), is_trained=False)
    paths = {flat(at.path): at.path for at in spec.graph.walk()}
    names = {
        f"{at.path}.{parameter.name}": f"{flat(at.path)}.{parameter.name}"
        for at in spec.graph.walk()
        for parameter in at.parameters()
    }
    renamed = {names[name]: array for name, array in weights.items()}
    try:
        expected = reference.build(opened, renamed, dtype).forward(inputs)
        actual = suspect.build(opened, renamed, dtype).forward(inputs)
    except NnspecError:
        return None
    values = {**inputs, **expected}
    first: str | None = None
    # What a layer is off by alone may be less than what others make of it, as where its values are
    # largest it is right: so layers are looked at that differ by much more than rounding.
    level = max(tolerance * SHARE, NOISE) if dtype == "float64" else tolerance
    for node in opened.graph.nodes:
        assert isinstance(node, LayerNode)
        errors = [
            relative_error({value: actual[value]}, {value: expected[value]})
            for value in node.outputs
        ]
        if max(errors) > tolerance:
            first = first or paths[node.name]
        if max(errors) > level and _differs_alone(
            opened, node, renamed, values, engines, dtype, level
        ):
            return paths[node.name]
    return first


def _differs_alone(
    opened: Spec,
    node: LayerNode,
    weights: Weights,
    values: Mapping[str, Array],
    engines: tuple[Engine, Engine],
    dtype: Precision,
    tolerance: float,
) -> bool:
    if node.layer.is_tied:
        return True  # without its embedding it cannot stand alone
    if node.layer.type in ROWS:
        return False  # it gives other rows than it takes, and computes nothing
    home = node.owner or node.name
    graph = one_layer(opened.graph, node)
    alone = as_spec(opened, graph, is_trained=False)
    own = {
        f"{node.name}.{name.partition('.')[2]}": array
        for name, array in weights.items()
        if name.partition(".")[0] == home
    }
    inputs = {
        name: values[value]
        for name, value in zip(graph.inputs, dict.fromkeys(node.inputs), strict=True)
    }
    programs = [engine.build(alone, own, dtype) for engine in engines]
    try:
        expected, actual = (program.forward(inputs) for program in programs)
    except DataError:
        return False  # what came before gave it numbers that it does not take alone, as infinite
    return relative_error(actual, expected) > tolerance
