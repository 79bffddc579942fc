"""Activations in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import literal
from nnspec.emit.lowering import Context, Lowered


def linear(layer: layers.Linear, context: Context) -> Lowered:
    """Nothing."""
    return Lowered("{0}")


def relu(layer: layers.Relu, context: Context) -> Lowered:
    """F.relu."""
    return Lowered("F.relu({0})")


def leaky_relu(layer: layers.LeakyRelu, context: Context) -> Lowered:
    """F.leaky_relu; the slope is written out, because Keras has another default."""
    return Lowered(f"F.leaky_relu({{0}}, {literal(layer.negative_slope)})")


def elu(layer: layers.Elu, context: Context) -> Lowered:
    """F.elu."""
    return Lowered("F.elu({0})" if layer.alpha == 1 else f"F.elu({{0}}, {literal(layer.alpha)})")


def sigmoid(layer: layers.Sigmoid, context: Context) -> Lowered:
    """torch.sigmoid."""
    return Lowered("torch.sigmoid({0})")


def tanh(layer: layers.Tanh, context: Context) -> Lowered:
    """torch.tanh."""
    return Lowered("torch.tanh({0})")


def softmax(layer: layers.Softmax, context: Context) -> Lowered:
    """torch.softmax."""
    axis = context.axis(layer.axis)
    return Lowered(f"torch.softmax({{0}}, dim={-1 if axis == context.rank else axis})")


def gelu(layer: layers.Gelu, context: Context) -> Lowered:
    """F.gelu."""
    return Lowered('F.gelu({0}, approximate="tanh")' if layer.approximate else "F.gelu({0})")


def silu(layer: layers.Silu, context: Context) -> Lowered:
    """F.silu."""
    return Lowered("F.silu({0})")
