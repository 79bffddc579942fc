"""The optimizers in Keras; the source defines those that its own compute otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from nnspec.emit.code import Call, call
from nnspec.errors import UnsupportedError
from nnspec.language.optimizers import (
    Optimizer,
    adam,
    factored,
    kin,
    older,
    orthogonal,
    scaled,
    schedule_free,
    sgd,
)
from nnspec.network.graph import Graph
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

    def by_variable(self, optimizer: Optimizer, graph: Graph) -> dict[str, object]:
        """Return what the class that the source defines takes besides, of this network."""
        return {}

    def function(self, optimizer: Optimizer, *, stock: bool) -> str:
        """Return the name of the class."""
        return f"keras.optimizers.{self.name}" if stock else self.name

    def decoupled_of(self, optimizer: Optimizer, *, stock: bool) -> Made | None:
        """Return the row whose `weight_decay` is the decay, if there is one."""
        return self.decoupled

    def decayed(self, optimizer: Optimizer, decay: float, *, stock: bool) -> Call:
        """Return the call of what decays all weights."""
        row = self.decoupled_of(optimizer, stock=stock)
        if row is None or (not decay and row is not self):
            return self(optimizer, stock=stock)
        made = row(optimizer, stock=stock)
        return call(made.function, **dict(made.keywords), weight_decay=decay)


class _Flagged(Made):
    """Calls another class where a field is true, and Keras's own with the argument.

    flags: field -> the class.
    """

    def __init__(self, name: str, *fields: str, flags: Mapping[str, str], **options: Any) -> None:
        super().__init__(name, *fields, **options)
        self.flags = flags

    def __call__(self, optimizer: Optimizer, *, stock: bool) -> Call:
        made = super().__call__(optimizer, stock=stock)
        given = {flag: True for flag in self.flags if getattr(optimizer, flag)}
        return call(made.function, **dict(made.keywords), **(given if stock else {}))

    def function(self, optimizer: Optimizer, *, stock: bool) -> str:
        if not stock:
            for flag, name in self.flags.items():
                if getattr(optimizer, flag):
                    return name
        return super().function(optimizer, stock=stock)

    def decoupled_of(self, optimizer: Optimizer, *, stock: bool) -> Made | None:
        is_flagged = any(getattr(optimizer, flag) for flag in self.flags)
        return None if is_flagged and not stock else self.decoupled


class _Sgd(Made):
    def __call__(self, optimizer: Optimizer, *, stock: bool) -> Call:
        made = super().__call__(optimizer, stock=stock)
        rate, *others = made.keywords
        return Call(made.function, (), (rate, *((key, value) for key, value in others if value)))

    def function(self, optimizer: Optimizer, *, stock: bool) -> str:
        assert isinstance(optimizer, sgd.Sgd)
        if stock and optimizer.dampening:
            raise UnsupportedError("keras.optimizers.SGD has no dampening: compile without --stock")
        if stock or not optimizer.momentum:
            return "keras.optimizers.SGD"
        return "DampenedSGD" if optimizer.dampening else "MomentumSGD"


class _Own(Made):
    """Calls what the source defines; Keras has none."""

    def function(self, optimizer: Optimizer, *, stock: bool) -> str:
        if stock:
            raise UnsupportedError(f"Keras has no {optimizer.type}: compile without --stock")
        return self.name


class _Nadam(Made):
    """Keras's own has no `momentum_decay`: it is 1."""

    def __call__(self, optimizer: Optimizer, *, stock: bool) -> Call:
        made = super().__call__(optimizer, stock=stock)
        kept = (each for each in made.keywords if not stock or each[0] != "momentum_decay")
        return Call(made.function, (), tuple(kept))


