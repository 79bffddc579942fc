"""The places that a reproduction may show: where two networks part, the smallest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend.foreign import Cut, Trace
from nnspec.judge.facing import Facing
from nnspec.judge.folders import Folder
from nnspec.judge.found import Blamed
from nnspec.judge.ours import Ours
from nnspec.judge.pairing import Pairing
from nnspec.judge.parting import Parting
from nnspec.judge.prints import is_in_place
from nnspec.judge.reproducing import Part, Place, Reproduced, reproduce
from nnspec.judge.walk import Walk
from nnspec.verification.checks import difference
from nnspec.verification.report import Report

if TYPE_CHECKING:
    from nnspec.backend import Array

ALIKE = 3e-5
"""Relative, of two values that are the same in float32."""


def layer_places(walk: Walk, blamed: Blamed, facing: Facing, inputs: Any) -> list[Place]:
    """Return a layer of a spec beside what a file gives in its place, as the walk has it now.

    inputs: of the network, with which the file was traced.
    """
    ours, fault = walk.ours, blamed.fault
    node = next(each for each in ours.nodes if each.name == blamed.name)
    alone = ours.alone(node, ours.own_weights(node))
    if alone is None or len(node.outputs) != 1:
        return []
    spec, weights, feeds = alone
    taken = {name: np.array(walk.values[value]) for name, value in feeds.items()}
    label = f'{ours.spec.name}, the layer "{fault.layer}" ({fault.kind})'
    mine = Part("ours", label, partial(own_cuts, ours, spec, weights, taken), (fault.layer,))
    numbers = [
        number
        for value in node.inputs
        for number in walk.ways.numbers.get(value, ())
        if is_in_place(walk.trace.values[number], walk.values[value], ALIKE)
    ]
    places = []
    for given in _numbers(walk, blamed):
        cuts = partial(facing.cuts, inputs, numbers, given, "theirs")
        theirs = Part("theirs", facing.label, cuts, (fault.layer,))
        places.append(Place(fault.told(), (mine, theirs)))
    return places


def _numbers(walk: Walk, blamed: Blamed) -> Iterator[int]:
    """Yield the numbers of the file's values that may stand for what the layer gives."""
    for given in blamed.instead:
        for array in given.values():
            yield from numbers_of(walk.trace, array, walk.prints.of(array))


def numbers_of(trace: Trace, array: Array, alike: Iterable[int]) -> list[int]:
    """Return the number of a value of a run; alike: of those that hold the same numbers."""
    own = [number for number, each in trace.values.items() if each is array]
    return own or sorted(alike)[:1]


def whole_place(ours: Ours, facing: Facing, inputs: Mapping[str, Array], told: str) -> Place:
    """Return the whole spec beside the whole file."""
    weights = {name: np.array(each) for name, each in ours.weights.items()}
    cuts = partial(own_cuts, ours, ours.plain, weights, dict(inputs))
    mine = Part("ours", ours.spec.name, cuts, tuple(ours.spec.graph.outputs))
    return Place(told, (mine, whole_part("theirs", facing, inputs)))


def whole_part(name: str, facing: Facing, inputs: Mapping[str, Array]) -> Part:
    """Return the whole of a file as one side."""
    called, axes = facing.names_of_outputs()
    return Part(
        name, facing.label, partial(facing.cuts, dict(inputs), (), None, name), called, axes
    )


def own_cuts(
    ours: Ours, spec: Any, weights: Mapping[str, Array], taken: Mapping[str, Array]
) -> list[Cut]:
    """Return a spec as the source that nnspec writes of it."""
    program: Any = ours.engine.build(spec, dict(weights), "float64")
    foreign = ours.engine.backend.open_program(program)
    with program.precision():
        return foreign.cuts(taken, (), None, "ours")


def step_places(walk: Pairing, parting: Parting, sides: Sequence[tuple[str, Facing]],
                inputs: Any, instead: Iterable[Mapping[int, Array]]) -> list[Place]:  # fmt: skip
    """Return a step of one file beside what the other gives in its place.

    sides: the name and the file of each. instead: of what the step gives, what the other may give.
    """
    step = next(each for each in walk.steps if each.number == parting.step)
    taken = [
        number
        for each in step.inputs
        for number in walk.ways.numbers.get(str(each), ())
        if is_in_place(walk.trace.values[number], walk.values[each], ALIKE)
    ]
    (first, mine), (second, theirs) = sides
    places = []
    for given in instead:
        for number, array in given.items():
            for other in numbers_of(walk.trace, array, walk.prints.of(array)):
                own = partial(mine.cuts, inputs, step.inputs, number, first, True)
                cuts = partial(theirs.cuts, inputs, taken, other, second)
                places.append(
                    Place("", (Part(first, mine.label, own), Part(second, theirs.label, cuts)))
                )
    return places


OUTPUTS = ("forward", "range", "dynamic_shape", "export")
"""Kinds of checks that a reproduction shows: of what a network gives."""


def reproduced(
    report: Report, places: Sequence[Place], folder: Folder, title: str, command: str,
    seconds: float,
) -> Reproduced:  # fmt: skip
    """Write what shows a difference of outputs, or return why there is none."""
    failed = [check for check in report.checks if not check.passed]
    if not failed:
        return Reproduced("no difference was found")
    if not any(check.kind in OUTPUTS for check in failed):
        kinds = ", ".join(dict.fromkeys(report.titles[check.kind] for check in failed))
        return Reproduced(f"the outputs do not differ, which a part would show, but: {kinds}")
    if not places:
        return Reproduced("nothing that differs can be computed alone")
    faults: Sequence[Any] = getattr(report, "faults", ())
    said = str(faults[0]["told"]) if faults and isinstance(faults[0], dict) else ""
    said = said or difference(failed[0], report.titles)
    told = [replace(each, told=each.told or said) for each in places]
    return reproduce(
        told, folder, title=title, versions=report.versions, command=command, seconds=seconds
    )
