"""The gradients of a network under rounding of its layers' results and derivatives.

To each value its layer's rounding is added, as for the outputs, and to each derivative what its
formula may be off by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nnspec.backend import Inspectable, Trainable
from nnspec.language.objectives import is_composed, with_names
from nnspec.language.optimizers.sgd import Sgd
from nnspec.language.regularization import Term
from nnspec.language.weighting import is_weighted
from nnspec.layers.fields import FLOAT32_MAX
from nnspec.network.activity import activities_of
from nnspec.network.graph import inline
from nnspec.network.heads import loss_head
from nnspec.network.loader import Spec
from nnspec.network.objectives import heads_of
from nnspec.network.opened import flat
from nnspec.network.regularization import Amounts, amounts_of
from nnspec.support.noise import QUIET
from nnspec.verification.conditioning import Conditioning
from nnspec.verification.engines import SourceEngine
from nnspec.verification.noise import feed
from nnspec.verification.slopes import SLOPES
from nnspec.verification.tolerance import DOUBLE_ROUNDOFF, EXACT, perturbed, relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array, Target, Weights

Gradients = tuple[float, "Weights"]
"""A loss, and its gradients."""


class Measured(NamedTuple):
    """A batch, and the values inside the network; noise: the seed of what random layers draw."""

    inputs: Mapping[str, Array]
    target: Target
    noise: int
    values: Mapping[str, Array]


class SlopeConditioning:
    """A network in training, with what its layers' formulas round."""

    def __init__(self, engine: SourceEngine, spec: Spec, weights: Weights) -> None:
        model = spec.model
        assert model.training is not None
        opened = map(flat, inline(spec.graph).outputs)
        outputs = dict(zip(spec.graph.outputs, opened, strict=True))
        # A loss of logits leaves the last activation out, if that is the last layer.
        unmoved = [outputs[name] for name in _left_out(spec)]
        self.values = Conditioning(engine, spec, weights, bends=True, unmoved=unmoved)
        self.noisy = self.values.noisy
        self.outputs = {name: self.noisy.sums.get(o, o) for name, o in outputs.items()}
        """By output of the network, that of the opened one."""
        graph = self.noisy.network(*self.outputs.values())
        model = with_names(model, self.outputs)
        assert model.training is not None
        self.penalised = amounts_of(spec.graph, spec.model.training)
        # Its parameters have other names: what they add to the loss is added here.
        activities = _activities(spec, self.noisy.sums)
        update: dict[str, object] = {"optimizer": Sgd(), "regularization": activities or None}
        if is_weighted(spec.model):
            update["mask"] = next(iter(spec.graph.inputs))  # its loss takes weights, whichever
        training = model.training.model_copy(update=update)
        trained = Spec(
            model.model_copy(update={"training": training, "data": None}), graph, spec.path
        )
        program = engine.build(trained, self.values.named(weights), "float64")
        assert isinstance(program, Trainable)
        self.program = program
        self._repeats = False

    def at(
        self, weights: Weights, inputs: Mapping[str, Array], target: Target, noise: int = QUIET
    ) -> Measured:
        """Return a batch whose gradients are to be measured with these weights.

        noise: the seed of what random layers draw. Raises RuntimeError where gradients are random
        all the same: that is no rounding.
        """
        self.values.weights = weights
        named = self.values.named(weights)
        self.program.load_weights(named)
        measured = Measured(inputs, target, noise, self._values(named, inputs, noise))
        if not self._repeats:
            first, second = self.exact(measured)[1], self.exact(measured)[1]
            if relative_error(second, first) > EXACT:
                raise RuntimeError("the same inputs give other gradients")
            self._repeats = True
        return measured

    def exact(self, measured: Measured) -> Gradients:
        """Return loss and gradients where no formula is made to round."""
        inputs = measured.inputs
        return self._gradients({**inputs, **self.values.silent(inputs)}, measured)

    def moved(
        self, measured: Measured, draw: np.random.Generator, *, of_results: bool = True
    ) -> Gradients:
        """Return loss and gradients where formulas round in double precision.

        measured: what `at` has returned last. of_results: whether results and inputs round too, and
        not derivatives alone; where values are exactly at a kink, all rows have the same there, and
        what they round is the same.
        """
        inputs, values = measured.inputs, measured.values
        rounded = {**inputs, **self.values.silent(inputs)}
        if of_results:
            rounded |= {name: perturbed(a, DOUBLE_ROUNDOFF, draw) for name, a in inputs.items()}
            for value, name in self.noisy.added.items():
                size = self.values.size(value, values, DOUBLE_ROUNDOFF, is_rounded=True)
                rounded[name] = (size * _signs(size, draw)).reshape(rounded[name].shape)
        for value, (slope, origin) in self.noisy.bent.items():
            _, home, layer, taken = self.noisy.computed[value]
            x = values[taken[0]]
            size = DOUBLE_ROUNDOFF * SLOPES[type(layer)](
                layer, x, values[value], self.values.own(home), self.values.graph.data_format
            )
            shape = rounded[slope].shape
            signs = _signs(size if of_results else size[:1], draw)
            slopes = np.where(size <= FLOAT32_MAX, size, 0.0) * signs
            rounded[slope] = slopes.reshape(shape)
            rounded[origin] = np.where(np.abs(x) <= FLOAT32_MAX, x, 0.0).reshape(shape)
        return self._gradients(rounded, measured)

    def _values(self, named: Weights, inputs: Mapping[str, Array], noise: int) -> dict[str, Array]:
        program = self.values.program
        assert isinstance(program, Inspectable)
        program.load_weights(named)
        feed(program, noise)
        outputs = program.training_outputs({**inputs, **self.values.silent(inputs)})
        return {**inputs, **outputs}

    def _gradients(self, inputs: Mapping[str, Array], measured: Measured) -> Gradients:
        feed(self.program, measured.noise)
        target = measured.target
        if isinstance(target, Mapping):
            target = {self.outputs.get(name, name): each for name, each in target.items()}
        loss, gradients = self.program.gradients(inputs, target)
        paths = {name: path for path, name in self.values.names.items()}
        found = {paths[name]: array for name, array in gradients.items()}
        for path, amounts in self.penalised.items():
            weight = self.values.weights[path]
            loss += amounts.l1 * float(np.abs(weight).sum()) + amounts.l2 * float((weight**2).sum())
            if path in found:
                found[path] = found[path] + amounts.l1 * np.sign(weight) + 2 * amounts.l2 * weight
        return loss, found


