"""An optimizer that keeps an average of the weights; the source defines its classes."""

from __future__ import annotations

from nnspec.emit.code import Call
from nnspec.emit.snippets import snippets
from nnspec.language.averages import Average
from nnspec.language.training_schema import Training
from nnspec_keras.defined import derived
from nnspec_keras.parameter_groups import Made

CALLBACKS = ("Averaged", "Restored")
_KINDS = {"ema": "ExponentialAverage", "swa": "MeanOfWeights"}
_SOURCES = snippets("nnspec_keras.emitted", "averaging")


def with_average(made: Made, average: Average | None) -> Made:
    """Return the optimizer as it keeps the average of the spec."""
    if average is None:
        return made
    kind = _KINDS[average.type]
    name = f"{kind}Of{made.call.function.rpartition('.')[2]}"
    own: dict[str, object] = {"average_decay": average.decay}
    if average.type == "swa":
        own = {"start": average.start, "every": average.every}
    call = Call(name, made.call.positional, (*made.call.keywords, *own.items()))
    text = derived(_SOURCES[kind].text, kind, name, made.call.function)
    return Made(call, [*made.definitions, text], made.uses)


def callback_sources(training: Training) -> list[str]:
    """Return the callbacks by which averages are measured and saved."""
    return [] if not training.keeps_average else [_SOURCES[name].text for name in CALLBACKS]
