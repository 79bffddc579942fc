"""Writes the constants that say which columns are inputs and target, and what they become."""

from __future__ import annotations

from nnspec.emit.bounds import Bounds
from nnspec.emit.code import literal, wrap
from nnspec.emit.goals import Goals
from nnspec.emit.pictures import image_inputs, told
from nnspec.emit.sounds import told_sounds
from nnspec.emit.sources import file_inputs
from nnspec.errors import UsageError
from nnspec.language.training_schema import Data
from nnspec.network.loader import Spec


def input_constants(
    spec: Spec, data: Data, bounds: Bounds, goals: Goals | None, *, is_table: bool
) -> str:
    """Return what a script says of its inputs and its target; raises UsageError."""
    kinds: dict[str, object] = {}
    graph, pictures, files = spec.graph, image_inputs(spec), file_inputs(spec)
    for name, type_ in graph.inputs.items():
        given = data.features.get(name)
        if given is None:
            raise UsageError(f'`data.features` says nothing of the input "{name}"')
        if not is_table and len(given) != 1:
            raise UsageError(f'input "{name}" takes one array, and {len(given)} are listed')
        columns = {"columns": list(given), **({} if is_table else {"is_array": True})}
        shape, steps = list(type_.shape), {}
        if data.windows is not None:
            steps = {"steps": shape.pop(0)}
        kinds[name] = {**columns, "shape": shape, **steps, "dtype": type_.dtype}
        if name in pictures:
            kinds[name] = {**columns, "shape": list(type_.shape), "dtype": type_.dtype,
                           "image": told(spec, name)}  # fmt: skip
        elif name in files:
            kinds[name] = {**columns, "shape": shape, "dtype": type_.dtype,
                           "sound": told_sounds(spec, name)}  # fmt: skip
    least_and_most = {name: bounds.ranges[name] for name in graph.inputs if name not in files}
    return "\n".join(
        [
            *wrap(f"INPUTS: dict[str, dict[str, Any]] = {literal(kinds)}"),
            *(
                wrap(f"BOUNDS: dict[str, tuple[Any, Any]] = {literal(least_and_most)}")
                if least_and_most
                else ()
            ),
            *(_target(data) if goals is None else goals.constants),
        ]
    )


def _target(data: Data) -> list[str]:
    if not data.targets or not isinstance(data.target, str | tuple):
        return []
    if data.one_target is not None:
        return wrap(f"TARGET = {literal(data.one_target)}")
    return wrap(f"TARGETS = {literal(list(data.targets))}")