def _activities(spec: Spec, sums: Mapping[str, str]) -> tuple[Term, ...]:
    """Return the terms of activations, by the names that layers have in the opened network.

    sums: by value, what stands for it where it is made to round.
    """
    found = activities_of(spec.graph, spec.model.training)
    factors: dict[str, Amounts] = {}
    for at in spec.graph.walk() if found else ():
        if at.home in found:
            prefix = at.path.removesuffix(at.node.name)
            values = [flat(prefix + value) for value in at.node.outputs]
            names = [sums.get(value, flat(at.home)) for value in values]
            factors |= dict.fromkeys(names, found[at.home])
    return (
        *(Term(type="l1", factor=a.l1, activity=(name,)) for name, a in factors.items() if a.l1),
        *(Term(type="l2", factor=a.l2, activity=(name,)) for name, a in factors.items() if a.l2),
    )


def _left_out(spec: Spec) -> tuple[str, ...]:
    """Return the outputs whose last activation the loss leaves out."""
    if is_composed(spec.model):
        return tuple(heads_of(spec.model, spec.graph))
    return spec.graph.outputs if loss_head(spec.model, spec.graph) is not None else ()


def _signs(size: Array, draw: np.random.Generator) -> Array:
    signs: Array = draw.integers(0, 2, size.shape) * 2.0 - 1.0
    return signs
