"""The optimizers in Keras; the source defines those that its own compute otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nnspec.emit.code import Call, call
from nnspec.language.optimizers import Optimizer, adam, scaled, sgd
from nnspec_keras.schedules import rate_of


def _sgd(optimizer: sgd.Sgd, *, stock: bool) -> Call:
    rate = rate_of(optimizer, stock=stock)
    if not optimizer.momentum:
        return call("keras.optimizers.SGD", learning_rate=rate)
    keywords: dict[str, object] = {"momentum": optimizer.momentum}
    if optimizer.nesterov:
        keywords["nesterov"] = True
    function = "keras.optimizers.SGD" if stock else "MomentumSGD"
    return call(function, learning_rate=rate, **keywords)


def _made(name: str, *fields: str, **renamed: str) -> Callable[..., Call]:
    """Return what calls the class of this name that the source defines, or Keras's own.

    renamed: argument -> the field that it is.
    """

    def lowering(optimizer: Optimizer, *, stock: bool) -> Call:
        keywords = {field: getattr(optimizer, field) for field in fields}
        keywords |= {key: getattr(optimizer, field) for key, field in renamed.items()}
        function = f"keras.optimizers.{name}" if stock else name
        return call(function, learning_rate=rate_of(optimizer, stock=stock), **keywords)

    return lowering


OPTIMIZERS: Mapping[type[Optimizer], Callable[..., Call]] = {
    sgd.Sgd: _sgd,
    adam.Adam: _made("Adam", "beta_1", "beta_2", "epsilon"),
    adam.AdamW: _made("AdamW", "beta_1", "beta_2", "epsilon", weight_decay="decay"),
    adam.Adamax: _made("Adamax", "beta_1", "beta_2", "epsilon"),
    scaled.RmsProp: _made("RMSprop", "rho", "epsilon", "momentum"),
    scaled.Adagrad: _made("Adagrad", "epsilon", initial_accumulator_value="initial_sum"),
}
"""Optimizer -> its constructor; `stock` asks for Keras's own even where its formula differs."""
