"""The device that TensorFlow computes on: the GPUs that it sees, or the processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from nnspec.errors import UsageError


@contextmanager
def rounding_factors(asked: str) -> Iterator[None]:
    """Let a GPU round factors to TF32 or not. asked: "on", "off", or "default": it does."""
    if asked == "default":
        yield
        return
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(asked == "on")
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def place_on(asked: str) -> str:
    """Let TensorFlow compute on a kind of device in this process, and return it.

    asked: "cpu", "cuda", or "auto", a GPU where TensorFlow sees one. Raises UsageError where it is
    not there, and for "mps", which TensorFlow does not name.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if asked == "cpu" and gpus:
        try:
            tf.config.set_visible_devices([], "GPU")
        except RuntimeError:
            raise UsageError(
                "TensorFlow has begun to compute on a GPU in this process: ask for the device cpu "
                "in a new one"
            ) from None
    if asked == "cuda" and not gpus:
        raise UsageError(
            f"there is no device cuda for TensorFlow {tf.__version__}: it sees no GPU; with one, "
            'pip install "tensorflow[and-cuda]" (https://www.tensorflow.org/install/pip); there '
            "is: cpu"
        )
    if asked == "cuda" and not tf.config.get_visible_devices("GPU"):
        raise UsageError(
            "TensorFlow was told to compute on the processor in this process: ask for the device "
            "cuda in a new one"
        )
    if asked == "mps":
        raise UsageError(
            "there is no device mps for TensorFlow, in which a GPU of Apple's has no name of its "
            "own: take auto, or the backend torch"
        )
    if asked == "auto":
        return "cuda" if tf.config.get_visible_devices("GPU") else "cpu"
    return asked
