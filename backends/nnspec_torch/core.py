"""Dense and shape layers in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call, literal
from nnspec.emit.lowering import Context, Lowered


def dense(layer: layers.Dense, context: Context) -> Lowered:
    """nn.Linear."""
    keywords = {} if layer.use_bias else {"bias": False}
    size = context.inputs[0].shape[-1]
    module = call("nn.Linear", ("in_features", size), ("out_features", layer.units), **keywords)
    return Lowered("{module}({0})", module)


def flatten(layer: layers.Flatten, context: Context) -> Lowered:
    """torch.flatten, which takes no scalars."""
    return Lowered("torch.flatten({0}, 1)" if context.rank else "{0}.unsqueeze(1)")


def reshape(layer: layers.Reshape, context: Context) -> Lowered:
    """Tensor.reshape."""
    sizes = ", ".join(map(str, (-1, *context.outputs[0].shape)))
    return Lowered(f"{{0}}.reshape({sizes})")


def pad(pads: tuple[tuple[int, int], ...], value: float | None = None) -> str:
    """Return F.pad of the first input; PyTorch counts the last axis first."""
    flat = tuple(size for pair in reversed(pads) for size in pair)
    filling = f", value={literal(value)}" if value is not None else ""
    return f"F.pad({{0}}, {flat}{filling})"


def padded(pads: tuple[tuple[int, int], ...]) -> tuple[str, tuple[tuple[str, str, object], ...]]:
    """Return `pad` with fields for the sizes, and these."""
    flat = [size for pair in reversed(pads) for size in pair]
    fields = [f"pad_{i}" for i in range(len(flat))]
    text = f"F.pad({{0}}, ({', '.join(f'{{{name}}}' for name in fields)}))"
    return text, tuple((name, "padding", size) for name, size in zip(fields, flat, strict=True))


def compact(sizes: tuple[int, ...]) -> object:
    """Return one number where all axes have the same."""
    return sizes[0] if len(set(sizes)) == 1 else sizes
