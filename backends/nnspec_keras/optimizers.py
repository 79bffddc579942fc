"""How Keras expresses each optimizer; the source defines what its own compute otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nnspec.emit.code import Call, call
from nnspec.language.optimizers import Adam, Optimizer, Sgd
from nnspec_keras.schedules import rate_of


def _sgd(optimizer: Sgd, *, stock: bool) -> Call:
    if not optimizer.momentum:
        return call("keras.optimizers.SGD", learning_rate=rate_of(optimizer, stock=stock))
    keywords: dict[str, object] = {"momentum": optimizer.momentum}
    if optimizer.nesterov:
        keywords["nesterov"] = True
    function = "keras.optimizers.SGD" if stock else "MomentumSGD"
    return call(function, learning_rate=rate_of(optimizer, stock=stock), **keywords)


def _adam(optimizer: Adam, *, stock: bool) -> Call:
    return call(
        "keras.optimizers.Adam" if stock else "Adam",
        learning_rate=rate_of(optimizer, stock=stock),
        beta_1=optimizer.beta_1,
        beta_2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
    )


OPTIMIZERS: Mapping[type[Optimizer], Callable[..., Call]] = {Sgd: _sgd, Adam: _adam}
"""Optimizer -> its constructor; `stock` asks for Keras's own even where its formula differs."""
