"""First values of the parameters in Keras, which takes fans from a variable's shape alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nnspec.emit.code import Call, call
from nnspec.errors import UnsupportedError
from nnspec.layers import Parameter
from nnspec.layers.initializers import GlorotUniform, InitializerBase, Ones, Zeros
from nnspec.layers.plain_initializers import Constant, Normal
from nnspec.layers.rare_initializers import GlorotNormal, HeNormal, HeUniform, Orthogonal
from nnspec.layers.scaled_initializers import (
    Identity,
    LecunNormal,
    LecunUniform,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)


def keras_initializer(
    parameter: Parameter, initializer: InitializerBase | None = None, *, fans: str = "in out"
) -> str | Call:
    """Return Keras's name of a parameter's initializer, or a call that makes it.

    fans: which of its fans Keras finds itself: "in out", "in", "out", the sum of both ("sum") or
    none. initializer: in place of the parameter's own.
    """
    initializer = parameter.initializer if initializer is None else initializer
    row = INITIALIZERS.get(type(initializer))
    if row is None:
        raise UnsupportedError(
            f"keras cannot express the initializer {initializer.type}: it has no row"
        )
    return row(initializer, parameter, fans)


def _stock(initializer: InitializerBase, parameter: Parameter, fans: str) -> str:
    return initializer.type


def _constant(initializer: Constant, parameter: Parameter, fans: str) -> Call:
    return call("keras.initializers.Constant", ("value", float(initializer.value)))


def _normal(initializer: Normal, parameter: Parameter, fans: str) -> Call:
    return call("keras.initializers.RandomNormal", stddev=float(initializer.stddev))


def _orthogonal(initializer: Orthogonal, parameter: Parameter, fans: str) -> str | Call:
    if initializer.gain == 1:
        return initializer.type
    return call("keras.initializers.Orthogonal", gain=float(initializer.gain))


def _glorot(initializer: InitializerBase, parameter: Parameter, fans: str) -> str | Call:
    if fans in ("in out", "sum"):
        return initializer.type
    given = ("fan_in", parameter.fan_in), ("fan_out", parameter.fan_out)
    return Call(initializer.type, (), given)


def _he(initializer: InitializerBase, parameter: Parameter, fans: str) -> str | Call:
    if fans in ("in out", "in"):
        return initializer.type
    return Call(initializer.type, (), (("fan_in", parameter.fan_in),))


def _uniform(initializer: Uniform, parameter: Parameter, fans: str) -> Call:
    ends = {"minval": float(initializer.low), "maxval": float(initializer.high)}
    return call("keras.initializers.RandomUniform", **ends)


def _truncated(initializer: TruncatedNormal, parameter: Parameter, fans: str) -> Call:
    return call("keras.initializers.TruncatedNormal", stddev=float(initializer.stddev))


def _scaled(initializer: VarianceScaling, parameter: Parameter, fans: str) -> Call:
    own = {
        "scale": float(initializer.scale),
        "mode": initializer.mode,
        "distribution": initializer.distribution,
    }
    known = {"fan_in": ("in out", "in"), "fan_out": ("in out", "out"), "fan_avg": ("in out", "sum")}
    if fans in known[initializer.mode]:
        return call("keras.initializers.VarianceScaling", **own)
    given = ("fan_in", parameter.fan_in), ("fan_out", parameter.fan_out)
    return Call("variance_scaling", (), (*given, *own.items()))


def _identity(initializer: Identity, parameter: Parameter, fans: str) -> Call:
    gain = {} if initializer.gain == 1 else {"gain": float(initializer.gain)}
    return call("keras.initializers.Identity", **gain)


INITIALIZERS: Mapping[type[InitializerBase], Callable[..., str | Call]] = {
    Zeros: _stock,
    Ones: _stock,
    Constant: _constant,
    Normal: _normal,
    GlorotUniform: _glorot,
    GlorotNormal: _glorot,
    HeUniform: _he,
    HeNormal: _he,
    Orthogonal: _orthogonal,
    Uniform: _uniform,
    TruncatedNormal: _truncated,
    LecunUniform: _he,
    LecunNormal: _he,
    VarianceScaling: _scaled,
    Identity: _identity,
}
"""Initializer -> Keras's name of it, or what makes it."""


def depthwise(parameter: Parameter) -> str | Call:
    """Return the initializer of a kernel (*window, channels, multiplier), channel by channel."""
    initializer = parameter.initializer
    if isinstance(initializer, Orthogonal):
        return call(
            "DepthwiseOrthogonal",
            **({} if initializer.gain == 1 else {"gain": float(initializer.gain)}),
        )
    return keras_initializer(parameter, fans="")


def stacked(first: Parameter, second: Parameter) -> str | Call:
    """Return the initializer of a variable whose two rows are these parameters."""
    initializers = keras_initializer(first, fans=""), keras_initializer(second, fans="")
    if initializers[0] == initializers[1]:
        return initializers[0]
    return call("Stacked", ("first", initializers[0]), ("second", initializers[1]))
