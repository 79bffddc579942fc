"""Layers whose kernels have a length and a direction, in Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, NativeParameter
from nnspec.layers.weighted import Normalizable

FUNCTION = "WeightNormalization"
_DEFAULT = {"kernel": (-1,)}


def normalized(lowering: Callable[..., Lowered]) -> Callable[..., Lowered]:
    """Return a lowering whose layer is wrapped where it says that its weights are normalised."""

    def lowered(layer: Normalizable, context: Context) -> Lowered:
        if not layer.weight_normalization:
            return lowering(layer, context)
        plain = layer.model_copy(update={"weight_normalization": False})
        made = lowering(plain, context)
        if made.module is None:
            return made
        kernels = {
            native.name: _outputs(native, layer.outputs_axis)
            for native in made.parameters
            if _is_weight(native)
        }
        module = call(
            FUNCTION,
            ("layer", made.module),
            **({} if kernels == _DEFAULT else {"kernels": kernels}),
        )
        natives = tuple(part for native in made.parameters for part in _parts(native, layer))
        return made._replace(module=module, parameters=natives)

    return lowered


def _is_weight(native: NativeParameter) -> bool:
    return native.parameter.endswith("weight")


def _outputs(native: NativeParameter, axis: int) -> tuple[int, ...]:
    """Return the axes of the outputs, counted from the last."""
    # A depthwise kernel has the outputs of each channel on an axis of their own.
    axes = (0, 1) if native.shape is not None else (axis,)
    order = native.permutation or (0, 1)  # a table stays as it is
    return tuple(sorted(order.index(each) - len(order) for each in axes))


def _parts(native: NativeParameter, layer: Normalizable) -> Iterator[NativeParameter]:
    if not _is_weight(native):
        yield native
        return
    shape = native.shape and (*native.shape[:2], *[1] * (len(native.shape) - 2))
    length = f"{native.parameter}_g", f"{native.name}_length"
    yield replace(native, parameter=length[0], name=length[1], shape=shape)
    yield replace(native, parameter=f"{native.parameter}_v")
