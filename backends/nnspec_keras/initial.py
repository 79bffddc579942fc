"""First values of the parameters in Keras, which takes fans from a variable's shape alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nnspec.emit.code import Call, call
from nnspec.errors import UnsupportedError
from nnspec.layers import Parameter
from nnspec.layers.initializers import (
    Constant,
    GlorotUniform,
    InitializerBase,
    Normal,
    Ones,
    Zeros,
)
from nnspec.layers.rare_initializers import GlorotNormal, HeNormal, HeUniform, Orthogonal


def initializer(
    parameter: Parameter, law: InitializerBase | None = None, *, fans: str = "in out"
) -> str | Call:
    """Return Keras's name of a parameter's law, or a call that makes it.

    fans: which of its fans Keras finds itself: "in out", "in", "out", the sum of both ("sum") or
    none. law: in place of the parameter's own.
    """
    law = parameter.initializer if law is None else law
    row = INITIALIZERS.get(type(law))
    if row is None:
        raise UnsupportedError(f"keras cannot express the initializer {law.type}: it has no row")
    return row(law, parameter, fans)


def _stock(law: InitializerBase, parameter: Parameter, fans: str) -> str:
    return law.type


def _constant(law: Constant, parameter: Parameter, fans: str) -> Call:
    return call("keras.initializers.Constant", ("value", float(law.value)))


def _normal(law: Normal, parameter: Parameter, fans: str) -> Call:
    return call("keras.initializers.RandomNormal", stddev=float(law.stddev))


def _orthogonal(law: Orthogonal, parameter: Parameter, fans: str) -> str | Call:
    if law.gain == 1:
        return law.type
    return call("keras.initializers.Orthogonal", gain=float(law.gain))


def _glorot(law: InitializerBase, parameter: Parameter, fans: str) -> str | Call:
    if fans in ("in out", "sum"):
        return law.type
    given = ("fan_in", parameter.fan_in), ("fan_out", parameter.fan_out)
    return Call(law.type, (), given)


def _he(law: InitializerBase, parameter: Parameter, fans: str) -> str | Call:
    if fans in ("in out", "in"):
        return law.type
    return Call(law.type, (), (("fan_in", parameter.fan_in),))


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
}
"""Law -> Keras's name of it, or what makes it."""


def depthwise(parameter: Parameter) -> str | Call:
    """Return the law of a kernel (*window, channels, multiplier), each channel by itself."""
    law = parameter.initializer
    if isinstance(law, Orthogonal):
        return call("DepthwiseOrthogonal", **({} if law.gain == 1 else {"gain": float(law.gain)}))
    return initializer(parameter, fans="")


def stacked(first: Parameter, second: Parameter) -> str | Call:
    """Return the law of a variable whose two rows are these parameters."""
    laws = initializer(first, fans=""), initializer(second, fans="")
    if laws[0] == laws[1]:
        return laws[0]
    return call("Stacked", ("first", laws[0]), ("second", laws[1]))
