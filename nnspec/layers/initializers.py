"""Initializers: the distributions of the first values of parameters.

Fans are those of the operation: fan_in = inputs that one output sums over, fan_out = outputs that
one input reaches (Glorot and Bengio 2010, He et al. 2015).
"""

from typing import Annotated, ClassVar, Literal

from nnspec.layers.fields import Frozen, once
from nnspec.layers.records import ByType
from nnspec.layers.registry import INITIALIZERS as _FILES
from nnspec.layers.registry import Table


class InitializerBase(Frozen):
    """Base of the initializers."""

    type: str


class Zeros(InitializerBase):
    """Every element 0."""

    type: Literal["zeros"] = "zeros"


class Ones(InitializerBase):
    """Every element 1."""

    type: Literal["ones"] = "ones"


zeros = once(Zeros)
ones = once(Ones)


class Scaled(InitializerBase):
    """Base of the initializers whose width follows from the fans."""

    scale: ClassVar[float]
    fan: ClassVar[Literal["in", "average"]]
    law: ClassVar[Literal["uniform", "normal"]]


class GlorotUniform(Scaled):
    """Uniform on ±sqrt(6 / (fan_in + fan_out)); Glorot and Bengio 2010, equation 16."""

    type: Literal["glorot_uniform"] = "glorot_uniform"
    scale, fan, law = 1.0, "average", "uniform"


INITIALIZERS: Table[InitializerBase] = Table(_FILES)
"""The initializers by `type`, each imported when it is first asked for."""

Initializer = Annotated[InitializerBase, ByType("initializer", lambda: INITIALIZERS)]
