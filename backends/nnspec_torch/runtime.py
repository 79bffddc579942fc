"""Builds, runs, trains and exports what the PyTorch backend wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend import Precision
from nnspec.data.goals import require_goals
from nnspec.emit.loading import Emitted, load_source
from nnspec.emit.training import shifts_target
from nnspec.errors import MissingDependencyError, UsageError
from nnspec.network.domains import domain_of
from nnspec.weights.canonical import COUNTER, FirstWeights, check_weights
from nnspec_torch.naming import canonical_name, class_name, state_name

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise MissingDependencyError("torch", "torch") from error

from nnspec_torch.compiling import compile_module  # after the extra has been found
from nnspec_torch.devices import device_of, name_of, rounding_factors
from nnspec_torch.exporting import export_onnx
from nnspec_torch.held_rows import Rows
from nnspec_torch.joining import Joining
from nnspec_torch.noise import NoiseTaker, Share
from nnspec_torch.stepping import Stepping
from nnspec_torch.undrawn import Undrawn
from nnspec_torch.updates import is_scaled

if TYPE_CHECKING:
    from nnspec.backend import Array, Measured, Positions, Target, Weights
    from nnspec.layers import Layer
    from nnspec.support.noise import Drawer
    from nnspec_torch.source import TorchSource


@contextmanager
def _arithmetic(dtype: torch.dtype, tf32: str) -> Iterator[None]:
    """Let what the emitted code makes itself be of this dtype, and a GPU round as it is told."""
    previous = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with rounding_factors(tf32):
            yield
    finally:
        torch.set_default_dtype(previous)


class TorchProgram(Joining, Emitted):
    """The emitted module, built and holding weights; satisfies `nnspec.backend.Inspectable`."""

    def __init__(
        self,
        compiled: TorchSource,
        weights: Mapping[str, Array] | None,
        dtype: Precision,
        with_training: Callable[[], str],
        drawers: Callable[[], Mapping[str, tuple[Layer, Drawer]]],
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
        self.is_shared, self.is_scaled = compiled.options.processes, is_scaled(compiled.options)
        self.is_sharded = compiled.options.sharded
        self._remembered: Weights | None = None
        self.device = device_of(compiled.options.device, self.dtype, is_shared=self.is_shared)
        self.tf32 = compiled.options.tf32
        self.emitted = load_source(compiled.source, spec.name)
        with Undrawn(), self.precision():
            model: nn.Module = getattr(self.emitted, class_name(spec.name))()
        self.model = model.to(self.dtype).to(self.device)
        if weights is None:
            training = spec.model.training
            weights = FirstWeights(spec.graph, training.seed if training is not None else 0)
        self.load_weights(weights)
        if compiled.options.compile:
            compile_module(self.model, self.emitted, drawers())

    @cached_property
    def training(self) -> ModuleType:
        """The emitted module that holds the loss, the optimizer and the step."""
        if hasattr(self.emitted, "make_optimizer"):
            return self.emitted
        if self.spec.model.training is None:
            raise UsageError(f"{self.spec.name} has no `training` section")
        training = load_source(self.with_training(), self.spec.name)
        if hasattr(training, "collected"):  # it looks for the layers that the model has
            vars(training)["ActivityRegularization"] = self.emitted.ActivityRegularization
        return training

    def step(self, *rows: Tensor) -> Tensor:
        """Take the emitted step on these rows, and return the loss before it."""
        if self.is_shared:
            own, count = self.training.share(len(rows[0])), len(rows[0])
            self._noise.share = Share(own.start, own.stop, count)
        return self._stepping.step(*rows)

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The optimizer of the emitted source."""
        return self._stepping.optimizer

    @cached_property
    def _stepping(self) -> Stepping:
        scaled_on = self.device.type if self.is_scaled else ""
        return Stepping(self.spec, self.training, self.trained, scaled_on)

    @cached_property
    def trained(self) -> nn.Module:
        """The module that steps change: the model, or one of which this process has a share."""
        if not self.is_sharded:
            return self.model
        with Undrawn(), self.precision():
            module: nn.Module = getattr(self.emitted, class_name(self.spec.name))()
        module.to(self.dtype).to(self.device).load_state_dict(self.model.state_dict())
        self.training.share_statistics(module)
        self.training.shard(module)
        return module

    def gather(self) -> None:
        """Let the model, and what `optimizer_state` gives, be of the steps that all have taken."""
        if not self.is_sharded:
            return
        weights = self.training.whole(self.trained)
        self._remembered = self._stepping.state()
        if weights:  # of the first process alone
            self.model.load_state_dict(weights)

    def precision(self) -> AbstractContextManager[None]:
        """Let what the emitted code makes itself be of the program's dtype."""
        return _arithmetic(self.dtype, self.tf32)

    def placed(self) -> str:
        """Return the kind of device, of a GPU with its name."""
        return name_of(self.device)

    def weights(self) -> Weights:
        """Return the canonical weights."""
        return _arrays(self.model)

    def load_weights(self, weights: Mapping[str, Array]) -> None:
        """Set every weight; raises WeightsError where one is missing or does not fit."""
        check_weights(self.graph, weights)
        # One by one: a second copy of a large network would take as much memory as itself.
        own = self.model.state_dict()
        with torch.no_grad():
            for name, array in weights.items():
                if not name.endswith(COUNTER):
                    own[state_name(name)].copy_(_as_tensor(array))

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
        self.trained.train()
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
        return NoiseTaker(self.trained, self.emitted, self.drawers())

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

    # What `nnspec.backend.SharesBatches` adds

    def join(self, rank: int, processes: int, store: Path | None) -> None:
        """Wait for the other processes, and normalise batches with them; raises UsageError."""
        super().join(rank, processes, store)
        self.training.share_statistics(self.model)

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

    def rates_on_plateau(self, values: Sequence[float], name: str) -> list[float]:
        """Return the rate after each epoch, as the emitted source sets it by these measures."""
        optimizer = self.training.make_optimizer(self.model)
        scheduler, found = self.training.make_scheduler(optimizer), []
        for value in values:
            scheduler.step(value)
            found.append(float(optimizer.param_groups[0]["lr"]))
        return found

    def start_training(self) -> None:
        """Begin with a new optimizer."""
        self.__dict__.pop("_stepping", None)
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

    def loss_of_outputs(self, output: Array, target: Target) -> tuple[float, Array]:
        """Return the loss of what the network gives, and its gradient by that."""
        given = self.tensor(output).requires_grad_(True)
        taken = given
        if self.head is not None:  # the loss takes what the activation at the end does
            is_softmax = self.head.activation.type == "softmax"
            taken = given.log() if is_softmax else torch.logit(given)
        with self.precision():
            loss = self.training.loss_function(taken, *self.goals(target))
        (gradient,) = torch.autograd.grad(loss, [given])
        return float(loss.detach()), gradient.cpu().numpy()

    def measured(self, inputs: Mapping[str, Array], target: Target) -> dict[str, float]:
        """Return the metrics of the emitted script, if there is one."""
        evaluate = getattr(self.emitted, "evaluate", None)
        if evaluate is None:
            return {}
        # In the units that it is learnt in.
        record = {"target_mean": 0.0, "target_scale": 1.0, "output_mean": []}
        is_shifted = hasattr(self.emitted, "measure") and shifts_target(self.spec)
        more = (record,) if is_shifted else ()
        with self.precision():
            rows = (*self.tensors(inputs), *self.goals(target))
            values = evaluate(self.model, rows, *more)
        return {name: float(value) for name, value in values.items() if name != "loss"}

    def optimizer_state(self) -> Weights:
        """Return what the optimizer remembers, by neutral names."""
        return self._stepping.state() if self._remembered is None else self._remembered

    def load_optimizer_state(self, state: Mapping[str, Array]) -> None:
        """Set what the `optimizer_state` of any backend gave; raises WeightsError for else."""
        self._stepping.load_state(state)

    def averaged(self) -> AbstractContextManager[None]:
        """Let the averages stand for the weights, once there are any."""
        return self._stepping.averaged()

    def reseed(self, seed: int) -> None:
        """Start dropout's random numbers anew."""
        torch.manual_seed(seed)

    def export_onnx(self, path: Path, opset: int) -> None:
        """Write the network as at inference with torch.onnx (its torch.export-based exporter)."""
        # As forward has it: a float that a cast gives is of the network's precision.
        with self.precision():
            export_onnx(self.model.eval(), self.graph, self.dtype, path, opset)

    def penalty(self) -> Tensor | float:
        """Return what the size of the parameters adds to the loss."""
        added = getattr(self.training, "penalty", None)
        total: Tensor | float = 0.0 if added is None else added(self.model)
        return total

    def collected(self) -> AbstractContextManager[Sequence[Tensor]]:
        """Collect what activations add to the loss, summed over the rows."""
        found = getattr(self.training, "collected", None)
        return nullcontext(()) if found is None else found(self.model)

    def _loss(self, inputs: Mapping[str, Array], target: Target) -> Tensor:
        compute = getattr(self.model, "for_loss", getattr(self.model, "logits", self.model))
        loss_function = self.training.loss_function
        rows = self.tensors(inputs)
        with self.precision(), self.collected() as activity:
            loss: Tensor = loss_function(compute(*rows), *self.goals(target))
            return loss + self.penalty() + sum(activity) / len(rows[0])

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
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        # First of the dtype: not every device has float64.
        return (tensor.to(self.dtype) if tensor.is_floating_point() else tensor).to(self.device)

    def goals(self, target: Target) -> list[Tensor]:
        """Return what the loss takes after what the network gives; raises DataError."""
        return [self.tensor(goal) for goal in require_goals(self.spec, target)]


def _as_tensor(array: Array) -> Tensor:
    """Return a tensor to be copied from: where it can be, the array's own memory."""
    if array.flags.writeable and array.flags.c_contiguous:  # else PyTorch warns, or refuses
        return torch.from_numpy(array)
    return torch.tensor(array)


def _arrays(module: nn.Module) -> Weights:
    return {
        canonical_name(name): tensor.detach().cpu().numpy().copy()
        for name, tensor in module.state_dict().items()
        if not name.endswith(COUNTER)
    }


def _replacing(gradient: Tensor, shares: list[Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda found: gradient * shares[-1] if shares else gradient
