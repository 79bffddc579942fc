"""Batch normalisation folded into the convolution or dense layer that feeds it.

At inference batch normalisation is y = (x - mean) · s + beta with s = gamma / √(var + epsilon), one
s for each channel. After an operator that multiplies by weights W and adds a bias b, this is the
same operator with W · s and (b - mean) · s + beta. Jacob et al. 2018, Quantization and Training of
Neural Networks for Efficient Integer-Arithmetic-Only Inference, section 3.2.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from nnspec_onnx.ir import Initializer, Network, Node

if TYPE_CHECKING:
    from nnspec.backend import Array


class Fold(NamedTuple):
    """A batch normalisation, and the operators that can do its work.

    norm: the layer's path. producer, adder: names of the operator that multiplies, and of an Add
    of the bias after it. replaced: names of the weight and of the bias, if there is one. weight,
    bias: what takes the place of both. constants: what else these are made of.
    """

    norm: str
    producer: str
    adder: str | None
    replaced: tuple[str, ...]
    constants: tuple[str | float, ...]
    weight: Initializer
    bias: Initializer


def foldable(network: Network) -> list[Fold]:
    """Return every batch normalisation that can be folded.

    It must be all that takes what a Conv, ConvTranspose, Gemm or MatMul gives, perhaps transposed,
    and have its channels where the weights put theirs; and nothing else may use the weights, but
    further calls of the same layers. What follows an activation stays, and what stands before a
    convolution, where padding comes between.
    """
    search = _Search(network)
    norms = [node for node in network.nodes if node.op_type == "BatchNormalization"]
    by_weight: dict[str, list[Fold]] = {}
    for norm in norms:
        fold = search.fold(norm)
        if fold is not None:
            by_weight.setdefault(fold.replaced[0], []).append(fold)
    return [
        fold
        for folds in by_weight.values()
        for fold in folds
        if all(search.uses[name] == len(folds) for name in fold.replaced)
        and all(other.constants == fold.constants for other in folds)
    ]


def folded(network: Network, folds: Iterable[Fold]) -> Network:
    """Return a network that was lowered without these batch normalisations, with folded tensors.

    The tensors are computed in float64 from the canonical parameters, once these are known.
    """
    by_weight = {fold.replaced[0]: fold for fold in folds}
    by_operator = {fold.producer: fold for fold in folds}
    by_adder = {fold.adder: fold for fold in folds}
    nodes: list[Node] = []
    for node in network.nodes:
        if node.name in by_operator:
            nodes += _with_tensors(node, by_operator[node.name])
        elif node.name in by_adder:
            inputs = (node.inputs[0], by_adder[node.name].bias.name)
            nodes.append(node._replace(inputs=inputs))
        else:
            nodes.append(node)
    used = {value for node in nodes for value in node.inputs}
    tensors: list[Initializer] = []
    for tensor in network.initializers:
        if tensor.name in by_weight:
            fold = by_weight[tensor.name]
            tensors += (fold.weight, fold.bias)
        elif tensor.name in used:
            tensors.append(tensor)
    return dataclasses.replace(network, nodes=tuple(nodes), initializers=tuple(tensors))


def _with_tensors(node: Node, fold: Fold) -> Iterator[Node]:
    x, weight, bias = node.inputs[0], fold.weight.name, fold.bias.name
    if node.op_type != "MatMul":
        yield node._replace(inputs=(x, weight, bias))
    elif fold.adder is not None:
        yield node._replace(inputs=(x, weight))
    else:
        product = f"{node.name}.product"
        yield node._replace(name=product, inputs=(x, weight), outputs=(product,))
        yield Node(node.name, "Add", (product, bias), node.outputs, {})


class _Search:
    """Finds what feeds the batch normalisations of a network."""

    def __init__(self, network: Network) -> None:
        self.made = {value: node for node in network.nodes for value in node.outputs}
        self.tensors = {tensor.name: tensor for tensor in network.initializers}
        self.uses = Counter(value for node in network.nodes for value in node.inputs)
        self.uses.update(value.name for value in network.outputs)

    def fold(self, norm: Node) -> Fold | None:
        """Return how a batch normalisation is folded, or None if it cannot be."""
        axis, last = 1, None
        node = self.only_source(norm.inputs[0])
        while node is not None and node.op_type == "Transpose":
            order = cast("tuple[int, ...]", node.attributes["perm"])
            axis, last = order[axis], len(order) - 1
            node = self.only_source(node.inputs[0])
        adder = None
        if node is not None and node.op_type == "Add":
            adder, node = node, self.only_source(node.inputs[0])
        if node is None or node.op_type not in _SCALED:
            return None
        if adder is not None and node.op_type != "MatMul":
            return None
        # A MatMul makes the last axis. Without a Transpose that is not axis 1, which the batch
        # normalisation takes: a dense layer on vectors is a Gemm.
        if axis != (last if node.op_type == "MatMul" else 1):
            return None
        given = [*node.inputs[1:], *(adder.inputs[1:] if adder is not None else ())]
        if not all(name in self.tensors for name in given):
            return None
        scale, shift, mean, variance = (self.tensors[name] for name in norm.inputs[1:])
        weight, *biases = (self.tensors[name] for name in given)
        if any(bias.shape != mean.shape for bias in biases):
            return None
        epsilon = cast("float", norm.attributes["epsilon"])
        groups = cast("int", node.attributes.get("group", 1))
        scaled = _SCALED[node.op_type]

        def new_weight(old: Array, scale: Array, variance: Array) -> Array:
            return scaled(old, scale / np.sqrt(variance + epsilon), groups)

        def new_bias(
            scale: Array, shift: Array, mean: Array, variance: Array, old: Array | float = 0.0
        ) -> Array:
            return (old - mean) * scale / np.sqrt(variance + epsilon) + shift

        return Fold(
            norm.name,
            node.name,
            adder.name if adder is not None else None,
            (weight.name, *(bias.name for bias in biases)),
            (*norm.inputs[1:], epsilon, groups),
            # The name of the canonical parameter stays that of the canonical tensor.
            _made_of(f"{weight.name}_folded", weight.shape, new_weight, weight, scale, variance),
            _made_of(
                f"{weight.name.rpartition('.')[0]}.bias_folded",
                mean.shape,
                new_bias,
                *(scale, shift, mean, variance, *biases),
            ),
        )

    def only_source(self, value: str) -> Node | None:
        """Return what makes a value that is used once."""
        return self.made.get(value) if self.uses[value] == 1 else None


def _made_of(
    name: str, shape: tuple[int, ...], formula: Callable[..., Array], *given: Initializer
) -> Initializer:
    """Return a tensor that a formula makes of others in float64."""
    parameters = tuple(dict.fromkeys(name for tensor in given for name in tensor.parameters))

    def transform(*arrays: Array) -> Array:
        weights = dict(zip(parameters, arrays, strict=True))
        return formula(*(np.asarray(tensor.array(weights), np.float64) for tensor in given))

    return Initializer(name, "float32", shape, parameters=parameters, transform=transform)


def _first_axis(weight: Array, scale: Array, groups: int) -> Array:
    return weight * scale.reshape(-1, *(1 for _ in weight.shape[1:]))


def _second_axis(weight: Array, scale: Array, groups: int) -> Array:
    """Scale (in, out / groups, *kernel): each group of inputs makes its own outputs."""
    inputs, outputs, *kernel = weight.shape
    parted = weight.reshape(groups, inputs // groups, outputs, *kernel)
    by_group = scale.reshape(groups, 1, outputs, *(1 for _ in kernel))
    return np.asarray((parted * by_group).reshape(weight.shape))


def _last_axis(weight: Array, scale: Array, groups: int) -> Array:
    return weight * scale


_SCALED: dict[str, Callable[[Array, Array, int], Array]] = {
    "Conv": _first_axis,
    "ConvTranspose": _second_axis,
    "Gemm": _first_axis,
    "MatMul": _last_axis,
}
"""Operator -> its weight times one number for each channel that it makes; a Gemm has transB=1."""
