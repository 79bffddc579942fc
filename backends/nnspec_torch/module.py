"""Writes a network as PyTorch source."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.backend import Precision
from nnspec.emit.body import Body, Lowerer, Step
from nnspec.emit.code import Call, docstring_text, in_import_order, literal, printed, wrap
from nnspec.emit.definitions import Definitions
from nnspec.emit.describe import annotation, docstring
from nnspec.emit.drawers import drawers_of
from nnspec.emit.helpers import names_used, used_modules
from nnspec.emit.lowering import Language, Lowered
from nnspec.emit.progressions import indexed, is_progressing
from nnspec.emit.statements import Style, forward_lines
from nnspec.emit.tree import MODULE, Expression, Name, X, apply, replaced, tree
from nnspec.emit.unify import Construction, Definition
from nnspec.emit.variations import Variations
from nnspec.errors import UsageError
from nnspec.layers import Activation, Layer
from nnspec.network.activity import regularized
from nnspec.network.graph import BlockNode, Head, LayerNode
from nnspec.network.heads import loss_head
from nnspec.network.loader import Spec
from nnspec.network.objectives import loss_heads
from nnspec.support.collector import collector_paused
from nnspec.support.files import write_text
from nnspec.support.noise import Drawer
from nnspec_torch.freezing import frozen_lines, train_lines
from nnspec_torch.helpers import helpers_of
from nnspec_torch.initial import laws
from nnspec_torch.lowerings import LOWERINGS
from nnspec_torch.naming import DEFINED, PARAMETERS, VARIABLES, attribute, class_name
from nnspec_torch.options import TorchOptions
from nnspec_torch.resetting import reset_parameters
from nnspec_torch.source import TorchSource

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.emit.dataset import DatasetSource
    from nnspec.emit.metrics import Measured
    from nnspec_torch.runtime import TorchProgram


def _transpose(permutation: tuple[int, ...]) -> Lowered:
    return Lowered(X.method("permute", 0, *(axis + 1 for axis in permutation)))


def _fuse(module: Call, activation: Activation) -> Call | None:
    return None


_FEW = 1
"""Arguments of a block that a reader can tell apart without their names."""

_CONVOLUTION: dict[str, object] = {
    "stride": 1,
    "padding": 0,
    "dilation": 1,
    "groups": 1,
    "bias": True,
}
_DEFAULTS: dict[str, dict[str, object]] = {
    "nn.Conv1d": _CONVOLUTION,
    "nn.Conv2d": _CONVOLUTION,
    "nn.Conv3d": _CONVOLUTION,
    "nn.Linear": {"bias": True},
}

LANGUAGE = Language(LOWERINGS, "channels_first", _transpose, _fuse, _DEFAULTS, laws)


class TorchCompiled(TorchSource):
    """PyTorch source that can be written and built."""

    def __repr__(self) -> str:
        return f"<TorchCompiled {self.spec.name}: {len(self.source.splitlines()):,} lines>"

    def write(self, path: str | Path) -> Path:
        """Write the source to a file, whole or not at all."""
        return write_text(path, self.source)

    def build(
        self, weights: Mapping[str, Array] | None = None, *, dtype: Precision = "float32"
    ) -> TorchProgram:
        """Build the module from the source; needs torch."""
        from nnspec_torch.runtime import TorchProgram

        return TorchProgram(self, weights, dtype, self._with_training, self._drawers)

    def _with_training(self) -> str:
        """Return the source with what trains it."""
        return compile_network(self.spec, replace(self.options, training=True)).source

    def _drawers(self) -> dict[str, tuple[Layer, Drawer]]:
        """Return the random layers, and how what they take lies in memory."""
        heads = loss_heads(self.spec.model, self.spec.graph)
        lowerer = Lowerer(LANGUAGE, heads, keep_borders=self.options.layout == "spec")
        return drawers_of(lowerer.network(self.spec.graph))


@collector_paused()
def compile_network(spec: Spec, options: TorchOptions) -> TorchCompiled:
    """Return PyTorch source; raises UnsupportedError, UsageError."""
    head = loss_head(spec.model, spec.graph)
    heads = loss_heads(spec.model, spec.graph)
    lowerer = Lowerer(LANGUAGE, heads, keep_borders=options.layout == "spec")
    network = lowerer.network(regularized(spec))
    definitions = Definitions(
        network,
        class_name(spec.name),
        DEFINED,
        PARAMETERS,
        is_class=True,
        attribute=attribute,
        defaults=LANGUAGE.defaults,
        variations=Variations(spec, lowerer),
    )
    uses = names_used(network)
    helpers = helpers_of(uses)
    modules = used_modules(uses, helpers)
    parts = [helper.text for helper in helpers]
    parts += [class_source(definition) for definition in definitions.ordered]
    parts.append(class_source(definitions.network, head, heads, is_network=True))
    dataset, measuring = None, None
    if options.training:
        # Few compilations need these.
        from nnspec.emit.dataset import dataset_source
        from nnspec_torch.measuring import measured_of
        from nnspec_torch.script import MODULES, script_source
        from nnspec_torch.training import training_modules, training_source

        parts.append(training_source(spec, head, options))
        modules |= training_modules(spec, options)
        dataset, training = dataset_source(spec), spec.model.training
        if dataset is not None and training is not None:
            parts.append(dataset.text)
            parts.append(script_source(spec, training, head, options))
            modules |= MODULES
            measuring = measured_of(spec)
    elif options.sharded:
        raise UsageError("a share of the weights is of a training: add --training")
    origin = f", compiled from {docstring_text(spec.path.name)}" if spec.path else ""
    text = "\n\n\n".join(parts)
    source = f'"""{spec.name}{origin}."""\n\n{imports(modules, dataset, measuring)}\n\n\n{text}\n'
    return TorchCompiled(spec, options, source, head)


def imports(
    modules: Set[str], dataset: DatasetSource | None = None, measuring: Measured | None = None
) -> str:
    """Return the import lines of a file that uses these modules, in the order of isort."""
    plain: list[str] = []
    standard = ["import math"] if "math" in modules else []
    abstract = {name for name in ("Callable",) if name in modules}
    abstract |= {"Iterator"} if "contextmanager" in modules else set()
    if abstract and dataset is None:
        standard.append(f"from collections.abc import {', '.join(sorted(abstract))}")
    if "contextmanager" in modules:
        standard.append("from contextlib import contextmanager")
    if not modules.isdisjoint({"AveragedModel", "ParamsT", "dist"}) and dataset is None:
        standard.append("from typing import Any")
    if "fnmatchcase" in modules:
        standard.append("from fnmatch import fnmatchcase")
    if "partial" in modules:
        standard.append("from functools import partial")
    names = ["from torch import Tensor, nn"]
    groups = []
    if dataset is not None:
        standard = [*dict.fromkeys([*standard, "import argparse", *dataset.standard_imports])]
        standard.remove("from collections.abc import Iterator")
        standard.append("from collections.abc import Callable, Iterator, Sequence")
        plain += [each for each in dataset.imports if each.startswith("import ")]
        names = [
            *(each for each in dataset.imports if each.startswith("from ")),
            "from safetensors import SafetensorError, safe_open",
            "from safetensors.torch import load_file, save_file",
            *(measuring.imports if measuring is not None else ()),
            *names,
        ]
    if standard:
        groups.append(in_import_order(standard))
    if "torch" in modules:
        plain.append("import torch")
    if "dist" in modules:
        plain.append("import torch.distributed as dist")
    if "F" in modules:
        plain.append("import torch.nn.functional as F")
    if "fully_shard" in modules:
        names += [
            "from torch.distributed.checkpoint.state_dict import (",
            "    StateDictOptions,",
            "    get_model_state_dict,",
            ")",
            "from torch.distributed.device_mesh import init_device_mesh",
            "from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method",
        ]
    if "ParamsT" in modules:
        names.append("from torch.optim.optimizer import ParamsT")
    averages = [name for name in ("AveragedModel", "get_ema_multi_avg_fn") if name in modules]
    if averages:
        names.append(f"from torch.optim.swa_utils import {', '.join(averages)}")
    groups.append([*plain, *names])
    return "\n\n".join("\n".join(group) for group in groups)


def class_source(
    definition: Definition,
    head: Head | None = None,
    heads: tuple[Head, ...] = (),
    *,
    is_network: bool = False,
) -> str:
    """Return the class of a block, or of a network, which the loss may take without its head."""
    body, kept = _with_attributes(definition)
    parts = [f"class {definition.name}(nn.Module):", *docstring(definition), ""]
    constructed = [
        line
        for step, construction in zip(body.steps, definition.constructions, strict=True)
        if construction is not None and construction.calls
        for line in _attribute(step, construction, definition.parameters)
    ]
    frozen = frozen_lines(body.graph) if is_network else []
    if constructed:
        arguments = ", ".join(
            ["self", *(f"{name}: {annotation(v)}" for name, v in definition.kinds.items())]
        )
        parts += wrap(f"def __init__({arguments}) -> None:", 4)
        parts += ["        super().__init__()"]
        parts += [f"        self.{name} = {name}" for name in kept]
        parts += constructed
        drawn, used = reset_parameters(definition)
        if drawn:
            parts += wrap(f"self.reset_parameters({', '.join(used)})", 8)
            taken = "".join(f", {name}: {annotation(definition.kinds[name])}" for name in used)
            parts += frozen
            parts += ["", *wrap(f"def reset_parameters(self{taken}) -> None:", 4), *drawn]
        else:
            parts += frozen
        parts.append("")
        if is_network:
            parts += train_lines(body.graph, definition.name)
    style = Style(_module, _loop, nest=True, owner=_owner, taken=VARIABLES)
    if head is not None:
        cut = len(body.steps) - 1
        while cut > 0 and (body.steps[cut].node is None or head.node is not body.steps[cut].node):
            cut -= 1
        logits = body.steps[cut].inputs
        first = forward_lines(body, style, indent=8, steps=range(cut), outputs=logits)
        arguments = _arguments(first.inputs)
        parts += wrap(f"def logits({arguments}) -> Tensor:", 4)
        parts += [*first.lines, *wrap(f"return {printed(first.results[0])}", 8), ""]
        called = apply("self.logits", *map(Name, first.inputs))
        final = forward_lines(
            Body(body.graph, body.steps, logits, body.outputs),
            style,
            indent=8,
            steps=range(cut, len(body.steps)),
        )
        expression = final.results[0]
        parts += wrap(f"def forward({arguments}) -> Tensor:", 4)
        if final.lines:
            parts += wrap(f"{final.inputs[0]} = {printed(called)}", 8)
        else:
            variable = Name(final.inputs[0])
            expression = replaced(expression, lambda part: called if part == variable else None)
        parts += [*final.lines, *wrap(f"return {printed(expression)}", 8)]
    elif heads:
        from nnspec_torch.composed import forward_methods  # few networks have several losses

        parts += forward_methods(body, heads, style)
    else:
        forward = forward_lines(body, style, indent=8)
        kinds = ", ".join("Tensor" for _ in body.outputs)
        result = "Tensor" if len(body.outputs) == 1 else f"tuple[{kinds}]"
        parts += wrap(f"def forward({_arguments(forward.inputs)}) -> {result}:", 4)
        parts += [*forward.lines, *wrap(f"return {', '.join(map(printed, forward.results))}", 8)]
    return "\n".join(parts)


def _arguments(inputs: Iterable[str]) -> str:
    return ", ".join(["self", *(f"{name}: Tensor" for name in inputs)])


def _with_attributes(definition: Definition) -> tuple[Body, list[str]]:
    """Return the body, parameters in its expressions as attributes, and the names of these."""
    kept: dict[str, None] = {}

    def as_attribute(part: Expression) -> Expression | None:
        if not isinstance(part, Name):
            return None
        kept[part.name] = None
        return Name("self").attribute(part.name)

    steps = []
    for step in definition.body.steps:
        if step.lowered is not None and step.lowered.values:
            values = tuple(
                (name, argument, replaced(tree(value), as_attribute))
                for name, argument, value in step.lowered.values
            )
            step = replace(step, lowered=step.lowered._replace(values=values))
        steps.append(step)
    return replace(definition.body, steps=steps), [n for n in definition.parameters if n in kept]


def _module(i: int, step: Step) -> Name:
    assert step.node is not None
    owner = step.node.owner if not step.is_activation else None
    return Name(f"self.{attribute(owner or step.node.name)}")


def _owner(step: Step) -> Name:
    assert isinstance(step.node, LayerNode)
    assert step.node.tied is not None
    return Name(f"self.{attribute(step.node.tied)}")


def _attribute(step: Step, construction: Construction, taken: Collection[str]) -> list[str]:
    assert step.node is not None
    target = f"self.{attribute(step.node.name)}"
    if not (isinstance(step.node, BlockNode) and step.node.is_repeated):
        made = construction.calls[0]
        made = _legible(made) if isinstance(step.node, BlockNode) else made
        lines = wrap(f"{target} = {made.render()}", 8)
        here = Name(target)
        for statement in step.lowered.setup if step.lowered is not None else ():
            made_here = replaced(statement, lambda part: here if part == MODULE else None)
            lines += wrap(printed(made_here), 8)
        return lines
    if construction.repeat is not None:
        made = construction.calls[0]
        index = "_"
        if is_progressing(made):
            index = next(name for name in ("i", "j", "k", "n", "i_") if name not in taken)
        times = literal(construction.repeat)
        text = _legible(indexed(made, index)).render()
        return wrap(f"{target} = nn.ModuleList({text} for {index} in range({times}))", 8)
    listed = ", ".join(_legible(call).render() for call in construction.calls)
    return wrap(f"{target} = nn.ModuleList([{listed}])", 8)


def _legible(made: Call) -> Call:
    """Return the use of a block with its arguments named, where they are many."""
    if len(made.positional) <= _FEW:
        return made
    return Call(made.function, (), made.positional)


def _loop(i: int, step: Step, target: str, given: list[str]) -> list[str]:
    count = len(step.outputs)
    lines = []
    if target != ", ".join(given[:count]):
        lines.append(f"{target} = {', '.join(given[:count])}")
    lines.append(f"for layer in {_module(i, step).name}:")
    arguments = ", ".join([target, *given[count:]])
    lines.append(f"    {target} = layer({arguments})")
    return lines
