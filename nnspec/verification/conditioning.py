"""The outputs of a network under rounding within its layers.

Perturbing parameters and inputs does not show where a formula subtracts: x - tanh(x) of a small x,
or a normalisation of values that hardly vary, loses what is relative to x, and not to the result.
So the network is opened, and to each value a small number is added: what its layer's own formula
may be off by.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.layers import (
    Add,
    Argmax,
    Argsort,
    Cast,
    Ceil,
    Floor,
    Layer,
    Multiply,
    Round,
    Sign,
    Subtract,
    TopK,
)
from nnspec.layers.fields import FLOAT32_MAX
from nnspec.layers.logic import Comparison
from nnspec.layers.reduction import Reduction
from nnspec.layers.rows import MergeRows
from nnspec.layers.shapes import Shape, TensorType
from nnspec.network.graph import Graph, LayerNode, inline
from nnspec.network.loader import Spec
from nnspec.network.opened import all_values, as_spec, flat
from nnspec.verification.engines import SourceEngine
from nnspec.verification.inner import INNER, SQUARING
from nnspec.verification.samples import sizes_of
from nnspec.verification.slopes import SLOPES
from nnspec.verification.tolerance import EXACT, SAFETY, UNIT_ROUNDOFF, relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights


_STEPS = (Comparison, Floor, Ceil, Round, Sign)
_CHOICES = (Argmax, Argsort, Cast, TopK)
DECIDING = (*_CHOICES, *_STEPS)
"""Layers in which rounding decides between whole numbers, or truths."""


class Noisy:
    """An opened network in which a number of an input of its own is added to each value.

    bends: whether to what a layer of SLOPES gives is also added c · (x - x0), with its input x and
    two more inputs: 0 where x0 is x, with a derivative of c. unmoved: values that stay as they are.
    """

    def __init__(self, graph: Graph, *, bends: bool = False, unmoved: Collection[str] = ()) -> None:
        self.bends = bends
        self.unmoved = unmoved
        self.opened = all_values(graph)
        self.steps = {
            value: at.steps_given for at in self.opened.walk() for value in at.node.outputs
        }
        """Value -> the axes that are among its rows."""
        self.nodes: list[LayerNode] = []
        self.types = dict(self.opened.types)
        self.added: dict[str, str] = {}
        """Value -> the input that is added to it."""
        self.sums: dict[str, str] = {}
        """Value -> what stands for it with that added."""
        self.fed: dict[str, Shape] = {}
        """Each of these inputs, and those of `bent` -> its shape."""
        self.bent: dict[str, tuple[str, str]] = {}
        """Value -> the inputs c and x0."""
        self.computed: dict[str, tuple[str, str, Layer, tuple[str, ...]]] = {}
        """Value -> the layer that gives it: its node, whose weights it has, itself, its inputs."""
        self.taken = set(self.types) | {node.name for node in self.opened.nodes}
        for node in self.opened.nodes:
            assert isinstance(node, LayerNode)
            self._place(node)

    def network(self, *outputs: str) -> Graph:
        """Return the network: its outputs are all values, and these with what is added."""
        inputs = {
            **self.opened.inputs,
            **{name: TensorType(self.fed[name]) for name in self.added.values()},
            **{name: TensorType(self.fed[name]) for names in self.bent.values() for name in names},
        }
        return dataclasses.replace(
            self.opened,
            inputs=inputs,
            nodes=tuple(self.nodes),
            types={**self.types, **inputs},
            outputs=outputs or (*self.computed, *self.sums.values()),
        )

    def _place(self, node: LayerNode) -> None:
        inputs, activation = node.inputs, node.layer.output_activation
        node = node._replace(inputs=tuple(self.sums.get(v, v) for v in inputs))
        opens = type(activation) in INNER or (self.bends and type(activation) in SLOPES)
        if activation is None or not opens:
            self._add(node, node.layer, inputs)
            return
        # What it is applied to is a value of its own.
        inner = self._free(f"{node.outputs[0]}_linear")
        self.types[inner] = self.types[node.outputs[0]]
        plain = node.layer.model_copy(update={"activation": None})
        outputs = (inner, *node.outputs[1:])
        self._add(node._replace(layer=plain, outputs=outputs), plain, inputs)
        name = self._free(f"{node.name}_activation")
        bent = LayerNode(name, activation, (self.sums[inner],), node.outputs[:1])
        self._add(bent, activation, (inner,), of=node.name)

    def _add(
        self, node: LayerNode, layer: Layer, inputs: tuple[str, ...], *, of: str | None = None
    ) -> None:
        self.nodes.append(node)
        # Arrays have numbers where a shape has names.
        numbered = layer
        if isinstance(layer, Reduction):
            numbered = layer.by_number(self.types[inputs[0]].shape)
        for value in node.outputs:
            self.computed[value] = (of or node.name, node.owner or node.name, numbered, inputs)
            if self.types[value].dtype == "float32" and value not in self.unmoved:
                self.added[value] = self._free(f"{value}_noise")
                terms = [value, self._fed(value, self.added[value])]
                if self.bends and type(layer) in SLOPES:
                    terms.append(self._bend(value, node.inputs[0]))
                self.sums[value] = self._computed(value, "moved", Add(), *terms)

    def _bend(self, value: str, taken: str) -> str:
        """Return a value of 0 that has a derivative of its own."""
        slope, origin = self._free(f"{value}_slope"), self._free(f"{value}_origin")
        self.bent[value] = slope, origin
        return self._computed(
            value,
            "bend",
            Multiply(),
            self._fed(value, slope),
            self._computed(value, "off", Subtract(), taken, self._fed(value, origin)),
        )

    def _fed(self, value: str, name: str) -> str:
        """Return what stands for an input in the rows of a value."""
        steps = self.steps.get(value, ())
        shape = self.fed[name] = (*steps, *self.types[value].shape)
        for i in range(len(steps)):
            rows = self._free(f"{name}_rows")
            self.types[rows] = TensorType(shape[i + 1 :])
            self.nodes.append(LayerNode(rows, MergeRows(), (name,), (rows,)))
            name = rows
        return name

    def _computed(self, value: str, suffix: str, layer: Layer, *taken: str) -> str:
        name = self._free(f"{value}_{suffix}")
        self.types[name] = self.types[value]
        self.nodes.append(LayerNode(name, layer, taken, (name,)))
        return name

    def _free(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name


class Ties:
    """Numbers that a network compares, and how far rounding moves them.

    Two that are nearly equal may be equal by rounding, which no random move makes them.
    compared: each value that says how two numbers compare -> the two, or one and a constant.
    """

    def __init__(self, noisy: Noisy, values: Mapping[str, Array]) -> None:
        self.compared = {
            value: (layer, taken)
            for value, (_, _, layer, taken) in noisy.computed.items()
            if isinstance(layer, Comparison)
        }
        self._sums = noisy.sums
        self._values = values
        self._moved: dict[str, Array] = {}

    def add(self, moved: Mapping[str, Array]) -> None:
        """Note how far the numbers are moved in one draw."""
        for _, taken in self.compared.values():
            for name in taken:
                if name in self._sums:
                    off = np.abs(moved[self._sums[name]] - self._values[name])
                    before = self._moved.get(name)
                    self._moved[name] = off if before is None else np.maximum(before, off)

    def found(self) -> dict[str, Array]:
        """Return where two numbers that are not equal are no further apart than rounding moves."""
        return {value: self._near(*each) for value, each in self.compared.items()}

    def _near(self, layer: Comparison, taken: tuple[str, ...]) -> Array:
        rank = max(self._values[name].ndim for name in taken)
        numbers: list[Array] = []
        moves: list[Array] = []
        for name in taken:
            array = self._values[name].astype(np.float64)
            # As layers spread them: the axes of a row meet from the last one on.
            shape = (len(array), *(1,) * (rank - array.ndim), *array.shape[1:])
            numbers.append(array.reshape(shape))
            moves.append(self._moved.get(name, np.zeros(array.shape)).reshape(shape))
        apart = np.abs(numbers[0] - (numbers[1] if len(taken) > 1 else layer.value or 0.0))
        near: Array = (apart > 0) & (apart <= SAFETY * sum(moves))
        return near


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
        self, inputs: Mapping[str, Array], unit: float, draws: Iterable[np.random.Generator]
    ) -> dict[str, Array]:
        """Return for each output that compares two numbers where rounding by this unit decides.

        Nothing where what is compared is made of what rounding decides itself.
        """
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
        near = ties.found()
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
                    large = (np.abs(array) > FLOAT32_MAX).reshape(rows, -1).any(axis=1)
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
