"""From a graph to an ONNX network: blocks opened, activations apart, layouts and names settled."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import nnspec
from nnspec.data.domain_record import KEY, to_json
from nnspec.errors import UsageError
from nnspec.language.objectives import is_composed
from nnspec.layers import Linear, Parameter
from nnspec.layers.rows import MergeRows, PartRows
from nnspec.layers.shapes import DataFormat, Dim, TensorType
from nnspec.network.domains import domain_of
from nnspec.network.graph import Graph, inline
from nnspec.network.layouts import DECLARED, NATIVE, Layout
from nnspec.network.loader import Spec
from nnspec.network.scores import threshold
from nnspec_onnx.cancelling import cancelled
from nnspec_onnx.context import Builder, Context, Values, with_weights
from nnspec_onnx.ir import Network, Node, Value
from nnspec_onnx.layouts import Layouts, UnfusedLayer, in_layout
from nnspec_onnx.lowerings import LOWERINGS
from nnspec_onnx.shared import shared

IR_VERSIONS = {18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 10}
"""The file format for each opset: of the ONNX release that brought the opset, and at most 10, so
that a runtime that knows the opset can read the file."""


def lower(
    spec: Spec, opset: int, *, batch: int | None = None, without: Collection[str] = ()
) -> Network:
    """Return the ONNX network of a spec; raises UsageError for an opset outside 18 to 23.

    batch: rows of every input and output; None leaves their number open.
    without: paths of layers that give what they take, since others will do their work.
    """
    if opset not in IR_VERSIONS:
        raise UsageError(
            f"ONNX opset {opset} is not supported: {min(IR_VERSIONS)} to {max(IR_VERSIONS)} are"
        )
    flat = inline(spec.graph)
    steps, types = unfused(flat)
    steps = [step._replace(layer=Linear()) if step.path in without else step for step in steps]
    axes: dict[Dim, tuple[str, int]] = {"": (next(iter(flat.inputs)), 0)}
    for name, type_ in flat.inputs.items():
        for axis, size in enumerate(type_.shape, start=1):
            if isinstance(size, str):
                axes.setdefault(size, (name, axis))
    builder = Builder(axes, batch)
    layouts = Layouts(flat.data_format, types, steps, flat.outputs, builder)
    layers = {at.path: at for at in flat.walk()}
    for name in flat.inputs:
        layouts.define(name, DECLARED, name)
    own: set[str] = set()
    apart: set[str] = set()
    """Values that have other rows than the inputs."""
    parameters: dict[tuple[object, ...], dict[str, Parameter]] = {}
    """Those of a layer with inputs of some types: equal blocks have the same layers."""
    for step in steps:
        layout = layouts.choose(step)
        at = layers[step.owner]
        owned: dict[str, Parameter] | None = {}
        if step.path == step.owner:
            key = id(step.layer), *(types[path] for path in step.inputs)
            owned = parameters.get(key)
        if owned is None:
            owned = with_weights(at.all_parameters())
            parameters[key] = owned
        context = Context(
            path=step.path,
            opset=opset,
            inputs=tuple(layouts.get(path, layout) for path in step.inputs),
            outputs=tuple(layouts.name(path, layout) for path in step.outputs),
            input_types=_types(step.inputs, types, layout, flat.data_format),
            output_types=_types(step.outputs, types, layout, flat.data_format),
            data_format="channels_first" if layout is NATIVE else flat.data_format,
            spec_format=flat.data_format,
            parameters=owned,
            builder=builder,
            home=at.home,
            tied=at.tied,
            has_own_rows=not apart.isdisjoint(step.inputs),
        )
        given = LOWERINGS[type(step.layer)](step.layer, context)
        own.update(context.outputs)
        if isinstance(step.layer, MergeRows) or (
            context.has_own_rows and not isinstance(step.layer, PartRows)
        ):
            apart.update(step.outputs)
        _define(layouts, step, layout, context, given)
    last = [layouts.get(path, DECLARED) for path in flat.outputs]
    nodes, same = cancelled(builder.nodes, builder.initializers)
    outputs = {
        name: same.get(value, value) for name, value in zip(spec.graph.outputs, last, strict=True)
    }
    kept = frozenset(own.union(outputs.values()))
    nodes, initializers = shared(nodes, builder.initializers, kept)
    nodes = _needed(nodes, set(outputs.values()))
    nodes = _named_outputs(nodes, outputs, set(flat.inputs))
    used = {value for node in nodes for value in node.inputs}
    rows = _batch_name(flat) if batch is None else batch
    output_types = dict(
        zip(spec.graph.outputs, (types[path] for path in flat.outputs), strict=True)
    )
    return Network(
        name=spec.name,
        opset=opset,
        ir_version=IR_VERSIONS[opset],
        inputs=tuple(_value(name, type_, rows) for name, type_ in flat.inputs.items()),
        outputs=tuple(_value(name, type_, rows) for name, type_ in output_types.items()),
        nodes=tuple(nodes),
        initializers=tuple(each for each in initializers if each.name in used),
        metadata=metadata(spec),
    )


def metadata(spec: Spec, preprocessing: str | None = None) -> dict[str, str]:
    """Return what a model says of its origin, and how raw rows become its inputs."""
    entries = {
        "nnspec.version": nnspec.__version__,
        "nnspec.spec": spec.name,
        "nnspec.spec_sha256": spec.sha256,
        KEY: to_json(domain_of(spec.graph)),
    }
    training = spec.model.training
    if is_composed(spec.model):
        from nnspec.training.composed import thresholds_of  # few specs have several losses

        entries |= thresholds_of(spec)
    elif training is not None and training.kind == "binary":
        entries["nnspec.threshold"] = str(threshold(spec.graph, training))
    if preprocessing is not None:
        entries["nnspec.preprocessing"] = preprocessing
    if spec.noise:
        entries["nnspec.noise"] = spec.noise
    return entries


def unfused(flat: Graph) -> tuple[list[UnfusedLayer], dict[str, TensorType]]:
    """Return the layers in order, fused activations apart, and the type of every value."""
    types = dict(flat.types)
    steps = list(_steps(flat, types))
    return steps, types


def _steps(flat: Graph, types: dict[str, TensorType]) -> Iterator[UnfusedLayer]:
    for at in flat.walk():
        node, layer = at.node, at.node.layer
        activation = layer.output_activation
        if activation is None:
            yield UnfusedLayer(at.path, at.path, layer, node.inputs, node.outputs)
            continue
        # Only a layer's first output is activated.
        output, *rest = node.outputs
        inner = f"{output}.linear"
        types[inner] = types[output]
        yield UnfusedLayer(at.path, at.path, layer, node.inputs, (inner, *rest))
        yield UnfusedLayer(f"{at.path}.{activation.type}", at.path, activation, (inner,), (output,))


def _types(
    paths: tuple[str, ...], types: dict[str, TensorType], layout: Layout, data_format: DataFormat
) -> tuple[TensorType, ...]:
    if layout is DECLARED:
        return tuple(types[path] for path in paths)
    return tuple(in_layout(types[path], layout, data_format) for path in paths)


def _define(
    layouts: Layouts, step: UnfusedLayer, layout: Layout, context: Context, given: Values
) -> None:
    for path, name in zip(step.outputs, given, strict=True):
        if name in context.inputs:
            layouts.define_alias(path, step.inputs[context.inputs.index(name)])
        else:
            layouts.define(path, layout, name)


def _needed(nodes: list[Node], used: set[str]) -> list[Node]:
    """Drop what nothing uses: transposes for a layer that changed nothing, operators undone."""
    kept: list[Node] = []
    for node in reversed(nodes):
        if used.intersection(node.outputs):
            used.update(node.inputs)
            kept.append(node)
    return kept[::-1]


def _named_outputs(nodes: list[Node], outputs: dict[str, str], inputs: set[str]) -> list[Node]:
    """Give the values that `outputs` (name -> value) lists the names that the spec gives them."""
    renamed: dict[str, str] = {}
    copies: list[Node] = []
    fixed = inputs | {value for name, value in outputs.items() if name == value}
    for name, value in outputs.items():
        if name == value:
            continue
        if value in fixed or value in renamed:
            copies.append(Node(f"{name}.identity", "Identity", (value,), (name,), {}))
        else:
            renamed[value] = name
    named = []
    for node in (*nodes, *copies):
        if not (renamed.keys().isdisjoint(node.inputs) and renamed.keys().isdisjoint(node.outputs)):
            node = node._replace(
                inputs=tuple(renamed.get(value, value) for value in node.inputs),
                outputs=tuple(renamed.get(value, value) for value in node.outputs),
            )
        named.append(node)
    return named


def _batch_name(graph: Graph) -> str:
    """Return "batch", unless the spec calls another axis so: equal names mean equal sizes."""
    taken = {size for type_ in graph.inputs.values() for size in type_.shape}
    name = "batch"
    while name in taken:
        name += "_size"
    return name


def _value(name: str, type_: TensorType, rows: Dim) -> Value:
    return Value(name, type_.dtype, (rows, *type_.shape))
