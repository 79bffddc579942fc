"""The optimizers in Keras; the source defines those that its own compute otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from nnspec.emit.code import Call, call
from nnspec.language.optimizers import Optimizer, adam, scaled, sgd
from nnspec_keras.schedules import rate_of


class Made:
    """Calls the class of this name that the source defines, or Keras's own.

    decoupled: the row whose `weight_decay` is the decay, or "self". bare: the row that never
    decays, where this one does by default. renamed: argument -> the field that it is.
    """

    def __init__(
        self,
        name: str,
        *fields: str,
        decoupled: Made | Literal["self"] | None = None,
        bare: Made | None = None,
        **renamed: str,
    ) -> None:
        self.name = name
        self.fields = {**{field: field for field in fields}, **renamed}
        self.decoupled = self if decoupled == "self" else decoupled
        self.bare = bare or self

    def __call__(self, optimizer: Optimizer, *, stock: bool) -> Call:
        """Return the call, without a decay."""
        keywords = {key: getattr(optimizer, field) for key, field in self.fields.items()}
        rate = rate_of(optimizer, stock=stock)
        return call(self.function(optimizer, stock=stock), learning_rate=rate, **keywords)

    def function(self, optimizer: Optimizer, *, stock: bool) -> str:
        """Return the name of the class."""
        return f"keras.optimizers.{self.name}" if stock else self.name

    def decayed(self, optimizer: Optimizer, decay: float, *, stock: bool) -> Call:
        """Return the call of what decays all weights."""
        row = self.decoupled
        if row is None or (not decay and row is not self):
            return self(optimizer, stock=stock)
        made = row(optimizer, stock=stock)
        return call(made.function, **dict(made.keywords), weight_decay=decay)


class _Sgd(Made):
    def __call__(self, optimizer: Optimizer, *, stock: bool) -> Call:
        made = super().__call__(optimizer, stock=stock)
        rate, *others = made.keywords
        return Call(made.function, (), (rate, *((key, value) for key, value in others if value)))

    def function(self, optimizer: Optimizer, *, stock: bool) -> str:
        assert isinstance(optimizer, sgd.Sgd)
        is_own = bool(optimizer.momentum) and not stock
        return "MomentumSGD" if is_own else "keras.optimizers.SGD"


_BETAS = ("beta_1", "beta_2", "epsilon")
_ADAMW = Made("AdamW", *_BETAS, decoupled="self", bare=Made("Adam", *_BETAS))

OPTIMIZERS: Mapping[type[Optimizer], Made] = {
    sgd.Sgd: _Sgd("SGD", "momentum", "nesterov"),
    adam.Adam: Made("Adam", *_BETAS, decoupled=_ADAMW),
    adam.AdamW: _ADAMW,
    adam.Adamax: Made("Adamax", *_BETAS),
    scaled.RmsProp: Made("RMSprop", "rho", "epsilon", "momentum"),
    scaled.Adagrad: Made("Adagrad", "epsilon", initial_accumulator_value="initial_sum"),
}
"""Optimizer -> its constructor; `stock` asks for Keras's own even where its formula differs."""
