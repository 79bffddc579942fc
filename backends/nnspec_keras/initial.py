"""First values of the parameters in Keras, which takes fans from a variable's shape alone."""

from __future__ import annotations

from nnspec.emit.code import Call, call
from nnspec.emit.helpers import Helper
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


_FUNCTION = '''\
def {name}({arguments}):
    """{summary}."""
    {scale} = {value}
    return keras.initializers.{draw}
'''
_UNIFORM = "RandomUniform(-bound, bound)"
_NORMAL = "TruncatedNormal(stddev=stddev)"
_CUT = "0.8796256610342398"


def _function(name: str, arguments: str, variance: str, summary: str) -> str:
    is_uniform = name.endswith("uniform")
    root = f"math.sqrt({variance})"
    return _FUNCTION.format(
        name=name,
        arguments=arguments,
        summary=summary,
        scale="bound" if is_uniform else "stddev",
        value=root if is_uniform else f"{root} / {_CUT}",
        draw=_UNIFORM if is_uniform else _NORMAL,
    ).rstrip()


_DEPTHWISE_ORTHOGONAL = '''\
@keras.saving.register_keras_serializable()
class DepthwiseOrthogonal(keras.initializers.Orthogonal):
    """Orthogonal over the channels and what each gives, the window the other axis."""

    def __call__(self, shape, dtype=None):
        window = math.prod(shape[:-2])
        kernel = super().__call__((window, shape[-2] * shape[-1]), dtype=dtype)
        return ops.reshape(kernel, shape)
'''

_STACKED = '''\
@keras.saving.register_keras_serializable()
class Stacked(keras.initializers.Initializer):
    """Two rows, each by a law of its own."""

    def __init__(self, first, second):
        self.first = keras.initializers.get(first)
        self.second = keras.initializers.get(second)

    def __call__(self, shape, dtype=None):
        laws = (self.first, self.second)
        return ops.stack([law(shape[1:], dtype=dtype) for law in laws])

    def get_config(self):
        return {
            "first": keras.initializers.serialize(self.first),
            "second": keras.initializers.serialize(self.second),
        }
'''

_FANS = "fan_in, fan_out"
_REST = "cut at two deviations and rescaled"
HELPERS: dict[str, Helper] = {
    "glorot_uniform": _function(
        "glorot_uniform",
        _FANS,
        "6 / (fan_in + fan_out)",
        "Uniform on ±sqrt(6 / (fan_in + fan_out))",
    ),
    "glorot_normal": _function(
        "glorot_normal",
        _FANS,
        "2 / (fan_in + fan_out)",
        f"Normal of variance 2 / (fan_in + fan_out), {_REST}",
    ),
    "he_uniform": _function("he_uniform", "fan_in", "6 / fan_in", "Uniform on ±sqrt(6 / fan_in)"),
    "he_normal": _function(
        "he_normal", "fan_in", "2 / fan_in", f"Normal of variance 2 / fan_in, {_REST}"
    ),
    "DepthwiseOrthogonal": _DEPTHWISE_ORTHOGONAL.rstrip(),
    "Stacked": _STACKED.rstrip(),
}
"""Laws that Keras has not, or not with fans that a shape alone does not tell."""
