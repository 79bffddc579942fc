"""How the toy expresses what it knows: lines of NumPy, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from nnspec import layers
from nnspec.errors import UnsupportedError
from nnspec.language.losses import LOSSES as KNOWN_LOSSES
from nnspec.language.losses import Loss
from nnspec.language.losses.regression import MeanSquaredError
from nnspec.language.optimizers import OPTIMIZERS as KNOWN_OPTIMIZERS
from nnspec.language.optimizers import Optimizer
from nnspec.language.optimizers.sgd import Sgd
from nnspec.language.schedules import SCHEDULES as KNOWN_SCHEDULES
from nnspec.language.schedules import Schedule
from nnspec.layers import Layer
from nnspec_toy.language import Harmonic, Rms, SoftAbsolute, Swing

WHY = "a toy does without it"


class Lines(NamedTuple):
    """An expression of `{x}`; from `{g}`, those of the gradients by `{x}` and by the weights."""

    forward: str
    backward: str
    weights: Mapping[str, str]


def dense(layer: layers.Dense, path: str) -> Lines:
    weight = f'weights["{path}.weight"]'
    gradients = {f"{path}.weight": "{g}.T @ {x}"}
    bias = ""
    if layer.use_bias:
        bias, gradients[f"{path}.bias"] = f' + weights["{path}.bias"]', "{g}.sum(axis=0)"
    return Lines(f"{{x}} @ {weight}.T{bias}", f"{{g}} @ {weight}", gradients)


def dense_by_sums(layer: layers.Dense, path: str) -> Lines:
    weight = f'weights["{path}.weight"]'
    lines = dense(layer, path)
    bias = lines.forward.partition(" + ")[2]
    return Lines(
        f'np.einsum("bi,oi->bo", {{x}}, {weight}){bias and f" + {bias}"}',
        f'np.einsum("bo,oi->bi", {{g}}, {weight})',
        {**lines.weights, f"{path}.weight": 'np.einsum("bo,bi->oi", {g}, {x})'},
    )


def relu(layer: layers.Relu, path: str) -> Lines:
    return Lines("np.maximum({x}, 0)", "{g} * ({x} > 0)", {})


def linear(layer: layers.Linear, path: str) -> Lines:
    return Lines("{x}", "{g}", {})


def swing(layer: Swing, path: str) -> Lines:
    wave = f"{layer.amplitude!r} *"
    return Lines(f"{{x}} + {wave} np.sin({{x}})", f"{{g}} * (1 + {wave} np.cos({{x}}))", {})


LAYERS: dict[type[Layer], Callable[..., Lines]] = {
    layers.Dense: dense,
    layers.Relu: relu,
    layers.Linear: linear,
    Swing: swing,
}
UNSUPPORTED = {layer: WHY for layer in layers.LAYERS.values() if layer not in LAYERS}

LOSSES: dict[type[Loss], tuple[str, str]] = {
    MeanSquaredError: ("np.mean((y - target) ** 2)", "2 * (y - target) / y.size"),
    SoftAbsolute: ("np.mean(np.log(np.cosh(y - target)))", "np.tanh(y - target) / y.size"),
}
"""Loss -> its expression, and that of its gradient."""


def sgd(optimizer: Sgd) -> list[str]:
    if optimizer.momentum:
        raise UnsupportedError("toy cannot express the optimizer sgd with momentum")
    return ["return parameter - rate * gradient"]


def rms(optimizer: Rms) -> list[str]:
    return [
        f"past = {optimizer.rho!r} * state.get(name, 0 * gradient)",
        f"state[name] = past + {1 - optimizer.rho!r} * gradient**2",
        "return parameter - rate * gradient / (np.sqrt(state[name]) + 1e-6)",
    ]


OPTIMIZERS: dict[type[Optimizer], Callable[..., list[str]]] = {Sgd: sgd, Rms: rms}
SCHEDULES: dict[type[Schedule], Callable[..., str]] = {
    Harmonic: lambda schedule: f"{schedule.initial!r} / (1 + step / {schedule.steps})",
}


def rest(known: Mapping[str, type[Any]], rows: Mapping[Any, object]) -> dict[type[Any], str]:
    """Return the classes of nnspec without a row, and why."""
    return {record: WHY for record in known.values() if record not in rows}


UNSUPPORTED_LOSSES = rest(KNOWN_LOSSES, LOSSES)
UNSUPPORTED_OPTIMIZERS = rest(KNOWN_OPTIMIZERS, OPTIMIZERS)
UNSUPPORTED_SCHEDULES = rest(KNOWN_SCHEDULES, SCHEDULES)
