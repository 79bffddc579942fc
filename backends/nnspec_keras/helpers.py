"""Functions that the emitted source defines where Keras has none that means the same."""

from __future__ import annotations

from nnspec.emit.body import Body
from nnspec.emit.code import Expr

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

_AVERAGE_POOLING2D = '''\
def average_pooling2d(pool_size, strides, padding, name):
    """Return a layer's function: the mean of each window, padding not counted."""
    pad = layers.ZeroPadding2D(padding, name=f"{name}.padding")
    pool = layers.AveragePooling2D(pool_size, strides, name=name)
    return lambda x: pool(pad(x)) / pool(pad(ops.ones_like(x)))
'''

HELPERS = {
    "gelu": _GELU.rstrip(),
    "gelu_tanh": _GELU_TANH.rstrip(),
    "average_pooling2d": _AVERAGE_POOLING2D.rstrip(),
}


def helpers_of(network: Body) -> list[str]:
    """Return the source of every helper that the network calls, in a fixed order."""
    used: set[str] = set()
    seen: set[int] = set()

    def visit(body: Body) -> None:
        if id(body) in seen:
            return
        seen.add(id(body))
        for step in body.steps:
            for inner in step.bodies:
                visit(inner)
            module = step.lowered.module if step.lowered is not None else None
            if module is None:
                continue
            used.add(module.function)
            given = (*module.positional, *module.keywords)
            used.update(str(value) for _, value in given if isinstance(value, Expr))

    visit(network)
    return [source for name, source in HELPERS.items() if name in used]
