"""The optimizers in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from nnspec.emit.code import Call, call
from nnspec.language.optimizers import Optimizer, adam, scaled, sgd
from nnspec_torch.schedules import base_rate

_FUSED = frozenset(f"torch.optim.{name}" for name in ("Adagrad", "Adam", "AdamW", "SGD"))
"""Those with the same formula in one kernel: a small network steps in 0.7 of the time."""


class Made:
    """Calls PyTorch's own, each argument a field of the optimizer, or several.

    slots: what PyTorch calls those of the language, where it is another name. decoupled: the row
    whose `weight_decay` is the decay, or "self"; else it is `l2`, if takes_l2.
    """

    def __init__(
        self,
        function: str,
        slots: Mapping[str, str],
        *,
        decoupled: Made | Literal["self"] | None = None,
        takes_l2: bool = True,
        **fields: str | tuple[str, ...],
    ) -> None:
        self.function = function
        self.slots = slots
        self.decoupled = self if decoupled == "self" else decoupled
        self.takes_l2 = takes_l2
        self.fields = fields

    def __call__(self, optimizer: Optimizer) -> Call:
        """Return the call, without the parameters."""
        return call(
            self.function,
            lr=base_rate(optimizer),
            **self.keywords(optimizer),
            **({"fused": True} if self.function in _FUSED else {}),
        )

    def keywords(self, optimizer: Optimizer) -> dict[str, object]:
        """Return the arguments that are fields."""
        return {
            name: getattr(optimizer, field)
            if isinstance(field, str)
            else tuple(getattr(optimizer, each) for each in field)
            for name, field in self.fields.items()
        }


class _Sgd(Made):
    def keywords(self, optimizer: Optimizer) -> dict[str, object]:
        return {name: value for name, value in super().keywords(optimizer).items() if value}


_ADAM = {"mean": "exp_avg", "square": "exp_avg_sq"}
_ADAMW = Made(
    "torch.optim.AdamW", _ADAM, decoupled="self", betas=("beta_1", "beta_2"), eps="epsilon"
)

OPTIMIZERS: Mapping[type[Optimizer], Made] = {
    sgd.Sgd: _Sgd(
        "torch.optim.SGD",
        {"velocity": "momentum_buffer"},
        momentum="momentum",
        nesterov="nesterov",
    ),
    adam.Adam: Made(
        "torch.optim.Adam",
        _ADAM,
        decoupled=_ADAMW,
        betas=("beta_1", "beta_2"),
        eps="epsilon",
    ),
    adam.AdamW: _ADAMW,
    adam.Adamax: Made(
        "torch.optim.Adamax",
        {"mean": "exp_avg", "largest": "exp_inf"},
        betas=("beta_1", "beta_2"),
        eps="epsilon",
    ),
    scaled.RmsProp: Made(
        "torch.optim.RMSprop",
        {"square": "square_avg", "velocity": "momentum_buffer"},
        alpha="rho",
        eps="epsilon",
        momentum="momentum",
    ),
    scaled.Adagrad: Made(
        "torch.optim.Adagrad", {}, initial_accumulator_value="initial_sum", eps="epsilon"
    ),
}
"""Optimizer -> its constructor, without the parameters."""
