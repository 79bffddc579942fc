"""`nnspec train --backend keras` and the emitted script, by `fit` of a network written by hand."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from benchmarks import training
from benchmarks.measure import Action, Figure
from benchmarks.twins import keras_digits_cnn, keras_digits_mlp
from nnspec.backend import Options, get_backend
from nnspec.data.dataset import Dataset
from nnspec.emit.loading import load_source
from nnspec.network.loader import Spec

TWINS: dict[str, ModuleType] = {"digits_cnn": keras_digits_cnn, "digits_mlp": keras_digits_mlp}
TARGETS = {
    ("digits_mlp", "nnspec train"): 0.45,
    ("digits_cnn", "nnspec train"): 0.8,
    ("digits_mlp", "the emitted script"): 1.0,
    ("digits_cnn", "the emitted script"): 1.0,
}


def run() -> list[Figure]:
    """Return the figures of each network."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return training.figures("keras", _peers, TARGETS)


def _peers(spec: Spec, data: Dataset, name: str) -> dict[str, Action]:
    import keras

    settings = spec.model.training
    assert settings is not None
    assert data.validation is not None
    (column,) = spec.graph.inputs
    size = settings.batch_size
    emitted = load_source(get_backend("keras").compile(spec, Options(training=True)).source, name)
    network = emitted.compiled(getattr(emitted, name)())
    rows, target = data.train.inputs[column], data.train.target
    seen, wanted = data.validation.inputs[column], data.validation.target

    twin = TWINS[name].build()
    twin.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )

    def by_hand() -> None:
        twin.fit(
            _last(rows),
            target,
            batch_size=size,
            epochs=training.EPOCHS,
            validation_data=(_last(seen), wanted),
            verbose=0,
        )

    def script() -> None:
        network.fit(
            emitted.Batches(rows, target),
            epochs=training.EPOCHS,
            shuffle=False,
            validation_data=(seen, wanted),
            validation_batch_size=size,
            verbose=0,
        )

    return {"fit by hand": by_hand, "the emitted script": script}


def _last(images: Any) -> Any:
    """Return images channels last, as Keras users feed them."""
    return np.moveaxis(images, 1, -1) if images.ndim == 4 else images
