"""The steps of one file, each computed alone with tensors of another, in the place of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend.foreign import Described, Step, Trace, Unit, View
from nnspec.judge.facing import Facing
from nnspec.judge.sources import Source
from nnspec.judge.ways import Ways
from nnspec.layers import LAYERS

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights


@dataclass(frozen=True, slots=True)
class Node:
    """A step as `Ways` asks for a layer. inputs: the numbers of values, as texts."""

    inputs: tuple[str, ...]
    layer: Any


@dataclass(slots=True)
class Sought:
    """The parameters of the units, by the names that maps have for them."""

    weights: dict[str, Array]
    fixed: frozenset[str] = field(default_factory=frozenset)
    unfed: frozenset[str] = field(default_factory=frozenset)


def viewed(view: View, array: Array) -> Array:
    """Return a parameter, or its gradient, of the tensor's."""
    return Source(view.tensor, view.shape, view.axes, view.part).taken(array)


def put(view: View, array: Array, into: Array) -> None:
    """Set the part of a tensor that a parameter is."""
    target = np.transpose(into, view.axes)
    which, count = view.part
    if count > 1:
        size = target.shape[0] // count
        target = target[which * size : (which + 1) * size]
    target[...] = array.reshape(target.shape)


class Units:
    """The units of a file: what they hold, and what they give with other tensors.

    views: every parameter by name. trace: a run with the file's own tensors.
    """

    def __init__(self, facing: Facing, described: Described, inputs: Mapping[str, Array]) -> None:
        self.facing = facing
        self.inputs = inputs
        self.trace, units = facing.units(inputs)
        learned = {each.name for each in described.held if each.is_learned}
        self.learned = learned
        self.at: dict[int, Unit] = {}
        self.views: dict[str, View] = {}
        self.tensors = {name: np.array(each) for name, each in facing.foreign.weights().items()}
        for unit in units:
            views = tuple(each for each in unit.views if self._is_sought(each))
            self.at[unit.step] = Unit(unit.step, views, unit.kind, unit.epsilon)
            self.views |= {each.name: each for each in views}
        # Where nothing says which tensors are learned, all may be.
        self.needed = {
            name
            for name, each in self.views.items()
            if each.tensor in learned or not learned or each.own.startswith("running_")
        }
        self.sought = Sought(
            {name: viewed(each, self.tensors[each.tensor]) for name, each in self.views.items()}
        )
        self._own = {name: each.copy() for name, each in self.tensors.items()}

    def _is_sought(self, view: View) -> bool:
        array = self.tensors.get(view.tensor)
        if array is None or array.dtype.kind != "f":
            return False
        # One number that nothing says to be learned may be a constant, as a scale of attention.
        return array.size > 1 or view.tensor in self.learned or view.own == "bias"

    def own(self) -> Weights:
        """Return the tensors that the file itself holds."""
        return {name: each.copy() for name, each in self._own.items()}

    def reset(self) -> None:
        """Take the file's own tensors again."""
        self.load({name: viewed(each, self._own[each.tensor]) for name, each in self.views.items()})

    def load(self, parameters: Mapping[str, Array]) -> None:
        """Set parameters by name."""
        changed: dict[str, Array] = {}
        for name, array in parameters.items():
            view = self.views[name]
            put(view, array, self.tensors[view.tensor])
            changed[view.tensor] = self.tensors[view.tensor]
            self.sought.weights[name] = np.asarray(array)
        if changed:
            self.facing.foreign.load(changed)

    def node(self, step: Step) -> Node:
        """Return a step as a layer whose parameters are looked for."""
        unit = self.at.get(step.number)
        layer: Any = None
        if unit is not None and unit.kind == "batch_normalization":
            layer = LAYERS[unit.kind].model_validate({"type": unit.kind, "epsilon": unit.epsilon})
        elif unit is not None and unit.kind:
            layer = LAYERS[unit.kind].model_validate({"type": unit.kind, "units": 1})
        return Node(tuple(map(str, step.inputs)), layer)

    def compute(
        self, steps: Sequence[Step], values: Mapping[int, Array], variant: str = ""
    ) -> dict[int, Array]:
        """Return what steps give in order, of these values."""
        made = {number for step in steps for number in step.outputs}
        taken = {number for step in steps for number in step.inputs} - made
        taken |= set(steps[0].inputs)
        given = {number: values[number] for number in taken if number in values}
        return self.facing.foreign.compute([each.number for each in steps], given, variant)

    def run_again(self) -> None:
        """Let the file know its steps again, after another has asked it for them."""
        self.facing.units(self.inputs)

    def anew(self) -> Trace:
        """Return a run with the tensors that are loaded now."""
        return self.facing.units(self.inputs)[0]


class UnitWays(Ways):
    """Ways to fill a unit. Where a file does not hold what it takes, what that was made of counts.

    makers: of each value of the units, what it is made of.
    """

    makers: Mapping[str, Sequence[str]]

    def taken_by(self, node: Any) -> set[int]:
        """Return the numbers of the values of the run that a unit takes, or what comes before."""
        front, met = list(node.inputs), set(node.inputs)
        found: set[int] = set()
        while front and not found:
            found = {number for value in front for number in self.numbers.get(value, ())}
            after = [each for value in front for each in self.makers.get(value, ())]
            front = [each for each in dict.fromkeys(after) if each not in met]
            met.update(front)
        return found
