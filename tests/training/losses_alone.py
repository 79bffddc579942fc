"""The losses as the source backends write them, called without a network around them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

import nnspec_keras.emitted.losses
import nnspec_keras.losses
import nnspec_torch.losses
from nnspec.emit.training import LossBody, indented
from nnspec.language.losses import Loss

Array = NDArray[Any]
Result = tuple[float, Array]
"""A loss, and its gradient by what the network gives."""

_TABLES = {"torch": nnspec_torch.losses.LOSSES, "keras": nnspec_keras.losses.LOSSES}


def body_of(backend: str, loss: Loss, rank: int) -> LossBody:
    row = _TABLES[backend][type(loss)]
    return row if isinstance(row, LossBody) else row(loss, rank)


def _function(backend: str, loss: Loss, rank: int) -> Callable[[Any, Any], Any]:
    body = body_of(backend, loss, rank)
    lines = ["def loss_function(output, target):", *indented(body.lines)]
    named = {"torch": torch, "F": F, "math": math, "ops": keras.ops}
    named |= {name: getattr(nnspec_keras.emitted.losses, name) for name in body.uses}
    exec("\n".join(lines), named)  # noqa: S102  # our own text
    found: Callable[[Any, Any], Any] = named["loss_function"]  # type: ignore[assignment]
    return found


def in_torch(loss: Loss, output: Array, target: Array) -> Result:
    given = torch.tensor(output, dtype=torch.float64, requires_grad=True)
    wanted = torch.tensor(target)
    if wanted.is_floating_point():
        wanted = wanted.double()
    value = _function("torch", loss, output.ndim - 1)(given, wanted)
    assert value.dtype == torch.float64
    (gradient,) = torch.autograd.grad(value, given, materialize_grads=True)
    return float(value.detach()), gradient.numpy()


def in_keras(loss: Loss, output: Array, target: Array) -> Result:
    given = tf.constant(output, dtype="float64")
    wanted = tf.constant(target.astype("float64") if target.dtype.kind == "f" else target)
    with tf.GradientTape() as tape:
        tape.watch(given)
        value = _function("keras", loss, output.ndim - 1)(given, wanted)
    assert value.dtype == tf.float64
    gradient = tape.gradient(value, given, unconnected_gradients="zero")
    return float(value), np.asarray(gradient)


def both(loss: Loss, output: Array, target: Array) -> dict[str, Result]:
    return {"torch": in_torch(loss, output, target), "keras": in_keras(loss, output, target)}
