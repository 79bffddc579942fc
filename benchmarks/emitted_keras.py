"""Emitted Keras against twins written by hand: a forward pass, and a training step.

The twin of the convolutional network takes its images channels last, as Keras users feed them;
the emitted one takes them as the spec declares, channels first, and pays for its transposes here.
"""

from __future__ import annotations

from time import process_time
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measure import Action, Figure, Times, interleaved, ratio
from benchmarks.twins import keras_digits_cnn, keras_digits_mlp
from nnspec.backend import Compiled, Options, get_backend
from nnspec.network.loader import load

if TYPE_CHECKING:
    from nnspec.backend import Array

TARGET = 1.03
BATCH = 32
BUILDS = 4
"""Where the memory of a network happens to lie can cost a few percent: each is built anew."""
ROUNDS = 61

TWINS: dict[str, ModuleType] = {"digits_cnn": keras_digits_cnn, "digits_mlp": keras_digits_mlp}


def run() -> list[Figure]:
    """Return two figures for each network."""
    import tensorflow as tf

    # Threads would wait for one another on a busy machine, and hide what Keras itself costs.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return [figure for name in TWINS for figure in _compare(name)]


def _compare(name: str) -> list[Figure]:
    compiled = get_backend("keras").compile(load(f"specs/{name}.yaml"), Options(training=True))
    forward, step = Times(), Times()
    for _ in range(BUILDS):
        _measure(compiled, TWINS[name].build(), forward, step)
    return [
        ratio(f"keras {name}: forward", forward["ours"], forward["twin"], TARGET),
        ratio(f"keras {name}: training step", step["ours"], step["twin"], TARGET),
    ]


def _measure(compiled: Compiled, twin: Any, forward: Times, step: Times) -> None:
    import keras

    program: Any = compiled.build()
    model = program.model
    twin.set_weights([_of_channels_last(array) for array in model.get_weights()])
    predictor = keras.Sequential([twin, keras.layers.Softmax()])

    shape: tuple[Any, ...] = next(iter(compiled.spec.graph.inputs.values())).shape
    rng = np.random.default_rng(0)
    x = rng.normal(size=(BATCH, *shape)).astype("float32")
    twin_x = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    target = rng.integers(0, 10, BATCH)

    actions: dict[str, Action] = {
        "ours": lambda: model.predict_on_batch(x),
        "twin": lambda: predictor.predict_on_batch(twin_x),
    }
    np.testing.assert_allclose(actions["ours"](), actions["twin"](), rtol=1e-4, atol=1e-5)
    forward.add(interleaved(actions, rounds=ROUNDS, at_least=0.004, clock=process_time))

    trained = program.trained
    twin.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    actions = {
        "ours": lambda: trained.train_on_batch(x, target),
        "twin": lambda: twin.train_on_batch(twin_x, target),
    }
    step.add(interleaved(actions, rounds=ROUNDS, at_least=0.008, clock=process_time))


def _of_channels_last(array: Array) -> Array:
    """Return the weights of the dense layer after `flatten` for an image with its channels last."""
    if array.shape != (32 * 4 * 4, 64):
        return array
    return array.reshape(32, 4, 4, 64).transpose(1, 2, 0, 3).reshape(array.shape)
