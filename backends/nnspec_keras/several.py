"""Writes several networks as one file of Keras source, with what trains them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.backend import Precision
from nnspec.emit.code import docstring_text
from nnspec.emit.definitions import Definitions
from nnspec.emit.helpers import names_used, used_modules
from nnspec.emit.names import ALL_BUILTINS
from nnspec.emit.several import drawers_in, lowered, with_all_blocks
from nnspec.emit.variations import Variations
from nnspec.errors import UsageError
from nnspec.network.networks import Networks
from nnspec.network.roles import heads_of
from nnspec.support.collector import collector_paused
from nnspec.support.files import write_text
from nnspec_keras.functions import block_function, network_function
from nnspec_keras.helpers import helpers_of
from nnspec_keras.module import LANGUAGE, TAKEN, function_name, imports, values_of
from nnspec_keras.naming import names_in
from nnspec_keras.options import KerasOptions
from nnspec_keras.ordering import order_updates
from nnspec_keras.source import KerasNetworksSource

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.layers import Layer
    from nnspec.support.noise import Drawer
    from nnspec_keras.versus_runtime import KerasVersus


class KerasNetworks(KerasNetworksSource):
    """Keras source of several networks that can be written and built."""

    def __repr__(self) -> str:
        return f"<KerasNetworks {self.networks.name}: {len(self.source.splitlines()):,} lines>"

    def write(self, path: str | Path) -> Path:
        """Write the source to a file, whole or not at all."""
        return write_text(path, self.source)

    def build(
        self, weights: Mapping[str, Array] | None = None, *, dtype: Precision = "float32"
    ) -> KerasVersus:
        """Build the networks, and what trains them; needs keras and tensorflow."""
        from nnspec_keras.versus_runtime import KerasVersus

        if not self.options.training:
            options = replace(self.options, training=True, layout="spec")
            return compile_networks(self.networks, options).build(weights, dtype=dtype)
        return KerasVersus(self, weights, dtype, self._drawers)

    def _drawers(self, name: str) -> dict[str, tuple[Layer, Drawer]]:
        """Return the random layers of a network, and how what they take lies in memory."""
        return drawers_in(self.networks, name, LANGUAGE)


@collector_paused()
def compile_networks(networks: Networks, options: KerasOptions) -> KerasNetworks:
    """Return Keras source of them all; raises UnsupportedError, UsageError."""
    training = networks.document.training if options.training else None
    if options.training and training is None:
        raise UsageError(f"{networks.name} has no `training` section to compile")
    if options.training and options.layout == "native":
        raise UsageError(
            "the training program feeds arrays as the spec declares them: compile it with "
            "layout spec"
        )
    heads = heads_of(networks)
    lowerer, bodies = lowered(networks, LANGUAGE, keep_borders=options.layout == "spec")
    functions = {
        # Apart from what the programs call the networks that they build.
        name: f"{function_name(spec.name).removesuffix('_model')}_model"
        for name, spec in networks.models.items()
    }
    values: set[str] = set()
    for body in bodies.values():
        order_updates(body)
        values |= values_of(body)
    (first, *rest) = bodies
    taken = frozenset({*TAKEN, *functions.values()})
    if training is not None:
        from nnspec_keras import versus

        taken |= frozenset(versus.DEFINED)
    definitions = Definitions(
        bodies[first],
        functions[first],
        {*ALL_BUILTINS, *taken, *values},
        {*taken, *values},
        is_class=False,
        defaults=LANGUAGE.defaults,
        variations=Variations(with_all_blocks(networks), lowerer),
        others={functions[name]: bodies[name] for name in rest},
    )
    taken |= {definition.name for definition in definitions.ordered}
    uses = names_used(*bodies.values())
    helpers = helpers_of(uses)
    made = {functions[first]: definitions.network, **definitions.others}
    names = {name for each in made.values() for name in names_in(each)}
    written = [block_function(each, taken, names) for each in definitions.ordered]
    for name, spec in networks.models.items():
        network = made[functions[name]]
        written.append(network_function(network, functions[name], spec.name, taken))
    modules = used_modules({name for each in written for name in each.names}, helpers)
    parts = [*(each.text for each in helpers), *(each.text for each in written)]
    ending = "\n"
    standard: list[str] = []
    third: list[str] = []
    if training is not None:
        from nnspec.emit.versus_rows import rows_source
        from nnspec_keras.versus import program_source, versus_modules, versus_source

        parts += versus_source(networks, options, heads)
        modules |= versus_modules(networks, options)
        if "contextmanager" in modules:
            standard.append("from contextlib import contextmanager")
        third.append("import tensorflow as tf")
        dataset = rows_source(networks)
        if dataset is not None:
            parts += [dataset.text, *program_source(networks, heads, functions)]
            ending = '\n\n\nif __name__ == "__main__":\n    main()\n'
            standard += dataset.standard_imports
            third += dataset.imports
    origin = f", compiled from {docstring_text(networks.path.name)}" if networks.path else ""
    text = "\n\n\n".join(parts)
    header = f'"""{networks.name}{origin}."""\n\n{imports(modules, standard, third)}'
    return KerasNetworks(networks, options, f"{header}\n\n\n{text}{ending}", functions)
