"""Writes several networks as one file of PyTorch source, with what trains them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.backend import Options, Precision
from nnspec.emit.code import docstring_text, in_import_order
from nnspec.emit.dataset import DatasetSource
from nnspec.emit.definitions import Definitions
from nnspec.emit.helpers import names_used, used_modules
from nnspec.emit.several import drawers_in, lowered, with_all_blocks
from nnspec.emit.variations import Variations
from nnspec.errors import UsageError
from nnspec.network.networks import Networks
from nnspec.network.roles import heads_of
from nnspec.support.collector import collector_paused
from nnspec.support.files import write_text
from nnspec_torch.helpers import helpers_of
from nnspec_torch.module import LANGUAGE, class_source
from nnspec_torch.naming import DEFINED, PARAMETERS, attribute, class_name
from nnspec_torch.source import TorchNetworksSource

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.layers import Layer
    from nnspec.support.noise import Drawer
    from nnspec_torch.versus_runtime import TorchVersus


class TorchNetworks(TorchNetworksSource):
    """PyTorch source of several networks that can be written and built."""

    def __repr__(self) -> str:
        return f"<TorchNetworks {self.networks.name}: {len(self.source.splitlines()):,} lines>"

    def write(self, path: str | Path) -> Path:
        """Write the source to a file, whole or not at all."""
        return write_text(path, self.source)

    def build(
        self, weights: Mapping[str, Array] | None = None, *, dtype: Precision = "float32"
    ) -> TorchVersus:
        """Build the networks, and what trains them; needs torch."""
        from nnspec_torch.versus_runtime import TorchVersus

        if not self.options.training:
            options = replace(self.options, training=True)
            return compile_networks(self.networks, options).build(weights, dtype=dtype)
        return TorchVersus(self, weights, dtype, self._drawers)

    def _drawers(self, name: str) -> dict[str, tuple[Layer, Drawer]]:
        """Return the random layers of a network, and how what they take lies in memory."""
        return drawers_in(self.networks, name, LANGUAGE)


@collector_paused()
def compile_networks(networks: Networks, options: Options) -> TorchNetworks:
    """Return PyTorch source of them all; raises UnsupportedError, UsageError."""
    heads = heads_of(networks)
    lowerer, bodies = lowered(networks, LANGUAGE, keep_borders=options.layout == "spec")
    classes = {name: class_name(spec.name) for name, spec in networks.models.items()}
    (first, *rest) = bodies
    training = networks.document.training if options.training else None
    defined = set(DEFINED)
    if training is not None:
        from nnspec_torch import versus

        defined.update(versus.DEFINED)
    definitions = Definitions(
        bodies[first],
        classes[first],
        defined,
        PARAMETERS,
        is_class=True,
        attribute=attribute,
        defaults=LANGUAGE.defaults,
        variations=Variations(with_all_blocks(networks), lowerer),
        others={classes[name]: bodies[name] for name in rest},
    )
    uses = names_used(*bodies.values())
    helpers = helpers_of(uses)
    modules = used_modules(uses, helpers)
    parts = [helper.text for helper in helpers]
    parts += [class_source(definition) for definition in definitions.ordered]
    made = {classes[first]: definitions.network, **definitions.others}
    for name in bodies:
        parts.append(class_source(made[classes[name]], heads[name], is_network=True))
    dataset = None
    if training is not None:
        from nnspec.emit.versus_rows import rows_source
        from nnspec_torch.versus import versus_modules, versus_source
        from nnspec_torch.versus_program import program_source

        parts += versus_source(networks, heads)
        modules |= versus_modules(networks)
        dataset = rows_source(networks)
        if dataset is not None:
            parts += [dataset.text, *program_source(networks)]
    elif options.training:
        raise UsageError(f"{networks.name} has no `training` section to compile")
    origin = f", compiled from {docstring_text(networks.path.name)}" if networks.path else ""
    text = "\n\n\n".join(parts)
    header = f'"""{networks.name}{origin}."""\n\n{_imports(modules, dataset)}'
    return TorchNetworks(networks, options, f"{header}\n\n\n{text}\n")


def _imports(modules: set[str], dataset: DatasetSource | None) -> str:
    standard = {"import math"} if "math" in modules else set()
    abstract = {"Callable"} & modules
    if "fnmatchcase" in modules:
        standard.add("from fnmatch import fnmatchcase")
    if "contextmanager" in modules:
        standard.add("from contextlib import contextmanager")
        abstract.add("Iterator")
    plain = ["import torch"] if "torch" in modules else []
    names = ["from torch import Tensor, nn"]
    if not modules.isdisjoint({"AveragedModel", "ParamsT"}):
        standard.add("from typing import Any")
    if dataset is not None:
        standard.update(dataset.standard_imports)
        abstract.add("Iterator")
        plain += dataset.imports
        names.insert(0, "from safetensors.torch import load_file, save_file")
    standard.discard("from collections.abc import Iterator")
    if abstract:
        standard.add(f"from collections.abc import {', '.join(sorted(abstract))}")
    if "ParamsT" in modules:
        names.append("from torch.optim.optimizer import ParamsT")
    averages = [name for name in ("AveragedModel", "get_ema_multi_avg_fn") if name in modules]
    if averages:
        names.append(f"from torch.optim.swa_utils import {', '.join(averages)}")
    if "F" in modules:
        plain.append("import torch.nn.functional as F")
    groups = [in_import_order(standard), [*in_import_order(plain), *names]]
    return "\n\n".join("\n".join(group) for group in groups if group)
