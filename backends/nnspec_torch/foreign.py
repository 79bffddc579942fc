"""Opens a PyTorch network of somebody's Python file, and follows what it computes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from nnspec.backend.foreign import Cut, Described, Given, Held, Reference, Trace, Unit
from nnspec.backend.lines import noting
from nnspec.backend.python_files import defined, named_in, network_of, remade
from nnspec_torch.doubles import in_doubles, take_weights
from nnspec_torch.following import Follower, results_of
from nnspec_torch.units import Ref, unit_of, variants_of

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights


def open_file(reference: Reference) -> TorchForeign:
    """Run a Python file, and return the network that it makes; raises UsageError."""
    folder = Path(reference.path).parent

    def made() -> tuple[nn.Module, dict[int, str]]:
        places: dict[int, str] = {}
        with noting(nn.Module, places, folder):
            return network_of(reference, nn.Module, "torch.nn.Module"), places

    found = TorchForeign(*made(), folder, made)
    found.making = partial(remade, reference, nn.Module)
    return found


class TorchForeign:
    """A module of somebody's file.

    making: gives source that makes the network in a script, and the files that it reads; it takes
    what the names of these begin with. is_exported: whether that is a program of torch.export.
    """

    making: Callable[[str], tuple[str, dict[str, bytes]]] | None = None
    is_exported = False

    def __init__(
        self,
        module: nn.Module,
        places: Mapping[int, str],
        folder: Path,
        again: Callable[[], tuple[nn.Module, Mapping[int, str]]] | None = None,
    ) -> None:
        """again: makes the network anew, with the line that made each module by its id."""
        self.folder = folder
        self._again = again
        self._is_double = False
        self._set(module, places)

    def _set(self, module: nn.Module, places: Mapping[int, str]) -> None:
        self.module = module.eval()
        self._places = places
        self._names = {id(each): name for name, each in module.named_modules()}
        self._frozen = {id(each) for each in module.parameters() if not each.requires_grad}
        for parameter in module.parameters():
            parameter.requires_grad_(True)  # so that each has a gradient to compare
        self._held = {name: name for name, _ in _tensors(module)}
        """Names of tensors as they are asked for -> as the module has them."""
        self._followed: Follower | None = None

    @property
    def _tensors(self) -> dict[str, torch.Tensor]:
        """The tensors held now: a module may assign a buffer anew when it is trained."""
        there = dict(_tensors(self.module))
        return {name: there[own] for name, own in self._held.items() if own in there}

    def use(self, dtype: str) -> str:
        """Compute in this dtype, and return it."""
        self._is_double = dtype == "float64"
        if self._is_double and self._again is not None:
            try:
                with in_doubles():
                    made, places = self._again()
                take_weights(made, self.module)
            except Exception:  # of a file that gives another network each time, say
                self._again = None
            else:
                self._set(made, places)
        self.module.to(getattr(torch, dtype))
        return dtype

    def rename(self, name_of: Callable[[str], str]) -> None:
        """Call each tensor otherwise."""
        self._held = {name_of(name): own for name, own in self._held.items()}

    def describe(self) -> Described:
        """Return what it takes and holds."""
        signature = inspect.signature(self.module.forward)
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        inputs = tuple(
            Given(name, None, "", each.default is inspect.Parameter.empty)
            for name, each in signature.parameters.items()
            if each.kind not in kinds
        )
        names: dict[int, list[str]] = {}
        tensors = self._tensors
        for name, tensor in tensors.items():
            names.setdefault(id(tensor), []).append(name)
        held = []
        for first, *aliases in names.values():
            tensor = tensors[first]
            learned = isinstance(tensor, nn.Parameter)
            dtype = str(tensor.dtype).removeprefix("torch.")
            held.append(Held(first, tuple(tensor.shape), dtype, learned, tuple(aliases)))
        return Described("torch", type(self.module).__name__, inputs, tuple(held))

    def weights(self) -> Weights:
        """Return every tensor held, by name."""
        return {name: each.detach().numpy().copy() for name, each in self._tensors.items()}

    def load(self, weights: Mapping[str, Array]) -> None:
        """Set tensors by name."""
        tensors = self._tensors
        with torch.no_grad():
            for name, array in weights.items():
                tensor = tensors[name]
                tensor.copy_(torch.from_numpy(np.array(array)).to(tensor.dtype))

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as at inference."""
        with torch.no_grad():
            found = self._called(self._taken(inputs))
            return {name: each.detach().numpy().copy() for name, each in found}

    def run_training(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as in training; buffers stay as they are."""
        kept = {name: each.clone() for name, each in self.module.named_buffers()}
        self.module.train()
        try:
            return self.run(inputs)
        finally:
            self.module.eval()
            with torch.no_grad():
                for name, each in self.module.named_buffers():
                    each.copy_(kept[name])

    def learn(
        self, inputs: Mapping[str, Array], towards: Mapping[str, Array]
    ) -> tuple[dict[str, Array], Weights]:
        """Return the outputs as in training, or the gradients of Σ output · towards."""
        from nnspec_torch.learning import learn  # which few calls need

        return learn(self, inputs, towards)

    def parameters(self) -> dict[str, nn.Parameter]:
        """Return what the file lets learn, by the name of the tensor; each once."""
        found: dict[int, tuple[str, nn.Parameter]] = {}
        for name, each in self._tensors.items():
            if isinstance(each, nn.Parameter) and id(each) not in self._frozen:
                found.setdefault(id(each), (name, each))
        return dict(found.values())

    def trace(self, inputs: Mapping[str, Array]) -> Trace:
        """Return the outputs as at inference, and every operation on the way to them."""
        return self._trace(inputs)[0]

    def units(self, inputs: Mapping[str, Array]) -> tuple[Trace, tuple[Unit, ...]]:
        """Return a run whose steps can then be computed alone, and those that take tensors."""
        trace, self._followed = self._trace(inputs)
        shapes = {name: tuple(each.shape) for name, each in self._tensors.items()}
        calls = self._followed.calls
        return trace, tuple(
            unit_of(step, calls[step.number], shapes) for step in trace.steps if step.tensors
        )

    def compute(
        self, steps: Sequence[int], values: Mapping[int, Array], variant: str = ""
    ) -> dict[int, Array]:
        """Return what steps of the last run of units give, in order, with the tensors held now."""
        assert self._followed is not None
        tensors = {number: torch.from_numpy(np.array(each)) for number, each in values.items()}
        held = self._tensors
        found: dict[int, Array] = {}

        def tensor_of(ref: Ref) -> torch.Tensor:
            if ref.made is not None:
                call, place = ref.made
                return results_of(call.run(tensor_of))[place]
            if isinstance(ref, Ref):
                return held[ref.held] if ref.held else tensors[ref.number]
            return ref

        with torch.no_grad():
            for number in steps:
                result = self._followed.calls[number].run(tensor_of, variant)
                variant = ""
                outputs = self._followed.steps[number].outputs
                for key, each in zip(outputs, results_of(result), strict=True):
                    tensors[key] = each
                    found[key] = each.numpy().copy()
        return found

    def variants(self, step: int) -> list[str]:
        """Return what a step is often mistaken for, each told as what a file does instead."""
        assert self._followed is not None
        call = self._followed.calls[step]
        call.variants = {told: rest for told, *rest in variants_of(call)}  # type: ignore[misc]
        return list(call.variants)

    def _trace(self, inputs: Mapping[str, Array]) -> tuple[Trace, Follower]:
        taken = self._taken(inputs)
        follower = Follower(self, taken)
        with torch.no_grad(), follower.naming(), follower:
            outputs = self._called(taken)
        return Trace(
            tuple(follower.steps),
            follower.values,
            follower.given,
            {name: each.detach().numpy().copy() for name, each in outputs},
            follower.is_whole,
        ), follower

    def gradients(
        self, inputs: Mapping[str, Array], towards: Mapping[str, Array]
    ) -> tuple[Weights, Weights]:
        """Return the gradient of Σ output · towards by each tensor learned and each float input."""
        taken = self._taken(inputs)
        floats = {name: each for name, each in taken.items() if each.is_floating_point()}
        for each in floats.values():
            each.requires_grad_(True)
        learned = {
            name: each for name, each in self._tensors.items() if isinstance(each, nn.Parameter)
        }
        found = dict(self._called(taken))
        total = sum(
            (found[name] * torch.from_numpy(array).to(found[name].dtype)).sum()
            for name, array in towards.items()
        )
        asked = [*learned.values(), *floats.values()]
        if torch.is_tensor(total) and total.requires_grad:
            given = torch.autograd.grad(total, asked, materialize_grads=True)
        else:  # of outputs that no gradient goes through
            given = tuple(torch.zeros_like(each) for each in asked)
        arrays = [gradient.numpy().copy() for gradient in given]
        split = len(learned)
        return (
            dict(zip(learned, arrays[:split], strict=True)),
            dict(zip(floats, arrays[split:], strict=True)),
        )

    def at(self) -> str:
        """Return the line that computes now, where the file itself says it."""
        return ""

    def cuts(
        self, inputs: Mapping[str, Array], taken: Sequence[int], given: int | None, name: str,
        of_units: bool = False,
    ) -> list[Cut]:  # fmt: skip
        """Return the parts of the network that make one value of others, the smallest first."""
        from nnspec_torch.cutting import cuts  # which few calls need

        return cuts(self, inputs, taken, given, name)

    def path_of(self, module: nn.Module) -> str | None:
        """Return the name of a module within the network, if it has one."""
        return self._names.get(id(module))

    def name_of(self, module: nn.Module) -> str:
        """Return a module by its path, its class and the line that made it."""
        path = self._names.get(id(module), "")
        made = self._places.get(id(module), "")
        kind = type(module).__name__
        return f"{path} ({kind}, made at {made})" if made else f"{path} ({kind})"

    def names_by_id(self) -> dict[int, str]:
        """Return the name of each tensor held, by the id of the object."""
        found: dict[int, str] = {}
        for name, tensor in self._tensors.items():
            found.setdefault(id(tensor), name)
        return found

    def _taken(self, inputs: Mapping[str, Array]) -> dict[str, torch.Tensor]:
        dtype = next(
            (each.dtype for each in self._tensors.values() if each.is_floating_point()),
            torch.float64 if self._is_double else torch.float32,
        )
        found = {name: torch.from_numpy(np.array(array)) for name, array in inputs.items()}
        return {
            name: each.to(dtype) if each.is_floating_point() else each
            for name, each in found.items()
        }

    def _called(self, inputs: Mapping[str, torch.Tensor]) -> list[tuple[str, torch.Tensor]]:
        with in_doubles() if self._is_double else nullcontext():
            return list(named_in(self.module(**inputs), torch.is_tensor))


def _tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from module.named_parameters(remove_duplicate=False)
    for name, buffer in module.named_buffers(remove_duplicate=False):
        if name.rpartition(".")[2] != "num_batches_tracked":
            yield name, buffer


def open_program(program: Any) -> TorchForeign:
    """Return a network that nnspec has built, its tensors by their canonical names."""
    from nnspec_torch.naming import canonical_name, class_name

    found = TorchForeign(program.model, {}, Path(__file__).parent)
    found.rename(canonical_name)
    name = class_name(program.spec.name)
    text = f"{program.source_text()}\n\n" + defined("network()", "", f"return {name}()")
    found.making = lambda _: (text, {})
    return found
