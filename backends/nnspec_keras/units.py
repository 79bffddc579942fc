"""The layers of a run of a Keras network, kept so that each can be computed alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from nnspec.backend.foreign import Step, Unit, View

KINDS = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "simple_rnn",
         "BatchNormalization": "batch_normalization"}  # fmt: skip
RECURRENT = {"kernel": "weight_ih_l0", "recurrent_kernel": "weight_hh_l0", "bias": "bias_ih_l0"}
OWN = {
    "kernel": "weight", "gamma": "weight", "scale": "weight", "beta": "bias",
    "moving_mean": "running_mean", "moving_variance": "running_var", "embeddings": "weight",
}  # fmt: skip
ACTIVATIONS = ("linear", "relu", "gelu", "tanh", "sigmoid", "silu", "softmax", "elu", "leaky_relu")
VALUES: dict[str, tuple[Any, ...]] = {
    "epsilon": (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12),
    "activation": ACTIVATIONS,
    "recurrent_activation": ("sigmoid", "hard_sigmoid", "tanh"),
    "negative_slope": (0.01, 0.1, 0.2, 0.3),
    "approximate": (True, False),
    "padding": ("same", "valid", "causal"),
    "strides": (1, 2, 3),
    "pool_size": (2, 3),
    "axis": (-1, 1),
    "go_backwards": (True, False),
    "reset_after": (True, False),
    "use_bias": (False,),
}
"""Other values that a field has in files that were ported wrongly."""
KIN = {
    f"{one}{n}D": f"{other}{n}D"
    for n in (1, 2, 3)
    for one, other in (
        ("MaxPooling", "AveragePooling"), ("AveragePooling", "MaxPooling"),
        ("GlobalMaxPooling", "GlobalAveragePooling"), ("GlobalAveragePooling", "GlobalMaxPooling"),
    )
} | {"Add": "Multiply", "Multiply": "Add"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ref:
    """A tensor in a call that is kept, by the number of its value."""

    number: int


@dataclass(slots=True)
class Call:
    """A call of a layer or an operation, with what stands for its tensors."""

    operation: Any
    original: Callable[..., Any]
    args: Any
    named: Any

    def run(self, tensor_of: Callable[[Ref], Any], change: Mapping[str, Any] | None = None) -> Any:
        """Return the result; change: other values of the layer's config, or another class."""
        args, named = mapped(self.args, tensor_of), mapped(self.named, tensor_of)
        if change is None:
            return self.original(self.operation, *args, **named)
        return _changed(self.operation, change, args, named)


def _changed(layer: Any, change: Mapping[str, Any], args: Any, named: Any) -> Any:
    """Return what a layer like another gives, but for some fields, with its weights."""
    kind = getattr(keras.layers, change["class"]) if "class" in change else type(layer)
    config = {**layer.get_config(), **{key: each for key, each in change.items() if key != "class"}}
    made = kind.from_config(config)
    made(*args, **named)
    weights = layer.get_weights()
    made.set_weights(weights[: len(made.weights)])
    return made(*args, **named)


def mapped(given: Any, change: Callable[[Any], Any]) -> Any:
    """Return arguments with each tensor, or what stands for it, changed."""
    if tf.is_tensor(given) or isinstance(given, Ref):
        return change(given)
    if isinstance(given, Mapping):
        return {key: mapped(each, change) for key, each in given.items()}
    if isinstance(given, list | tuple) and not hasattr(given, "_fields"):
        return type(given)(mapped(each, change) for each in given)
    return given


def is_leaf(operation: Any) -> bool:
    """Whether an operation is one of Keras's own, which is computed as a whole."""
    name = type(operation).__name__
    is_own = type(operation).__module__.startswith("keras.")
    return is_own and not isinstance(operation, keras.Model) and name != "Bidirectional"


def unit_of(step: Step, call: Call, names: Mapping[int, str]) -> Unit:
    """Return a step that takes tensors held as what can be computed alone."""
    kind = KINDS.get(step.kind, "")
    views: list[View] = []
    met: set[str] = set()
    for variable in getattr(call.operation, "weights", ()):
        name = names.get(id(variable))
        if name is None or name not in step.tensors or name in met:
            continue
        met.add(name)
        views.extend(_views(step.kind, kind, name, tuple(variable.shape)))
    owns = [each.own for each in views]
    views = [
        each if owns.count(each.own) == 1
        else View(each.tensor, each.tensor, each.shape, each.axes, each.part)
        for each in views
    ]  # fmt: skip
    epsilon = float(getattr(call.operation, "epsilon", 0.0))
    return Unit(step.number, tuple(views), kind, epsilon)


def _views(layer: str, kind: str, name: str, shape: tuple[int, ...]) -> Iterator[View]:
    last = name.rpartition("/")[2]
    whole = tuple(range(len(shape)))
    if kind in ("lstm", "gru", "simple_rnn"):
        own = RECURRENT.get(last, last)
        if last == "bias" and len(shape) == 2:  # a GRU that resets after has two
            yield View("bias_ih_l0", name, shape[1:], whole, (0, 2))
            yield View("bias_hh_l0", name, shape[1:], whole, (1, 2))
        elif len(shape) == 2:
            yield View(own, name, (shape[1], shape[0]), (1, 0))
        else:
            yield View(own, name, shape, whole)
        return
    own = OWN.get(last, last)
    if layer == "MultiHeadAttention":
        home = name.split("/")[-2]
        yield _of_heads(home, own, name, shape)
        return
    if layer.startswith("DepthwiseConv") and last == "kernel":
        *places, channels, count = shape
        axes = (*whole[-2:], *whole[:-2])
        yield View(own, name, (channels * count, 1, *places), axes)
        return
    if last.endswith("kernel") and len(shape) >= 2:
        axes = (*reversed(whole[-2:]), *whole[:-2])
        yield View(own, name, tuple(shape[i] for i in axes), axes)
        return
    yield View(own, name, shape, whole)


def _of_heads(home: str, own: str, name: str, shape: tuple[int, ...]) -> View:
    """Return a parameter of attention: the axes of the heads become one."""
    whole = tuple(range(len(shape)))
    if own != "weight":
        return View(f"{home}.{own}", name, (math.prod(shape),), whole)
    if home == "attention_output":
        axes = (2, 0, 1)
        return View(f"{home}.{own}", name, (shape[2], shape[0] * shape[1]), axes)
    return View(f"{home}.{own}", name, (shape[1] * shape[2], shape[0]), (1, 2, 0))


def variants_of(call: Call) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what a layer is often mistaken for, told, with the change of its config."""
    layer = call.operation
    if not isinstance(layer, keras.Layer):
        return
    try:
        config = layer.get_config()
    except Exception:  # of a class that does not say how it is made again
        return
    for name, others in VALUES.items():
        if name not in config:
            continue
        mine = config[name]
        for other in others:
            if other != mine and not (isinstance(mine, list | tuple) and {*mine} == {other}):
                yield f"computes with {name} {other}, and not {mine}", {name: other}
    kind = type(layer).__name__
    if kind in KIN:
        yield f"computes {KIN[kind]}, and not {kind}", {"class": KIN[kind]}
