"""The operations of a run of a PyTorch network, kept so that each can be computed alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from nnspec.backend.foreign import Unit, View

if TYPE_CHECKING:
    from nnspec.backend.foreign import Step

RECURRENT = {"lstm": "lstm", "gru": "gru", "rnn_tanh": "simple_rnn", "lstm_cell": "lstm",
             "gru_cell": "gru", "rnn_tanh_cell": "simple_rnn"}  # fmt: skip
OWN = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


@dataclass(frozen=True, slots=True)
class Ref:
    """A tensor in a call that is kept: the number of a value, the name of a tensor held, or one
    that a call on tensors held alone has made.
    """

    number: int = -1
    held: str = ""
    made: tuple[Call, int] | None = None


@dataclass(slots=True)
class Call:
    """A call of a function of PyTorch, with what stands for its tensors."""

    function: Callable[..., Any]
    args: Any
    named: Any
    variants: dict[str, tuple[Callable[..., Any], Any, Any]] = field(default_factory=dict)

    def run(self, tensor_of: Callable[[Ref], torch.Tensor], variant: str = "") -> Any:
        """Return the result; for an assignment to a part of a tensor, that tensor."""
        function, args, named = self.function, self.args, self.named
        if variant:
            function, args, named = self.variants[variant]
        given = mapped(args, tensor_of)
        result = function(*given, **mapped(named, tensor_of))
        return given[0] if name_of(function) == "__setitem__" else result


def name_of(function: Callable[..., Any]) -> str:
    """Return the name that a function is told by."""
    if isinstance(function, torch._ops.OpOverload):  # of an exported graph: aten::linear
        return str(function._schema.name).rpartition("::")[2]
    name = getattr(function, "__name__", str(function))
    if name == "__get__":  # of a property, as x.T
        return str(getattr(getattr(function, "__self__", None), "__name__", name))
    return str(name)


def mapped(given: Any, change: Callable[[Any], Any]) -> Any:
    """Return arguments with each tensor, or what stands for it, changed."""
    if isinstance(given, torch.Tensor | Ref):
        return change(given)
    if isinstance(given, Mapping):
        return {key: mapped(each, change) for key, each in given.items()}
    if isinstance(given, tuple) and hasattr(given, "_fields"):
        return type(given)(*(mapped(each, change) for each in given))
    if isinstance(given, list | tuple):
        return type(given)(mapped(each, change) for each in given)
    return given


def refs_in(given: Any) -> Iterator[Ref]:
    """Yield what stands for tensors in arguments."""
    if isinstance(given, Ref):
        yield given
    elif isinstance(given, Mapping):
        for each in given.values():
            yield from refs_in(each)
    elif isinstance(given, list | tuple):
        for each in given:
            yield from refs_in(each)


def unit_of(step: Step, call: Call, shapes: Mapping[str, tuple[int, ...]]) -> Unit:
    """Return a step that takes tensors held as what can be computed alone."""
    name = name_of(call.function)
    kind = RECURRENT.get(name, "")
    own: dict[str, str] = {}
    if kind:
        names = [each.held for each in refs_in(call.args) if each.held]
        own = dict(zip(names, OWN, strict=False))
    epsilon = 0.0
    if name == "batch_norm":
        kind = "batch_normalization"
        by_place = call.args[7] if len(call.args) > 7 else 1e-5  # as exported graphs have it
        epsilon = float(call.named.get("eps", by_place))
    last = [each.rpartition(".")[2] for each in step.tensors]
    for each, short in zip(step.tensors, last, strict=True):
        own.setdefault(each, short if last.count(short) == 1 else each)
    views = tuple(
        View(own[each], each, shapes[each], tuple(range(len(shapes[each]))))
        for each in step.tensors
    )
    return Unit(step.number, views, kind, epsilon)


def in_layers(note: Callable[..., Any], function: Callable[..., Any], args: Sequence[Any]) -> Any:
    """Call each layer and direction of a recurrent function alone; returns what the call would.

    note: calls a function with its arguments, and notes it.
    """
    given, start, flat, has_biases, layers, _, _, is_double, is_batch_first = args
    count = 4 if has_biases else 2
    directions = 2 if is_double else 1
    is_lstm = isinstance(start, list | tuple)
    ends: list[Any] = []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            at = layer * directions + direction
            states = [note(torch.Tensor.narrow, each, 0, at, 1)
                      for each in (start if is_lstm else [start])]  # fmt: skip
            taken = given
            axis = 1 if is_batch_first else 0
            if direction:
                taken = note(torch.flip, given, [axis])
            own = flat[at * count : (at + 1) * count]
            first = tuple(states) if is_lstm else states[0]
            result = note(
                function, taken, first, own, has_biases, 1, 0.0, False, False, is_batch_first
            )
            output = note(torch.flip, result[0], [axis]) if direction else result[0]
            outputs.append(output)
            ends.append(result[1:])
        given = outputs[0] if len(outputs) == 1 else note(torch.cat, outputs, -1)
    states = [note(torch.cat, list(each), 0) for each in zip(*ends, strict=True)]
    return (given, *states)


def is_deep(name: str, args: Sequence[Any]) -> bool:
    """Whether a call is of a recurrent layer on several layers or in both directions."""
    return (
        name in ("lstm", "gru", "rnn_tanh", "rnn_relu")
        and len(args) == 9
        and isinstance(args[8], bool)
        and (args[4] > 1 or args[7])
        and (not args[6] or args[5] == 0)
    )


# What operations are mistaken for

Variant = tuple[str, Callable[..., Any], Any, Any]
ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "relu": functional.relu, "gelu": functional.gelu, "tanh": torch.tanh,
    "sigmoid": torch.sigmoid, "silu": functional.silu, "elu": functional.elu,
    "leaky_relu": functional.leaky_relu, "softplus": functional.softplus,
}  # fmt: skip
POOLS = {
    f"{one}_pool{n}d": f"{other}_pool{n}d"
    for n in (1, 2, 3) for one, other in (("max", "avg"), ("avg", "max"))
}  # fmt: skip
ORDERS = ((1, 0, 2, 3), (0, 2, 1, 3), (0, 1, 3, 2), (3, 1, 2, 0), (0, 2, 3, 1), (0, 3, 1, 2))
"""Of the gates of an LSTM."""
NUMBERS: dict[str, tuple[Any, ...]] = {
    "eps": (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12, 0.0),
    "negative_slope": (0.01, 0.1, 0.2, 0.3),
    "is_causal": (True, False),
    "approximate": ("none", "tanh"),
    "dim": (-1, 0, 1, 2),
    "padding": (0, 1, 2, 3),
    "stride": (1, 2, 3),
}
"""Other values of arguments that are given by name."""


def variants_of(call: Call) -> Iterator[Variant]:
    """Yield the calls that one is often mistaken for, each told as what a file does instead."""
    name, args, named = name_of(call.function), call.args, call.named
    rest = args[1:]
    if name in ACTIVATIONS and args:
        for other, function in ACTIVATIONS.items():
            if other != name:
                yield f"computes {other}, and not {name}", function, args[:1], {}
        yield f"leaves {name} out", torch.Tensor.clone, args[:1], {}
    if name == "gelu":
        form = "none" if named.get("approximate", "none") == "tanh" else "tanh"
        told = "the tanh approximation" if form == "tanh" else "the exact form"
        yield f"computes {told} of gelu", call.function, args, {"approximate": form}
    for key, value in named.items():
        for other in NUMBERS.get(key, ()):
            if other != value:
                told = f"computes with {key} {other}, and not {value}"
                yield told, call.function, args, {**named, key: other}
    for at, key in enumerate(_argument_names(call.function)[: len(args)]):
        for other in NUMBERS.get(key, ()):
            if isinstance(args[at], int | float | str) and other != args[at]:
                told = f"computes with {key} {other}, and not {args[at]}"
                yield told, call.function, (*args[:at], other, *args[at + 1 :]), named
    if name in POOLS:
        other = getattr(functional, POOLS[name])
        yield f"computes {POOLS[name]}, and not {name}", other, args[:4], _pool_arguments(named)
    if name in ("softmax", "log_softmax") and args:
        for dim in range(-1, 3):
            yield f"computes {name} along axis {dim}", getattr(torch, name), args[:1], {"dim": dim}
        yield f"leaves {name} out", torch.Tensor.clone, args[:1], {}
    if name == "scaled_dot_product_attention":
        for flag in (True, False):
            told = f"computes with is_causal {flag}"
            yield told, call.function, args[:3], {"is_causal": flag}
        yield "scales the scores by 1", call.function, args, {**named, "scale": 1.0}
    if name in ("linear", "conv1d", "conv2d", "conv3d") and len(args) > 2 and args[2] is not None:
        left = (*args[:2], None, *args[3:])
        yield "adds no bias", call.function, left, named
        yield "adds the bias twice", _twice(call.function), args, named
    if name == "__getitem__" and len(args) == 2:
        yield from _other_items(call)
    if name == "flatten" and args:
        told = "flattens with the channels last"
        yield told, lambda x, *_: torch.movedim(x, 1, -1).flatten(1), args[:1], {}
    if name in RECURRENT and not name.endswith("_cell") and len(args) == 9:
        axis = 1 if args[8] is True else 0

        def turned(x: torch.Tensor, *others: Any) -> Any:
            return call.function(x.flip([axis]), *others)

        yield "goes through the sequence backwards", turned, args, named
        for order in ORDERS if name == "lstm" else ():
            told = f"has the gates in another order: {', '.join('ifgo'[i] for i in order)}"
            yield told, _gates(call, order, 4), args, named
            yield f"{told}, but for its biases", _gates(call, order, 2), args, named
    if name in ("add", "__add__", "__iadd__") and rest:
        yield f"computes a product, and not {name}", torch.mul, args[:2], {}
        yield "leaves out the second operand of a sum", lambda x, _: x.clone(), args[:2], {}
        yield "leaves out the first operand of a sum", lambda _, y: y.clone(), args[:2], {}


def _argument_names(function: Callable[..., Any]) -> list[str]:
    """Return the names of what a function takes by place, or none where it does not say them."""
    if isinstance(function, torch._ops.OpOverload):  # of an exported graph
        return [each.name for each in function._schema.arguments]
    try:
        return [*inspect.signature(function).parameters]
    except (TypeError, ValueError):  # it is written in C
        return []


def _pool_arguments(named: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: each for key, each in named.items()
        if key in ("kernel_size", "stride", "padding", "ceil_mode")
    }  # fmt: skip


def _twice(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, weight: Any, bias: Any, *others: Any, **named: Any) -> Any:
        return function(x, weight, 2 * bias, *others, **named)

    return call


def _gates(call: Call, order: tuple[int, ...], count: int) -> Callable[..., Any]:
    def compute(x: Any, start: Any, flat: Any, *others: Any) -> Any:
        pieces = [each.chunk(len(order)) for each in flat[:count]]
        changed = [torch.cat([each[i] for i in order]) for each in pieces]
        return call.function(x, start, [*changed, *flat[count:]], *others)

    return compute


def _other_items(call: Call) -> Iterator[Variant]:
    """Yield other places of a sequence than the one taken, and its mean and maximum."""
    given, index = call.args
    places = index if isinstance(index, tuple) else (index,)
    if Ellipsis in places or any(each is None for each in places if not isinstance(each, Ref)):
        return
    for axis, place in enumerate(places):
        if not isinstance(place, int) or isinstance(place, bool):
            continue
        for other in (0, -1):
            if other != place:
                changed = (*places[:axis], other, *places[axis + 1 :])
                told = f"takes place {other}, and not {place}, of axis {axis}"
                yield told, call.function, (given, changed), {}
        for word, function in (("mean", torch.mean), ("maximum", torch.amax), ("sum", torch.sum)):
            yield (
                f"takes the {word} over axis {axis}, and not place {place}",
                function, (given, axis), {},
            )  # fmt: skip
