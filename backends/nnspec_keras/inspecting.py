"""The metrics that an emitted source measures, and the rates that its plateau sets.

Each function takes the program that `runtime` builds of the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnspec.data.weighting import parted
from nnspec.emit.goals import is_named
from nnspec.language.objectives import is_composed
from nnspec_keras.measuring import has_metrics
from nnspec_keras.precision import precision

if TYPE_CHECKING:
    from nnspec.backend import Array, Target


def rates_on_plateau(program: Any, values: Sequence[float], name: str) -> list[float]:
    """Return the rate after each epoch, as the emitted source sets it by these measures."""
    with precision(program.dtype):
        trained, found = program.training.compiled(program.model), []
        callback = program.training.make_plateau()
        callback.set_model(trained)
        for epoch, value in enumerate(values):
            # Another measure gets better always.
            others = {callback.monitor: 0.5**epoch}
            callback.on_epoch_end(epoch, {**others, name: value})
            found.append(float(trained.optimizer.learning_rate.numpy()))
    return found


def measured(program: Any, inputs: Mapping[str, Array], target: Target) -> dict[str, float]:
    """Return the metrics as the emitted source measures them, or compiles the model with."""
    measure = getattr(program.emitted, "measure", None)
    if measure is not None and is_named(program.spec):
        by_output: dict[str, float] = measure(target, program.forward(inputs))
        return by_output
    if measure is not None:
        target, weight = parted(target)
        if isinstance(target, Mapping):
            (target,) = target.values()
        (output,) = program.forward(inputs).values()
        more = () if weight is None else (weight,)
        found: dict[str, float] = measure(target, output, *more)
        return found
    if is_composed(program.spec.model) or not has_metrics(program.spec):
        return {}
    with precision(program.dtype):
        trained = program.trained
        trained.run_eagerly = True  # else a graph is made first, which takes longer
        trained.reset_metrics()
        goal, *weights = program.goals(target)
        values = trained.test_on_batch(program.tensors(inputs), goal, *weights, return_dict=True)
        trained.reset_metrics()
    return {name: float(value) for name, value in values.items() if name != "loss"}
