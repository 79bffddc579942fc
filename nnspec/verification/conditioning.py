"""The outputs of a network under rounding within its layers.

Perturbing parameters and inputs does not show where a formula subtracts: x - tanh(x) of a small x,
or a normalisation of values that hardly vary, loses what is relative to x, and not to the result.
So the network is opened, and to each value a small number is added: what its layer's own formula
may be off by.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.layers import (
    Argmax,
    Argsort,
    Cast,
    Ceil,
    Floor,
    Round,
    Sign,
    TopK,
)
from nnspec.layers.fields import FLOAT32_MAX
from nnspec.layers.logic import Comparison
from nnspec.network.graph import inline
from nnspec.network.loader import Spec
from nnspec.network.opened import as_spec, flat
from nnspec.verification.engines import SourceEngine
from nnspec.verification.inner import INNER, SQUARING
from nnspec.verification.noisy import Noisy
from nnspec.verification.samples import sizes_of
from nnspec.verification.ties import Ties
from nnspec.verification.tolerance import EXACT, UNIT_ROUNDOFF, relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights


_STEPS = (Comparison, Floor, Ceil, Round, Sign)
_CHOICES = (Argmax, Argsort, Cast, TopK)
DECIDING = (*_CHOICES, *_STEPS)
"""Layers in which rounding decides between whole numbers, or truths."""


class Conditioning:
    """A network with what its layers' formulas round, in double precision.

    worst, loss: the layer that loses most of what was measured last, and how much larger than its
    result the numbers are of which that is left.
    """

    def __init__(
        self,
        engine: SourceEngine,
        spec: Spec,
        weights: Weights,
        *,
        bends: bool = False,
        unmoved: Collection[str] = (),
    ) -> None:
        self.graph = spec.graph
        self.noisy = Noisy(spec.graph, bends=bends, unmoved=unmoved)
        self.paths = {flat(at.path): at.path for at in spec.graph.walk()}
        self.names = {
            f"{at.path}.{parameter.name}": f"{flat(at.path)}.{parameter.name}"
            for at in spec.graph.walk()
            for parameter in at.parameters()
        }
        """Parameters of the network -> of the opened one."""
        self._own: dict[str, list[tuple[str, str]]] = {}
        for at in spec.graph.walk():
            self._own.setdefault(flat(at.path), []).extend(
                (each.name, f"{at.path}.{each.name}") for each in at.parameters()
            )
        self.weights = weights
        opened = as_spec(spec, self.noisy.network(), is_trained=False)
        self.program = engine.build(opened, self.named(weights), "float64")
        self.worst, self.loss = "", 0.0

    def named(self, weights: Weights) -> Weights:
        """Return weights by the names of the opened network."""
        return {name: weights[path] for path, name in self.names.items()}

    def own(self, home: str) -> dict[str, Array]:
        """Return the weights of a layer of the opened network."""
        return {name: self.weights[path] for name, path in self._own.get(home, ())}

    @property
    def loses(self) -> bool:
        """Whether a layer's formula may lose more than rounds its result."""
        return any(type(layer) in INNER for _, _, layer, _ in self.noisy.computed.values())

    def moved(
        self,
        inputs: Mapping[str, Array],
        unit: float,
        draws: Iterable[np.random.Generator],
        *,
        by_row: bool = False,
    ) -> Iterator[tuple[dict[str, Array], dict[str, Array]]]:
        """Yield the outputs, and the outputs where every layer's formula rounds by this unit.

        by_row: all that is added to a row has one sign, and results themselves do not round, so
        that equal elements stay equal. Raises RuntimeError where the outputs are random: that is
        no rounding.
        """
        self.worst, self.loss = "", 0.0
        rows = len(next(iter(inputs.values())))
        values = self._values(inputs)
        sizes = self._sizes(inputs, values, unit, is_rounded=not by_row)
        expected = self._outputs(values)
        if relative_error(self._outputs(self._values(inputs)), expected) > EXACT:
            raise RuntimeError("the same inputs give other outputs")
        for draw in draws:
            noise = {}
            for name, size in sizes.items():
                shape = (rows, *(1,) * (size.ndim - 1)) if by_row else size.shape
                noise[name] = size * (draw.integers(0, 2, shape) * 2.0 - 1.0)
            yield expected, self._outputs(self.program.forward({**inputs, **noise}))

    def undecided(
        self, inputs: Mapping[str, Array], unit: float, draws: Iterable[np.random.Generator]
    ) -> tuple[Array, Array]:
        """Return the rows in which rounding by this unit decides what is true, or what is chosen.

        A number that may as well be 0, or another to which it is compared, decides what is true,
        and one near a step where it falls; an argmax, an order, and a cast to whole numbers,
        choose.
        """
        rows = len(next(iter(inputs.values())))
        truths, choices = np.zeros(rows, bool), np.zeros(rows, bool)
        jumps = {
            value: taken[0]
            for value, (_, _, layer, taken) in self.noisy.computed.items()
            if isinstance(layer, _STEPS)
            or (isinstance(layer, _CHOICES) and self.noisy.types[value].dtype != "float32")
        }
        if not jumps:
            return truths, choices
        values = self._values(inputs)
        sizes = self._sizes(inputs, values, unit, is_rounded=True)
        ties = Ties(self.noisy, values)
        for draw in draws:
            moved = self._noisy(inputs, sizes, draw)
            ties.add(moved)
            for value, taken in jumps.items():
                if isinstance(self.noisy.computed[value][2], _STEPS):
                    other = moved[value] != values[value]
                    truths |= other.reshape(rows, -1).any(axis=1)
                elif values[value].dtype.kind != "b":
                    other = moved[value] != values[value]
                    choices |= other.reshape(rows, -1).any(axis=1)
                elif taken in self.noisy.sums:
                    change = np.abs(moved[self.noisy.sums[taken]] - values[taken])
                    other = (change > 0) & (change >= np.abs(values[taken]))
                    truths |= other.reshape(rows, -1).any(axis=1)
        for near in ties.found().values():
            truths |= near.reshape(rows, -1).any(axis=1)
        return truths, choices

    def undecided_elements(
        self, inputs: Mapping[str, Array], unit: float, draws: Iterable[np.random.Generator], *,
        is_wide: bool = False,
    ) -> dict[str, Array]:  # fmt: skip
        """Return for each output that compares two numbers where rounding by this unit decides.

        Nothing where what is compared is made of what rounding decides itself. is_wide: also where
        the numbers are not far apart, so that rounding surely decides nothing elsewhere.
        """
        if not any(
            isinstance(layer, Comparison) for _, _, layer, _ in self.noisy.computed.values()
        ):
            return {}
        values = self._values(inputs)
        sizes = self._sizes(inputs, values, unit, is_rounded=True)
        ties = Ties(self.noisy, values)
        flipped = {value: np.zeros(values[value].shape, bool) for value in ties.compared}
        steps = [
            value
            for value, (_, _, layer, _) in self.noisy.computed.items()
            if isinstance(layer, DECIDING) and value not in flipped
        ]
        for draw in draws:
            moved = self._noisy(inputs, sizes, draw)
            ties.add(moved)
            for value, found in flipped.items():
                found |= moved[value] != values[value]
            if any((moved[value] != values[value]).any() for value in steps):
                return {}
        near = ties.within_reach() if is_wide else ties.reached()
        undecided = {value: found | near[value] for value, found in flipped.items()}
        names = [flat(name) for name in inline(self.graph).outputs]
        ends = dict(zip(self.graph.outputs, names, strict=True))
        if any(found.any() for value, found in undecided.items() if value not in ends.values()):
            return {}
        return {output: undecided[name] for output, name in ends.items() if name in undecided}

    def values(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the inputs, and what each layer gives, in the order of computation."""
        found = self._values(inputs)
        return {name: found[name] for name in (*inputs, *self.noisy.computed)}

    def moved_values(
        self, inputs: Mapping[str, Array], unit: float, draw: np.random.Generator
    ) -> dict[str, Array]:
        """Return the same where every layer's formula rounds by this unit."""
        sizes = self._sizes(inputs, self._values(inputs), unit, is_rounded=True)
        moved = self._noisy(inputs, sizes, draw)
        computed = {name: moved[self.noisy.sums.get(name, name)] for name in self.noisy.computed}
        return {**inputs, **computed}

    def _sizes(
        self,
        inputs: Mapping[str, Array],
        values: Mapping[str, Array],
        unit: float,
        *,
        is_rounded: bool,
    ) -> dict[str, Array]:
        """Return the most of what is added to each value."""
        zeros = self.silent(inputs)
        return {
            name: self.size(value, values, unit, is_rounded=is_rounded).reshape(zeros[name].shape)
            for value, name in self.noisy.added.items()
        }

    def _noisy(
        self, inputs: Mapping[str, Array], sizes: Mapping[str, Array], draw: np.random.Generator
    ) -> dict[str, Array]:
        noise = {
            name: size * (draw.integers(0, 2, size.shape) * 2.0 - 1.0)
            for name, size in sizes.items()
        }
        return self.program.forward({**inputs, **noise})

    def beyond_float32(self, inputs: Mapping[str, Array]) -> tuple[Array, str]:
        """Return the rows with numbers that float32 does not hold, and the layer of the first."""
        rows = len(next(iter(inputs.values())))
        values = self._values(inputs)
        beyond = np.zeros(rows, bool)
        where = ""
        for value, (node, _, layer, taken) in self.noisy.computed.items():
            numbers = [values[value]]
            if isinstance(layer, SQUARING):
                with np.errstate(over="ignore"):
                    numbers.append(np.square(values[taken[0]]))
            for array in numbers:
                if array.dtype.kind == "f":
                    is_large = np.isfinite(array) & (np.abs(array) > FLOAT32_MAX)
                    large = is_large.reshape(rows, -1).any(axis=1)
                    where = where or (self.paths[node] if large.any() else "")
                    beyond |= large
        return beyond, where

    def _values(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return every value of the network, its inputs too."""
        return {**inputs, **self.program.forward({**inputs, **self.silent(inputs)})}

    def silent(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return zeros for all that is added."""
        rows = len(next(iter(inputs.values())))
        axes = {
            size: number
            for name, kind in self.graph.inputs.items()
            for size, number in zip(kind.shape, inputs[name].shape[1:], strict=True)
            if isinstance(size, str)
        }
        names = *self.noisy.added.values(), *itertools.chain(*self.noisy.bent.values())
        return {name: np.zeros((rows, *sizes_of(self.noisy.fed[name], axes))) for name in names}

    def size(
        self, value: str, values: Mapping[str, Array], unit: float, *, is_rounded: bool
    ) -> Array:
        """Return the most that a value is off by where a formula rounds by this unit."""
        node, home, layer, taken = self.noisy.computed[value]
        result = np.abs(values[value])
        size: Array = unit * result if is_rounded else np.zeros(result.shape)
        if type(layer) in INNER:
            inner = INNER[type(layer)](
                layer, values[taken[0]], self.own(home), self.graph.data_format
            )
            size = size + unit * inner
            loss = float(np.max(inner, initial=0.0)) / max(float(result.max(initial=0.0)), 1e-300)
            if loss > self.loss:
                self.worst, self.loss = self.paths[node], loss
        # A number so small may be 0 instead.
        least = np.finfo(np.float32 if unit == UNIT_ROUNDOFF else np.float64).tiny
        size = size + np.where(result > 0, float(least), 0.0)
        # What is added is an input, which float32 holds; what is not finite stays so without it.
        return np.where(size <= FLOAT32_MAX, size, 0.0)

    def _outputs(self, values: Mapping[str, Array]) -> dict[str, Array]:
        names = [flat(name) for name in inline(self.graph).outputs]
        return {
            output: values[self.noisy.sums.get(name, name)]
            for output, name in zip(self.graph.outputs, names, strict=True)
        }
