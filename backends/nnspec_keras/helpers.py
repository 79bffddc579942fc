"""Functions that the emitted source defines where Keras has none that means the same."""

from __future__ import annotations

from nnspec.emit.body import Body
from nnspec.emit.helpers import Helper, used_helpers
from nnspec_keras import (
    arithmetic,
    attention_source,
    initial,
    ordering,
    padding,
    pooling,
    resizing,
    transposed,
)
from nnspec_keras.elementwise import ELEMENTWISE
from nnspec_keras.tables import TABLES

_GELU = '''\
@keras.saving.register_keras_serializable()
def gelu(x):
    """Gaussian error linear unit, its constants as precise as `x`."""
    return 0.5 * x * (1 + ops.erf(x / math.sqrt(2)))
'''

_GELU_TANH = '''\
@keras.saving.register_keras_serializable()
def gelu_tanh(x):
    """Gaussian error linear unit with tanh for erf, its constants as precise as `x`."""
    return 0.5 * x * (1 + ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
'''

_STEPS_BEFORE = '''\
def steps_before(x, lengths):
    """Return which steps of `x` (batch, time, features) come before each row's length."""
    steps = ops.cumsum(ops.ones_like(x[:, :, 0], dtype="int32"), axis=1)
    return steps <= ops.expand_dims(ops.cast(lengths, "int32"), 1)
'''

_WITHOUT_MASK = '''\
def without_mask(y, *states):
    """Return the same; later layers would obey the mask that Keras attaches to `y`."""
    y = ops.copy(y)
    return (y, *states) if states else y
'''

_FIRST_FLIPPED = '''\
def first_flipped(y, *states):
    """Return the same, the steps of `y` in reverse order."""
    return ops.flip(y, axis=1), *states
'''

HELPERS: dict[str, Helper] = {
    "gelu": _GELU.rstrip(),
    "gelu_tanh": _GELU_TANH.rstrip(),
    **initial.HELPERS,
    **transposed.HELPERS,
    **ELEMENTWISE,
    **arithmetic.HELPERS,
    **TABLES,
    **attention_source.HELPERS,
    "steps_before": _STEPS_BEFORE.rstrip(),
    "without_mask": _WITHOUT_MASK.rstrip(),
    "first_flipped": _FIRST_FLIPPED.rstrip(),
    **padding.HELPERS,
    **pooling.HELPERS,
    **resizing.HELPERS,
    **ordering.HELPERS,
}


def helpers_of(network: Body) -> list[str]:
    """Return the source of every helper that the network calls, in a fixed order."""
    return used_helpers(network, HELPERS)
