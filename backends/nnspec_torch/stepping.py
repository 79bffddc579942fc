"""The emitted training step with what it moves, and what that remembers between steps."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nnspec.language.averages import Average
from nnspec.language.optimizers import Optimizer
from nnspec.network.loader import Spec
from nnspec.weights.averages import without_averages
from nnspec.weights.scaling import scale_of, without_scale
from nnspec.weights.waiting import without_waiting
from nnspec_torch.accumulation import wait_again, waiting
from nnspec_torch.average_state import averages_of, load_averages, standing_in
from nnspec_torch.compiling import without_compiler
from nnspec_torch.optimizer_state import Steps, load_state, state_of

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights


class Stepping:
    """A new optimizer of the emitted source, with its schedule, its average and its clock."""

    def __init__(
        self, spec: Spec, source: ModuleType, model: nn.Module, scaled_on: str = ""
    ) -> None:
        """source: the emitted module that holds the optimizer and the step.

        scaled_on: the kind of device, where the loss is scaled.
        """
        self._spec = spec
        self._graph = spec.graph
        self._source = source
        self._model = model
        with without_compiler():
            self.optimizer: torch.optim.Optimizer = source.make_optimizer(model)
        self._steps = Steps(self.optimizer)
        # One without factors is stepped by epochs, if there is any.
        has_factors = hasattr(source, "learning_rate_factor")
        schedule = getattr(source, "make_scheduler", None) if has_factors else None
        self._scheduler: Any = None if schedule is None else schedule(self.optimizer)
        average = getattr(source, "make_average", None)
        self._average: Any = None if average is None else average(model, self.optimizer)
        self._scaler = torch.amp.GradScaler(scaled_on) if scaled_on else None
        self._batch = 0
        """Batches since an optimizer step, where one takes several."""

    def step(self, *rows: Tensor) -> Tensor:
        """Take the emitted step on these rows, and return the loss before it."""
        given = (self.optimizer, self._scheduler, self._scaler)
        state: list[Any] = [each for each in given if each is not None]
        if self._accumulated > 1:
            state.append(self._batch)
            self._batch = (self._batch + 1) % self._accumulated
        with without_compiler():
            loss: Tensor = self._source.train_step(self._model, *state, *rows)
        return loss

    @property
    def _scale(self) -> float:
        """The factor of the loss."""
        return 1.0 if self._scaler is None else float(self._scaler.get_scale())

    def state(self) -> Weights:
        """Return what it remembers, by neutral names."""
        taken = self._steps.taken
        state = state_of(self._graph, self._record, self._model, self.optimizer, taken)
        if self._accumulated > 1:
            state |= waiting(self._graph, self._model, self._batch, self._scale)
        if self._average is not None:
            state |= averages_of(self._graph, self._model, self._average)
        if self._scaler is not None:
            known = self._scaler.state_dict()
            state |= scale_of(known["scale"], known["_growth_tracker"])
        return state

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Set what the `state` of any backend gave; raises WeightsError for else."""
        averages: Mapping[str, Array] = {}
        scale, state = without_scale(state)
        if self._scaler is not None and scale is not None:
            known = {"scale": scale[0], "_growth_tracker": scale[1]}
            self._scaler.load_state_dict({**self._scaler.state_dict(), **known})
        if self._average is not None:
            averages, state = without_averages(self._graph, state)
        if self._accumulated > 1:
            whole, state = state, without_waiting(self._graph, self._accumulated, state)
            self._batch = wait_again(self._graph, self._model, whole, self._scale)
        steps = load_state(self._graph, self._record, self._model, self.optimizer, state)
        self._steps.taken = steps
        if self._average is not None:
            load_averages(self._averaging, self._average, averages, steps)
        if self._scheduler is not None:
            self._go_on_after(steps)

    def averaged(self) -> AbstractContextManager[None]:
        """Let the averages stand for the weights, once there are any."""
        average = self._average
        if self._record.keeps_average:
            average = self._source.averaged(self._model, self.optimizer)
        return nullcontext() if average is None else standing_in(self._model, average)

    @property
    def _accumulated(self) -> int:
        """Batches to an optimizer step."""
        training = self._spec.model.training
        return 1 if training is None else training.accumulate

    @property
    def _record(self) -> Optimizer:
        """The optimizer as the spec has it."""
        training = self._spec.model.training
        assert training is not None  # else there is no source of an optimizer
        return training.optimizer

    @property
    def _averaging(self) -> Average:
        """The average as the spec has it."""
        training = self._spec.model.training
        assert training is not None
        assert training.average is not None
        return training.average

    def _go_on_after(self, steps: int) -> None:
        """Let the learning rate be that of the step after so many."""
        scheduler = self._scheduler
        taken = {"last_epoch": steps, "_step_count": steps + 1}
        scheduler.load_state_dict({**scheduler.state_dict(), **taken})
        factor = self._source.learning_rate_factor(steps)
        for group, base in zip(self.optimizer.param_groups, scheduler.base_lrs, strict=True):
            group["lr"] = base * factor
        if self._record.cycles_momentum:
            momentum = self._source.cycled_momentum(steps)
            for group in self.optimizer.param_groups:
                if self._record.cycled == "momentum":
                    group["momentum"] = momentum
                else:
                    group["betas"] = (momentum, group["betas"][1])
