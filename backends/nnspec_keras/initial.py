"""First values of the parameters in Keras, which takes fans from a variable's shape alone."""

from __future__ import annotations

from nnspec.emit.code import Call, call
from nnspec.layers import Parameter
from nnspec.layers.initializers import (
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    InitializerBase,
    Normal,
    Orthogonal,
)


def initializer(
    parameter: Parameter, law: InitializerBase | None = None, *, fans: str = "in out"
) -> str | Call:
    """Return Keras's name of a parameter's law, or a call that makes it.

    fans: which of its fans Keras finds itself: "in out", "in", "out", the sum of both ("sum") or
    none. law: in place of the parameter's own.
    """
    law = parameter.initializer if law is None else law
    fan_in, fan_out = ("fan_in", parameter.fan_in), ("fan_out", parameter.fan_out)
    if isinstance(law, Constant):
        return call("keras.initializers.Constant", ("value", float(law.value)))
    if isinstance(law, Normal):
        return call("keras.initializers.RandomNormal", stddev=float(law.stddev))
    if isinstance(law, Orthogonal) and law.gain != 1:
        return call("keras.initializers.Orthogonal", gain=float(law.gain))
    if isinstance(law, GlorotUniform | GlorotNormal) and fans not in ("in out", "sum"):
        return Call(law.type, (), (fan_in, fan_out))
    if isinstance(law, HeUniform | HeNormal) and fans not in ("in out", "in"):
        return Call(law.type, (), (fan_in,))
    return law.type


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
