"""Builds and trains a generator and a discriminator that the Keras backend wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from nnspec.backend.paired import ROLES, Paired
from nnspec_keras.runtime import KerasProgram

if TYPE_CHECKING:
    from nnspec.backend import Array, Precision, Weights
    from nnspec.layers import Layer
    from nnspec.support.noise import Drawer
    from nnspec_keras.source import KerasNetworksSource


class KerasVersus(Paired[KerasProgram]):
    """The emitted networks with the optimizers of two; satisfies `nnspec.backend.versus.Versus`.

    In float64 the steps run as Python calls them: a graph takes longer to make than a few steps.
    """

    def __init__(
        self,
        compiled: KerasNetworksSource,
        weights: Mapping[str, Array] | None,
        dtype: Precision,
        drawers: Callable[[str], Mapping[str, tuple[Layer, Drawer]]],
    ) -> None:
        """`drawers` gives the random layers of each network."""

        def build(name: str, first: Mapping[str, Array]) -> KerasProgram:
            source, random = compiled.of(name), partial(drawers, name)
            return KerasProgram(source, first, dtype, lambda: compiled.source, random)

        super().__init__(compiled.networks, weights, build)
        self.compiled = compiled
        self.dtype = dtype
        with self.generator.precision():
            scores = getattr(self.emitted, "scores_of", _itself)(self.discriminator.model)
            self._networks = (self.generator.model, scores)
            for role, network in zip(ROLES, self._networks, strict=True):
                optimizer = getattr(self.emitted, f"make_{role}_optimizer")()
                optimizer.build(network.trainable_variables)
                program: Any = getattr(self, role)
                program.trained = SimpleNamespace(optimizer=optimizer)

    def step(self, role: str, *rows: Array) -> float:
        """Take the emitted step of the network of a role; return its loss before it."""
        program: KerasProgram = getattr(self, role)
        step = getattr(self.emitted, f"{role}_step")
        if self.dtype == "float64":
            step = step.python_function
        draws = (each.drawing() for each in (self.generator, self.discriminator))
        with ExitStack() as stack:
            for context in (program.precision(), *draws):
                stack.enter_context(context)
            given = (tf.convert_to_tensor(np.asarray(array, self.dtype)) for array in rows)
            return float(step(*self._networks, program.optimizer, *given))

    def gradients_left(self, model: str) -> Weights:
        """Return none: a tape keeps them to itself."""
        return {}


def _itself(network: keras.Model) -> keras.Model:
    return network
