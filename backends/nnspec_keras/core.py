"""Dense and shape layers in Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from nnspec import layers
from nnspec.emit.code import Call, call
from nnspec.emit.lowering import Context, Lowered, NativeParameter, Rows
from nnspec.emit.tree import CALLED, MODULE, Input, X, apply
from nnspec.layers import Layer, Parameter
from nnspec.layers.core import computed_axis
from nnspec.layers.initializers import Zeros
from nnspec.layers.rows import MergeRows, PartRows
from nnspec.layers.weighted import Biased
from nnspec_keras.initial import keras_initializer
from nnspec_keras.normalized import normalized

KERNELS = {2: (1, 0), 3: (2, 1, 0), 4: (2, 3, 1, 0), 5: (2, 3, 4, 1, 0)}
"""Rank of a canonical weight -> the order of its axes in a Keras kernel."""
LAST: Mapping[str, object] = {"data_format": "channels_last"}
"""Said of each layer that would else take it from the settings of whoever runs the code."""


def last_of(axes: int) -> Mapping[str, object]:
    """Return LAST, or nothing for a layer of one spatial axis that takes no format."""
    return LAST if axes > 1 else {}


def kernel_and_bias(parameters: Iterable[Parameter]) -> tuple[NativeParameter, ...]:
    """Return where Keras keeps a weight and a bias."""
    return tuple(
        NativeParameter("weight", "kernel", KERNELS[len(parameter.shape)])
        if parameter.name == "weight"
        else NativeParameter("bias", "bias")
        for parameter in parameters
    )


def weighted(
    layer: Biased, parameters: Iterable[Parameter], initializers: Mapping[str, str | Call]
) -> dict[str, object]:
    """Return the arguments of bias and first values; `initializers` are those of the weights."""
    keywords: dict[str, object] = {}
    if not layer.use_bias:
        keywords["use_bias"] = False
    keywords |= {
        name: initializer
        for name, initializer in initializers.items()
        if initializer != "glorot_uniform"
    }
    for parameter in parameters:
        if parameter.name.endswith("bias") and not isinstance(parameter.initializer, Zeros):
            keywords["bias_initializer"] = keras_initializer(parameter, fans="")
    return keywords


def without_settings(function: str) -> Callable[[Layer, Context], Lowered]:
    """Return the lowering to a Keras layer that takes none of our settings."""
    return lambda layer, context: Lowered(CALLED, call(function))


def dense(layer: layers.Dense, context: Context) -> Lowered:
    """layers.Dense."""
    parameters = context.parameters(layer)
    initializers = {"kernel_initializer": keras_initializer(parameters[0])}
    module = call(
        "layers.Dense", ("units", layer.units), **weighted(layer, parameters, initializers)
    )
    return Lowered(CALLED, module, parameters=kernel_and_bias(parameters))


def flatten(layer: layers.Flatten, context: Context) -> Lowered:
    """layers.Flatten, which takes a vector as it is in either format."""
    return Lowered(CALLED, call("layers.Flatten", **(LAST if context.rank > 1 else {})))


def reshape(layer: layers.Reshape, context: Context) -> Lowered:
    """layers.Reshape; a helper where axes of the input keep their dynamic sizes."""
    given, shape = context.inputs[0].shape, context.outputs[0].shape
    computed = computed_axis(given, shape)
    dynamic = [i for i, size in enumerate(shape) if isinstance(size, str)]
    kept = {i: given.index(shape[i]) + 1 for i in dynamic if i != computed}
    if computed is None and kept:
        # Keras computes one size itself.
        del kept[dynamic[0]]
    target = tuple(
        size if isinstance(size, int) else None if i in kept else -1 for i, size in enumerate(shape)
    )
    if not kept:
        return Lowered(CALLED, call("layers.Reshape", ("target_shape", target)))
    axes = tuple(kept.values())
    module = call("KeepingReshape", ("target_shape", target), axes=axes)
    return Lowered(CALLED, module)


def part_rows(layer: PartRows, context: Context) -> Lowered:
    """A helper, which asks how many rows became one."""
    return Lowered(apply(MODULE, X, Input(1)), call("PartRows"))


ROWS: Rows = {
    layers.Dense: normalized(dense),
    layers.Flatten: flatten,
    layers.Reshape: reshape,
    MergeRows: without_settings("MergeRows"),
    PartRows: part_rows,
}
