"""The optimizers in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from nnspec.emit.code import Call, call
from nnspec.emit.snippets import snippets
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
from nnspec_torch.schedules import base_rate

SOURCES = snippets("nnspec_torch.emitted", "optimizers", "newer_optimizers")
"""Those that PyTorch has not, by name."""
_FUSED = frozenset(f"torch.optim.{name}" for name in ("Adam", "AdamW", "SGD"))
"""Those with the same formula in one kernel: a small network steps in 0.7 of the time.

Not Adagrad, whose kernel PyTorch 2.11 has for processors alone, and refuses on a GPU.
"""


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


class _Short(Made):
    """Leaves out flags and numbers that are off, as they are by default."""

    def keywords(self, optimizer: Optimizer) -> dict[str, object]:
        return {name: value for name, value in super().keywords(optimizer).items() if value}


class _Flagged(Made):
    """Says a flag where it is on alone."""

    def keywords(self, optimizer: Optimizer) -> dict[str, object]:
        given = super().keywords(optimizer)
        return {name: value for name, value in given.items() if value is not False}


class _Muon(Made):
    """Says by a flag which scale it is."""

    def keywords(self, optimizer: Optimizer) -> dict[str, object]:
        given = super().keywords(optimizer)
        return {**given, "match_rms_adamw": given["match_rms_adamw"] == "match_rms_adamw"}


_MEANS = {"mean": "exp_avg", "square": "exp_avg_sq"}
_ADAM = {**_MEANS, "largest": "max_exp_avg_sq"}
_BETAS = ("beta_1", "beta_2")
_ADAMW = _Flagged(
    "torch.optim.AdamW", _ADAM, decoupled="self", betas=_BETAS, eps="epsilon", amsgrad="amsgrad"
)

OPTIMIZERS: Mapping[type[Optimizer], Made] = {
    sgd.Sgd: _Short(
        "torch.optim.SGD",
        {"velocity": "momentum_buffer"},
        momentum="momentum",
        dampening="dampening",
        nesterov="nesterov",
    ),
    adam.Adam: _Flagged(
        "torch.optim.Adam",
        _ADAM,
        decoupled=_ADAMW,
        betas=_BETAS,
        eps="epsilon",
        amsgrad="amsgrad",
    ),
    adam.AdamW: _ADAMW,
    adam.Adamax: Made(
        "torch.optim.Adamax",
        {"mean": "exp_avg", "largest": "exp_inf"},
        betas=_BETAS,
        eps="epsilon",
    ),
    kin.Nadam: Made(
        "torch.optim.NAdam",
        _MEANS,
        betas=_BETAS,
        eps="epsilon",
        momentum_decay="momentum_decay",
    ),
    kin.Radam: Made("torch.optim.RAdam", _MEANS, betas=_BETAS, eps="epsilon"),
    kin.Lion: Made("Lion", {}, takes_l2=False, betas=_BETAS),
    kin.Lamb: Made("Lamb", {}, takes_l2=False, betas=_BETAS, eps="epsilon"),
    scaled.RmsProp: _Flagged(
        "torch.optim.RMSprop",
        {"square": "square_avg", "velocity": "momentum_buffer", "mean": "grad_avg"},
        alpha="rho",
        eps="epsilon",
        momentum="momentum",
        centered="centered",
    ),
    scaled.Adagrad: Made(
        "torch.optim.Adagrad", {}, initial_accumulator_value="initial_sum", eps="epsilon"
    ),
    scaled.Adadelta: Made(
        "torch.optim.Adadelta",
        {"square": "square_avg", "change": "acc_delta"},
        rho="rho",
        eps="epsilon",
    ),
    factored.Adafactor: Made(
        "torch.optim.Adafactor",
        {"square": "variance", "rows": "row_var", "columns": "col_var"},
        takes_l2=False,
        beta2_decay="beta_2_decay",
        eps=("epsilon_1", "epsilon_2"),
        d="clip_threshold",
    ),
    orthogonal.Muon: _Muon(
        "Muon",
        {},
        takes_l2=False,
        momentum="momentum",
        nesterov="nesterov",
        ns_steps="ns_steps",
        least_norm="least_norm",
        match_rms_adamw="scale",
        betas=_BETAS,
        eps="epsilon",
    ),
    schedule_free.ScheduleFreeAdamW: Made(
        "ScheduleFreeAdamW", {}, decoupled="self", betas=_BETAS, eps="epsilon"
    ),
    older.Rprop: Made(
        "torch.optim.Rprop",
        {"previous": "prev", "size": "step_size"},
        takes_l2=False,
        etas=("shrink", "grow"),
        step_sizes=("least", "most"),
    ),
    older.Asgd: Made("DecreasingSGD", {}, takes_l2=False, lambd="pull", alpha="power"),
    older.Ftrl: Made(
        "Ftrl",
        {},
        takes_l2=False,
        power="power",
        initial_sum="initial_sum",
        l1="l1",
        ridge="ridge",
        beta="beta",
    ),
}
"""Optimizer -> its constructor, without the parameters."""
