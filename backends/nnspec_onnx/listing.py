"""An ONNX network as text, in the style of onnx.printer, without the values of parameters."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.layers.shapes import Dim
from nnspec_onnx.ir import Attribute, ElementType, Initializer, Network, Node, Value

ELEMENTS_SHOWN = 16
"""A constant of at most so many numbers is shown with them."""

_TYPES = {"float32": "float"}


def listing(network: Network) -> str:
    """Return the network's text: a header, inputs and outputs, initializers, operators in order."""
    return "\n".join(_lines(network)) + "\n"


def _lines(network: Network) -> Iterator[str]:
    opsets = ", ".join(f'"{domain}" : {opset}' for domain, opset in network.opsets.items())
    yield f"<ir_version: {network.ir_version}, opset_import: [{opsets}]>"
    yield f"{network.name} ({_values(network.inputs)}) => ({_values(network.outputs)})"
    if network.initializers:
        yield "<"
        yield from (f"  {_initializer(tensor)}" for tensor in network.initializers)
        yield ">"
    yield "{"
    yield from (f"  {_node(node)}" for node in network.nodes)
    yield "}"


def _values(values: tuple[Value, ...]) -> str:
    return ", ".join(f"{_type(value.dtype, value.shape)} {value.name}" for value in values)


def _type(dtype: str, shape: tuple[Dim, ...]) -> str:
    sizes = f"[{', '.join(str(size) for size in shape)}]" if shape else ""
    return f"{_TYPES.get(dtype, dtype)}{sizes}"


def _initializer(tensor: Initializer) -> str:
    text = f"{_type(tensor.dtype, tensor.shape)} {tensor.name}"
    if tensor.value is None or tensor.value.size > ELEMENTS_SHOWN:
        return text
    return f"{text} = {{{', '.join(repr(number) for number in tensor.value.ravel().tolist())}}}"


def _node(node: Node) -> str:
    label = "" if node.outputs == (node.name,) else f"[{node.name}] "
    attributes = ", ".join(f"{key} = {_attribute(item)}" for key, item in node.attributes.items())
    shown = f" <{attributes}>" if attributes else ""
    inputs = ", ".join(name or '""' for name in node.inputs)
    outputs = ", ".join(name or '""' for name in node.outputs)
    kind = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
    return f"{label}{outputs} = {kind}{shown} ({inputs})"


def _attribute(item: Attribute) -> str:
    if isinstance(item, ElementType):
        return str(item)
    if isinstance(item, str):
        return f'"{item}"'
    return str(list(item)) if isinstance(item, tuple) else repr(item)
