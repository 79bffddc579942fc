"""Builds, runs, trains and exports what the PyTorch backend wrote."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend import Precision
from nnspec.data.goals import require_goals
from nnspec.emit.loading import load_source
from nnspec.emit.training import shifts_target
from nnspec.errors import MissingDependencyError, UnsupportedError, UsageError
from nnspec.language.optimizers import Optimizer
from nnspec.layers.shapes import Dim
from nnspec.network.domains import domain_of
from nnspec.support.causes import cause_of
from nnspec.weights.averages import without_averages
from nnspec.weights.canonical import COUNTER, FirstWeights, check_weights
from nnspec.weights.waiting import without_waiting
from nnspec_torch.dropped import would_be_dropped
from nnspec_torch.naming import canonical_name, class_name, state_name

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise MissingDependencyError("torch", "torch") from error

from nnspec_torch.accumulation import wait_again, waiting  # after the extra has been found
from nnspec_torch.average_state import averages_of, load_averages, standing_in
from nnspec_torch.compiling import compile_module
from nnspec_torch.exporter import give_way, operators_unread
from nnspec_torch.held_rows import Rows
from nnspec_torch.noise import NoiseTaker
from nnspec_torch.optimizer_state import Steps, load_state, state_of
from nnspec_torch.undrawn import Undrawn

if TYPE_CHECKING:
    from nnspec.backend import Array, Measured, Positions, Target, Weights
    from nnspec.layers import Layer
    from nnspec.support.noise import Drawer
    from nnspec_torch.source import TorchSource

MIN_OPSET, MAX_OPSET = 18, 23


@contextmanager
def _precision(dtype: torch.dtype) -> Iterator[None]:
    """Let what the emitted code makes itself be of this dtype."""
    previous = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(previous)


def _forget_recurrent_kernels() -> None:
    """Let torch.onnx put its own LSTM and GRU in place again.

    It does so for the time of an export, and the operators remember what they dispatched to: in a
    second export they would be unrolled at the size of the example (torch 2.13).
    """
    for operator in (torch.ops.aten.lstm.input, torch.ops.aten.gru.input):
        operator._dispatch_cache.clear()


class TorchProgram:
    """The emitted module, built and holding weights; satisfies `nnspec.backend.Inspectable`."""

    def __init__(
        self,
        compiled: TorchSource,
        weights: Mapping[str, Array] | None,
        dtype: Precision,
        with_training: Callable[[], str],
        drawers: Callable[[], Mapping[str, tuple[Layer, Drawer]]],
        device: str = "cpu",
    ) -> None:
        """`with_training` gives the source with the training, `drawers` the random layers."""
        spec = compiled.spec
        self.spec = spec
        self.graph = spec.graph
        self.with_training = with_training
        self.drawers = drawers
        self.domain = domain_of(spec.graph)
        self.head = compiled.head
        self.dtype = getattr(torch, dtype)
        self.device = device
        self.emitted = load_source(compiled.source, spec.name)
        with Undrawn(), self.precision():
            model: nn.Module = getattr(self.emitted, class_name(spec.name))()
        self.model = model.to(self.dtype).to(device)
        if weights is None:
            training = spec.model.training
            weights = FirstWeights(spec.graph, training.seed if training is not None else 0)
        self.load_weights(weights)
        if compiled.options.compile:
            compile_module(self.model, self.emitted, drawers())
        self._optimizer: torch.optim.Optimizer | None = None
        self._scheduler: Any = None
        self._batch = 0

    @cached_property
    def training(self) -> ModuleType:
        """The emitted module that holds the loss, the optimizer and the step."""
        if hasattr(self.emitted, "make_optimizer"):
            return self.emitted
        if self.spec.model.training is None:
            raise UsageError(f"{self.spec.name} has no `training` section")
        return load_source(self.with_training(), self.spec.name)

    def step(self, *rows: Tensor) -> Tensor:
        """Take the emitted step on these rows, and return the loss before it."""
        state = [self.optimizer, *([] if self._scheduler is None else [self._scheduler])]
        if self._accumulated > 1:
            state.append(self._batch)
            self._batch = (self._batch + 1) % self._accumulated
        loss: Tensor = self.training.train_step(self.model, *state, *rows)
        return loss

    @property
    def _accumulated(self) -> int:
        """Batches to an optimizer step."""
        training = self.spec.model.training
        return 1 if training is None else training.accumulate

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The optimizer of the emitted source."""
        if self._optimizer is None:
            self._optimizer = self.training.make_optimizer(self.model)
            self._steps = Steps(self._optimizer)
            schedule = getattr(self.training, "make_scheduler", None)
            if not hasattr(self.training, "learning_rate_factor"):
                schedule = None  # one that epochs step, if any
            self._scheduler = schedule(self._optimizer) if schedule is not None else None
            average = getattr(self.training, "make_average", None)
            self._average = average(self.model, self._optimizer) if average is not None else None
        return self._optimizer

    def precision(self) -> AbstractContextManager[None]:
        """Let what the emitted code makes itself be of the program's dtype."""
        return _precision(self.dtype)

    def weights(self) -> Weights:
        """Return the canonical weights."""
        return _arrays(self.model)

    def load_weights(self, weights: Mapping[str, Array]) -> None:
        """Set every weight; raises WeightsError where one is missing or does not fit."""
        check_weights(self.graph, weights)
        tensors = {
            state_name(name): torch.tensor(array, dtype=self.dtype)
            for name, array in weights.items()
            if not name.endswith(COUNTER)
        }
        self.model.load_state_dict(tensors)

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return each output by name, computed as at inference; raises DataError."""
        self.model.eval()
        with torch.no_grad(), self.precision():
            return self.named(self.model(*self.tensors(inputs)))

    def loss(self, inputs: Mapping[str, Array], target: Target) -> float:
        """Return the loss as at inference."""
        self.model.eval()
        with torch.no_grad():
            return float(self._loss(inputs, target))

    def gradients(self, inputs: Mapping[str, Array], target: Target) -> tuple[float, Weights]:
        """Return the loss as in training, and its gradient by every trainable parameter."""
        buffers = {name: tensor.clone() for name, tensor in self.model.named_buffers()}
        self.model.train()
        loss = self._loss(inputs, target)
        parameters = {
            name: tensor for name, tensor in self.model.named_parameters() if tensor.requires_grad
        }
        # A layer may take nothing but the size of the batch from the one before it.
        gradients = torch.autograd.grad(loss, list(parameters.values()), materialize_grads=True)
        for name, tensor in self.model.named_buffers():
            tensor.copy_(buffers[name])
        arrays = {
            canonical_name(name): gradient.detach().cpu().numpy()
            for name, gradient in zip(parameters, gradients, strict=True)
        }
        return float(loss.detach()), arrays

    def train_step(self, inputs: Mapping[str, Array], target: Target) -> float:
        """Take one optimizer step, and return the loss before it."""
        self.model.train()
        tensors = self.tensors(inputs)
        with self.precision():
            return float(self.step(*tensors, *self.goals(target)))

    # What `nnspec.backend.TakesNoise` adds

    def take_noise(self, seed: int | None) -> None:
        """Let random layers begin with the numbers of this seed; None: draw as they do."""
        if seed is None:
            self._noise.stop()
        else:
            self._noise.start(seed)

    @cached_property
    def _noise(self) -> NoiseTaker:
        return NoiseTaker(self.model, self.emitted, self.drawers())

    # What `nnspec.backend.HoldsRows` adds

    def stepper(
        self, inputs: Mapping[str, Array], target: Target, batches: int
    ) -> Callable[[Positions], float]:
        """Return what `train_step` does, for the rows at given positions."""
        return Rows(self, inputs, target).stepper()

    def measurer(
        self, inputs: Mapping[str, Array], target: Target, batches: int
    ) -> Callable[[Positions], Measured]:
        """Return what gives the loss and the output, as at inference, for rows at positions."""
        return Rows(self, inputs, target).measurer()

    # What `nnspec.backend.Inspectable` adds

    def first_weights(self, seed: int) -> Weights:
        """Return the weights that the emitted module gives itself."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module: nn.Module = getattr(self.emitted, class_name(self.spec.name))()
        return _arrays(module)

    def training_outputs(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return each output as in training; running statistics stay as they are."""
        buffers = {name: tensor.clone() for name, tensor in self.model.named_buffers()}
        self.model.train()
        with torch.no_grad(), self.precision():
            outputs = self.named(self.model(*self.tensors(inputs)))
            for name, tensor in self.model.named_buffers():
                tensor.copy_(buffers[name])
        return outputs

    def answers(self, inputs: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
        """Return the outputs with gradients recorded, and under inference_mode."""
        self.model.eval()
        with self.precision():
            answers = {"model(x)": self.named(self.model(*self.tensors(inputs)))}
            with torch.inference_mode():
                answers["inference_mode"] = self.named(self.model(*self.tensors(inputs)))
        return answers

    def learning_rate(self, step: int) -> float:
        """Return the emitted source's learning rate of the step after so many."""
        rate: float = self.training.make_optimizer(self.model).defaults["lr"]
        factor = getattr(self.training, "learning_rate_factor", None)
        return rate if factor is None else rate * factor(step)

    def set_learning_rate(self, rate: float) -> None:
        """Take further steps with this rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def rates_on_plateau(self, values: Sequence[float]) -> list[float]:
        """Return the rate after each epoch, as the emitted source sets it by these measures."""
        optimizer = self.training.make_optimizer(self.model)
        scheduler, found = self.training.make_scheduler(optimizer), []
        for value in values:
            scheduler.step(value)
            found.append(float(optimizer.param_groups[0]["lr"]))
        return found

    def start_training(self) -> None:
        """Begin with a new optimizer."""
        self._optimizer, self._batch = None, 0
        self.model.zero_grad()

    def follow(
        self, inputs: Mapping[str, Array], target: Target, gradients: Mapping[str, Array]
    ) -> None:
        """Take one `train_step` with these gradients in the place of the loss's."""
        parameters = dict(self.model.named_parameters())
        shares: list[Tensor] = []  # of the loss in what the step goes down
        hooks = [
            parameters[state_name(name)].register_hook(_replacing(self.tensor(gradient), shares))  # type: ignore[no-untyped-call]  # torch's
            for name, gradient in gradients.items()
        ]
        loss_function = self.training.loss_function

        def watched(*given: Tensor) -> Tensor:
            loss: Tensor = loss_function(*given)
            loss.register_hook(shares.append)  # type: ignore[no-untyped-call]  # torch's
            return loss

        try:
            vars(self.training)["loss_function"] = watched
            self.train_step(inputs, target)
        finally:
            vars(self.training)["loss_function"] = loss_function
            for hook in hooks:
                hook.remove()

    def measured(self, inputs: Mapping[str, Array], target: Target) -> dict[str, float]:
        """Return the metrics of the emitted script, if there is one."""
        evaluate = getattr(self.emitted, "evaluate", None)
        if evaluate is None:
            return {}
        # In the units that it is learnt in.
        record = {"target_mean": 0.0, "target_scale": 1.0}
        is_shifted = hasattr(self.emitted, "measure") and shifts_target(self.spec)
        more = (record,) if is_shifted else ()
        with self.precision():
            rows = (*self.tensors(inputs), *self.goals(target))
            values = evaluate(self.model, rows, *more)
        return {name: float(value) for name, value in values.items() if name != "loss"}

    def optimizer_state(self) -> Weights:
        """Return what the optimizer remembers, by neutral names."""
        optimizer = self.optimizer
        state = state_of(self.graph, self._record, self.model, optimizer, self._steps.taken)
        if self._accumulated > 1:
            state |= waiting(self.graph, self.model, self._batch)
        if self._average is not None:
            state |= averages_of(self.graph, self.model, self._average)
        return state

    def load_optimizer_state(self, state: Mapping[str, Array]) -> None:
        """Set what the `optimizer_state` of any backend gave; raises WeightsError for else."""
        optimizer = self.optimizer
        averages: Mapping[str, Array] = {}
        if self._average is not None:
            averages, state = without_averages(self.graph, state)
        if self._accumulated > 1:
            whole, state = state, without_waiting(self.graph, self._accumulated, state)
            self._batch = wait_again(self.graph, self.model, whole)
        steps = load_state(self.graph, self._record, self.model, optimizer, state)
        self._steps.taken = steps
        if self._average is not None:
            record = self.spec.model.training
            assert record is not None
            assert record.average is not None
            load_averages(record.average, self._average, averages, steps)
        if self._scheduler is not None:
            self._go_on_after(steps)

    def averaged(self) -> AbstractContextManager[None]:
        """Let the averages stand for the weights, once there are any."""
        self.optimizer  # noqa: B018  # it is made with the average
        return nullcontext() if self._average is None else standing_in(self.model, self._average)

    @property
    def _record(self) -> Optimizer:
        """The optimizer as the spec has it."""
        training = self.spec.model.training
        assert training is not None  # else there is no source of an optimizer
        return training.optimizer

    def _go_on_after(self, steps: int) -> None:
        """Let the learning rate be that of the step after so many."""
        scheduler = self._scheduler
        taken = {"last_epoch": steps, "_step_count": steps + 1}
        scheduler.load_state_dict({**scheduler.state_dict(), **taken})
        factor = self.training.learning_rate_factor(steps)
        for group, base in zip(self.optimizer.param_groups, scheduler.base_lrs, strict=True):
            group["lr"] = base * factor

    def reseed(self, seed: int) -> None:
        """Start dropout's random numbers anew."""
        torch.manual_seed(seed)

    def export_onnx(self, path: Path, opset: int) -> None:
        """Write the network as at inference with torch.onnx (its torch.export-based exporter)."""
        if not MIN_OPSET <= opset <= MAX_OPSET:
            raise UsageError(f"torch.onnx writes opsets {MIN_OPSET} to {MAX_OPSET}, not {opset}")
        from nnspec.verification.sizes import find_sizes  # few programs are exported

        # The example must fit every layer, as a kernel that is longer than it would not.
        sizes = {"batch": 3, **find_sizes(self.graph, {}).base}
        axes: list[dict[int, Any]] = []
        examples: list[Tensor] = []
        for type_ in self.graph.inputs.values():
            shape: tuple[Dim, ...] = ("batch", *type_.shape)
            axes.append({i: size for i, size in enumerate(shape) if isinstance(size, str)})
            known = [sizes[size] if isinstance(size, str) else size for size in shape]
            is_float = type_.dtype == "float32"
            dtype = self.dtype if is_float else getattr(torch, type_.dtype)
            examples.append(torch.zeros(known, dtype=dtype))
        logger = logging.getLogger("torch.onnx")
        level = logger.level
        logger.setLevel(logging.ERROR)
        _forget_recurrent_kernels()
        try:
            # As forward has it: a float that a cast gives is of the network's precision.
            with warnings.catch_warnings(), operators_unread(), self.precision():
                warnings.simplefilter("ignore")
                program = torch.onnx.export(
                    self.model.eval(),
                    tuple(examples),
                    str(path),
                    dynamo=True,
                    opset_version=opset,
                    verbose=False,
                    external_data=False,
                    input_names=list(self.graph.inputs),
                    output_names=list(self.graph.outputs),
                    dynamic_shapes=tuple(axes),
                    optimize=not would_be_dropped(self.graph, self.model.parameters()),
                )
        except Exception as error:
            reason = cause_of(error)
            raise UnsupportedError(f"torch.onnx cannot export this network: {reason}") from None
        finally:
            logger.setLevel(level)
        assert program is not None
        if give_way(program.model.graph):
            program.save(str(path), external_data=False)
        self._require_dynamic(program.model.graph.outputs)

    def _require_dynamic(self, outputs: Sequence[Any]) -> None:
        """Raise UnsupportedError where the exporter fixed an axis that the spec leaves open."""
        for name, given in zip(self.graph.outputs, outputs, strict=True):
            shape: tuple[Dim, ...] = ("batch", *self.graph.types[name].shape)
            for size, exported in zip(shape, given.shape, strict=True):
                if isinstance(size, str) and isinstance(exported, int):
                    raise UnsupportedError(
                        f'torch.onnx fixed the axis "{size}" of the output "{name}" at {exported}, '
                        "so that other sizes would fail; nnspec's own export keeps it open"
                    )

    def _loss(self, inputs: Mapping[str, Array], target: Target) -> Tensor:
        compute = getattr(self.model, "for_loss", getattr(self.model, "logits", self.model))
        loss_function = self.training.loss_function
        with self.precision():
            loss: Tensor = loss_function(compute(*self.tensors(inputs)), *self.goals(target))
        return loss

    def named(self, given: Any) -> dict[str, Array]:
        """Return what the module gives, by the outputs' names."""
        outputs = given if isinstance(given, tuple) else (given,)
        return {
            name: tensor.detach().cpu().numpy()
            for name, tensor in zip(self.graph.outputs, outputs, strict=True)
        }

    def tensors(self, inputs: Mapping[str, Array]) -> list[Tensor]:
        return [self.tensor(array) for array in self.domain.admit(inputs).values()]

    def tensor(self, array: Array) -> Tensor:
        """Return an array as the network takes it, in its precision."""
        tensor = torch.from_numpy(np.ascontiguousarray(array)).to(self.device)
        return tensor.to(self.dtype) if tensor.is_floating_point() else tensor

    def goals(self, target: Target) -> list[Tensor]:
        """Return what the loss takes after what the network gives; raises DataError."""
        return [self.tensor(goal) for goal in require_goals(self.spec, target)]


def _arrays(module: nn.Module) -> Weights:
    return {
        canonical_name(name): tensor.detach().cpu().numpy().copy()
        for name, tensor in module.state_dict().items()
        if not name.endswith(COUNTER)
    }


def _replacing(gradient: Tensor, shares: list[Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda found: gradient * shares[-1] if shares else gradient
