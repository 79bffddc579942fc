"""Writes a network as Keras source."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.backend import Precision
from nnspec.emit.body import Body, Lowerer
from nnspec.emit.code import Call, docstring_text, in_import_order
from nnspec.emit.definitions import Definitions
from nnspec.emit.drawers import drawers_of
from nnspec.emit.helpers import names_used, used_modules
from nnspec.emit.lowering import Language, Lowered
from nnspec.emit.names import ALL_BUILTINS, BUILTINS, KEYWORDS, snake
from nnspec.emit.tree import X, apply
from nnspec.emit.variations import Variations
from nnspec.errors import UsageError
from nnspec.layers import Activation, Layer
from nnspec.network.activity import regularized
from nnspec.network.graph import Graph
from nnspec.network.heads import loss_head
from nnspec.network.loader import Spec
from nnspec.network.objectives import loss_heads
from nnspec.support.collector import collector_paused
from nnspec.support.files import write_text
from nnspec.support.noise import Drawer
from nnspec_keras.defined import DEFINED, LOCAL
from nnspec_keras.functions import block_function, network_function
from nnspec_keras.helpers import HELPERS, helpers_of
from nnspec_keras.lowerings import LOWERINGS
from nnspec_keras.naming import names_in
from nnspec_keras.options import KerasOptions
from nnspec_keras.ordering import order_updates
from nnspec_keras.source import KerasSource

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec_keras.runtime import KerasProgram

_MODULES = ("keras", "layers", "math", "np", "ops", "tf")
TAKEN = frozenset({*_MODULES, *HELPERS, *DEFINED, *KEYWORDS, *BUILTINS})
"""Names that mean something else in the functions, which no variable or parameter has."""
_DEFINED = TAKEN | ALL_BUILTINS
"""Names that a file may define or import beside its functions."""


def _transpose(permutation: tuple[int, ...]) -> Lowered:
    axes = tuple(axis + 1 for axis in permutation)
    # Two axes are swapped by one permutation, whichever way.
    is_swap = len(permutation) == 2
    comment = "" if is_swap else f"channels {'last' if permutation[-1] == 0 else 'first'}"
    return Lowered(apply(apply("layers.Permute", axes), X), comment=comment)


def _fuse(module: Call, activation: Activation) -> Call | None:
    from nnspec_keras.activations import fuse  # the rows of all activations, which few need

    return fuse(module, activation)


_CONVOLUTION: dict[str, object] = {
    "strides": 1,
    "padding": "valid",
    "dilation_rate": 1,
    "groups": 1,
    "use_bias": True,
}
_DEPTHWISE = {name: usual for name, usual in _CONVOLUTION.items() if name != "groups"}
_DEFAULTS: dict[str, dict[str, object]] = {
    "layers.Conv1D": _CONVOLUTION,
    "layers.Conv2D": _CONVOLUTION,
    "layers.Conv3D": _CONVOLUTION,
    "layers.DepthwiseConv1D": _DEPTHWISE,
    "layers.DepthwiseConv2D": _DEPTHWISE,
    "layers.Dense": {"use_bias": True},
}

LANGUAGE = Language(LOWERINGS, "channels_last", _transpose, _fuse, _DEFAULTS)


class KerasCompiled(KerasSource):
    """Keras source that can be written and built."""

    def __repr__(self) -> str:
        return f"<KerasCompiled {self.spec.name}: {len(self.source.splitlines()):,} lines>"

    def write(self, path: str | Path) -> Path:
        """Write the source to a file, whole or not at all."""
        return write_text(path, self.source)

    def build(
        self, weights: Mapping[str, Array] | None = None, *, dtype: Precision = "float32"
    ) -> KerasProgram:
        """Build the model from the source; needs keras and tensorflow."""
        from nnspec_keras.runtime import KerasProgram

        return KerasProgram(self, weights, dtype, self._with_training, self._drawers)

    def _with_training(self) -> str:
        """Return the source with what trains it, which takes arrays as the spec declares them."""
        options = replace(self.options, training=True, layout="spec")
        return compile_network(self.spec, options).source

    def _drawers(self) -> dict[str, tuple[Layer, Drawer]]:
        """Return the random layers, and how what they take lies in memory."""
        heads = loss_heads(self.spec.model, self.spec.graph)
        lowerer = Lowerer(LANGUAGE, heads, keep_borders=self.options.layout == "spec")
        return drawers_of(lowerer.network(self.spec.graph))


@collector_paused()
def compile_network(spec: Spec, options: KerasOptions) -> KerasCompiled:
    """Return Keras source; raises UnsupportedError, UsageError."""
    if options.training and options.layout == "native":
        raise UsageError(
            "the training program feeds arrays as the spec declares them: compile it with "
            "layout spec"
        )
    head = loss_head(spec.model, spec.graph)
    heads = loss_heads(spec.model, spec.graph)
    lowerer = Lowerer(LANGUAGE, heads, keep_borders=options.layout == "spec")
    network = lowerer.network(regularized(spec))
    order_updates(network)
    function = function_name(spec.name, LOCAL if options.training else ())
    taken = frozenset({*TAKEN, function})
    definitions = Definitions(
        network,
        function,
        {*ALL_BUILTINS, *taken, *values_of(network)},
        {*taken, *values_of(network)},
        is_class=False,
        defaults=LANGUAGE.defaults,
        variations=Variations(spec, lowerer),
    )
    taken |= {definition.name for definition in definitions.ordered}
    helpers = helpers_of(names_used(network))
    names = names_in(definitions.network)
    functions = [block_function(definition, taken, names) for definition in definitions.ordered]
    functions.append(network_function(definitions.network, function, spec.name, taken))
    modules = used_modules({name for each in functions for name in each.names}, helpers)
    parts = [*(each.text for each in helpers), *(each.text for each in functions)]
    ending = "\n"
    standard: tuple[str, ...] = ()
    third: tuple[str, ...] = ()
    if options.training:
        from nnspec_keras.training import training_source  # which few compilations need

        training = training_source(spec, options, head, function)
        parts += training.parts
        ending = training.ending or ending
        standard, third = training.standard_imports, training.imports
        modules |= training.modules
    origin = f", compiled from {docstring_text(spec.path.name)}" if spec.path else ""
    text = "\n\n\n".join(parts)
    header = f'"""{spec.name}{origin}."""\n\n{imports(modules, standard, third)}'
    source = f"{header}\n\n\n{text}{ending}"
    return KerasCompiled(spec, options, source, function, head)


def function_name(name: str, taken: Collection[str] = ()) -> str:
    """Return the network's name as a function's: DigitsCNN as digits_cnn."""
    function = snake(name)
    return f"{function}_model" if function in _DEFINED or function in taken else function


def imports(
    modules: Collection[str], standard: Sequence[str] = (), third: Sequence[str] = ()
) -> str:
    """Return the import lines of these modules, and the given ones, as isort orders them."""
    own = {"math": "import math", "fnmatchcase": "from fnmatch import fnmatchcase"}
    used = [line for name, line in own.items() if name in modules]
    standard = [*dict.fromkeys([*standard, *used])]
    names = [name for name in ("layers", "ops") if name in modules]
    numpy = ["import numpy as np"] if "np" in modules else []
    third = [*{"import keras": 0, **dict.fromkeys(numpy), **dict.fromkeys(third)}]
    third = [*third, *([f"from keras import {', '.join(names)}"] if names else [])]
    groups = ["\n".join(in_import_order(lines)) for lines in (standard, third) if lines]
    return "\n\n".join(groups)


def values_of(network: Body) -> set[str]:
    """Return the name of every value, because a function of that name would be hidden by it."""
    names: set[str] = set()
    seen: set[int] = set()

    def visit(graph: Graph) -> None:
        if id(graph) in seen:
            return
        seen.add(id(graph))
        names.update(graph.types)
        for node in graph.nodes:
            for inner in getattr(node, "bodies", ()):
                visit(inner)

    visit(network.graph)
    return names