class _Ftrl(Made):
    """Keras's own calls its arguments otherwise."""

    def __call__(self, optimizer: Optimizer, *, stock: bool) -> Call:
        made = super().__call__(optimizer, stock=stock)
        names = {
            "power": "learning_rate_power",
            "initial_sum": "initial_accumulator_value",
            "l1": "l1_regularization_strength",
            "ridge": "l2_regularization_strength",
        }
        renamed = tuple((names.get(key, key), value) for key, value in made.keywords)
        return Call(made.function, (), renamed) if stock else made


class _Adafactor(Made):
    def by_variable(self, optimizer: Optimizer, graph: Graph) -> dict[str, object]:
        from nnspec_keras.factoring import factored  # which few specs need

        groups = factored(graph)
        return {"factored": groups} if groups else {}


class _Muon(Made):
    """Keras's own calls its arguments otherwise, and has the one scale alone."""

    def __call__(self, optimizer: Optimizer, *, stock: bool) -> Call:
        assert isinstance(optimizer, orthogonal.Muon)
        made = dict(super().__call__(optimizer, stock=stock).keywords)
        matches = optimizer.scale == "match_rms_adamw"
        if not stock:
            return call(self.name, **made, match_rms_adamw=matches)
        if not matches:
            raise UnsupportedError(
                "keras.optimizers.Muon has no `scale: original`: compile without --stock"
            )
        for name in ("beta_1", "beta_2"):
            made[f"adam_{name}"] = made.pop(name)
        del made["least_norm"]
        return call(
            f"keras.optimizers.{self.name}", **made, weight_decay=0.0, adam_weight_decay=0.0
        )

    def by_variable(self, optimizer: Optimizer, graph: Graph) -> dict[str, object]:
        from nnspec_keras.factoring import matrices  # which few specs need

        return {"matrices": matrices(graph)}


class _ScheduleFree(Made):
    def by_variable(self, optimizer: Optimizer, graph: Graph) -> dict[str, object]:
        from nnspec_keras.factoring import decays  # which few specs need

        return decays(graph, optimizer)


_BETAS = ("beta_1", "beta_2", "epsilon")
_AMSGRAD = {"amsgrad": "AMSGrad"}
_ADAMW = _Flagged(
    "AdamW",
    *_BETAS,
    flags=_AMSGRAD,
    decoupled="self",
    bare=_Flagged("Adam", *_BETAS, flags=_AMSGRAD),
)

OPTIMIZERS: Mapping[type[Optimizer], Made] = {
    sgd.Sgd: _Sgd("SGD", "momentum", "nesterov", "dampening"),
    adam.Adam: _Flagged("Adam", *_BETAS, flags=_AMSGRAD, decoupled=_ADAMW),
    adam.AdamW: _ADAMW,
    adam.Adamax: Made("Adamax", *_BETAS),
    kin.Nadam: _Nadam("Nadam", *_BETAS, "momentum_decay"),
    kin.Radam: _Own("RAdam", *_BETAS),
    kin.Lion: Made("Lion", "beta_1", "beta_2"),
    kin.Lamb: Made("Lamb", *_BETAS),
    scaled.RmsProp: _Flagged(
        "RMSprop", "rho", "epsilon", "momentum", flags={"centered": "CenteredRMSprop"}
    ),
    scaled.Adagrad: Made("Adagrad", "epsilon", initial_accumulator_value="initial_sum"),
    scaled.Adadelta: Made("Adadelta", "rho", "epsilon"),
    factored.Adafactor: _Adafactor(
        "Adafactor", "beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold"
    ),
    orthogonal.Muon: _Muon("Muon", "momentum", "nesterov", "ns_steps", "least_norm", *_BETAS),
    schedule_free.ScheduleFreeAdamW: _ScheduleFree("ScheduleFreeAdamW", *_BETAS),
    older.Rprop: _Own("Rprop", "shrink", "grow", "least", "most"),
    older.Asgd: _Own("DecreasingSGD", "pull", "power"),
    older.Ftrl: _Ftrl("Ftrl", "power", "initial_sum", "l1", "ridge", "beta"),
}
"""Optimizer -> its constructor; `stock` asks for Keras's own even where its formula differs."""
