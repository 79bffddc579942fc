"""Third-party backends: NumPy source for dense layers, trained, with additions to the language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nnspec.backend import (
    DEFAULTS,
    Array,
    Backend,
    Can,
    Options,
    Reserved,
    Support,
    option,
    options_as,
    require_supported,
)
from nnspec.errors import UnsupportedError
from nnspec.language.losses import Loss
from nnspec.language.optimizers import Optimizer
from nnspec.language.schedules import Schedule
from nnspec.language.training_schema import Training
from nnspec.layers import Dense, Layer
from nnspec.network.graph import inline
from nnspec.network.loader import Spec
from nnspec.support.files import write_text
from nnspec_toy import lowerings
from nnspec_toy.lowerings import Lines
from nnspec_toy.program import ToyProgram


@dataclass(frozen=True, slots=True)
class ToyOptions(Options):
    """How a spec is compiled to the toy's NumPy."""

    header: str = option("", "A comment at the top of the source.")


@dataclass(frozen=True)
class ToyCompiled:
    spec: Spec
    source: str

    def write(self, path: str | Path) -> Path:
        return write_text(path, self.source)

    def build(
        self, weights: Mapping[str, Array] | None = None, *, dtype: str = "float32"
    ) -> ToyProgram:
        return ToyProgram(self.spec, self.source, weights, dtype)


class ToyBackend(Backend):
    can = Can.GRADIENTS | Can.TRAINING
    options = ToyOptions
    packages: Mapping[str, tuple[str, ...]] = {"nnspec-toy": ("nnspec-toy",)}
    reserved = Reserved(modules=frozenset({"toys"}))
    losses: Support[Loss] = Support(lowerings.LOSSES, lowerings.UNSUPPORTED_LOSSES)
    optimizers: Support[Optimizer] = Support(lowerings.OPTIMIZERS, lowerings.UNSUPPORTED_OPTIMIZERS)
    schedules: Support[Schedule] = Support(lowerings.SCHEDULES, lowerings.UNSUPPORTED_SCHEDULES)

    def __init__(self, name: str, rows: Mapping[type[Layer], Callable[..., Lines]]) -> None:
        self.name = name
        self.rows = rows

    @property
    def layers(self) -> Support[Layer]:
        return Support(self.rows, lowerings.UNSUPPORTED)

    def compile(self, spec: Spec, options: Options = DEFAULTS) -> ToyCompiled:
        own = options_as(ToyOptions, options)
        require_supported(self, spec, own)
        graph = inline(spec.graph)
        steps: list[tuple[str, str, Lines]] = []
        names = {value: value for value in graph.inputs}
        for node in graph.nodes:
            layer = node.layer  # type: ignore[union-attr]  # an inlined graph has layers only
            given = names[node.inputs[0]]
            for each in (layer, getattr(layer, "activation", None)):
                if each is not None:
                    made = f"x{len(steps)}"
                    steps.append((made, given, self.rows[type(each)](each, node.name)))
                    given = made
            names[node.outputs[0]] = given
        forward = [f"    {made} = {line.forward.format(x=x)}" for made, x, line in steps]
        outputs = [names[value] for value in graph.outputs]
        parts = [
            f"# {own.header}" if own.header else "",
            "import numpy as np",
            f"def network(weights, {', '.join(graph.inputs)}):",
            *forward,
            f"    return [{', '.join(outputs)}]",
        ]
        training = spec.model.training if own.training else None
        if training is not None:
            if len({x for _, x, _ in steps}) < len(steps):
                raise UnsupportedError(f"{self.name} trains chains alone")
            arguments = ", ".join(graph.inputs)
            parts += [f"def gradients(weights, target, {arguments}):", *forward]
            parts += backward(training, steps, outputs[0])
        return ToyCompiled(spec, "\n".join(line for line in parts if line) + "\n")


def backward(training: Training, steps: list[tuple[str, str, Lines]], output: str) -> list[str]:
    """Return the lines of loss, gradients, step and learning rate."""
    loss, slope = lowerings.LOSSES[type(training.resolved_loss)]
    lines = [f"    y = {output}", f"    loss = {loss}", f"    found, g_{output} = {{}}, {slope}"]
    for made, x, line in reversed(steps):
        for name, gradient in line.weights.items():
            lines.append(f'    found["{name}"] = {gradient.format(x=x, g=f"g_{made}")}')
        lines.append(f"    g_{x} = {line.backward.format(x=x, g=f'g_{made}')}")
    optimizer = training.optimizer
    rate = optimizer.learning_rate
    expression = lowerings.SCHEDULES[type(rate)](rate) if isinstance(rate, Schedule) else repr(rate)
    stepped = lowerings.OPTIMIZERS[type(optimizer)](optimizer)
    return [
        *lines,
        "    return loss, found",
        "def stepped(parameter, gradient, state, name, rate):",
        *(f"    {line}" for line in stepped),
        "def learning_rate(step):",
        f"    return {expression}",
    ]


backend = ToyBackend("toy", lowerings.LAYERS)
twin = ToyBackend("toy_twin", {**lowerings.LAYERS, Dense: lowerings.dense_by_sums})
