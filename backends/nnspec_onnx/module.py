"""Writes an ONNX network and its weights as a file, one tensor in memory at a time."""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from nnspec.backend import Precision, Written
from nnspec.errors import MissingDependencyError, UsageError
from nnspec.support import files
from nnspec_onnx import wire
from nnspec_onnx.ir import ElementType, Initializer, Network, Node, Value

try:
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import helper
    from onnx.model_container import ModelContainer

    from nnspec_onnx.checking import Messages, check
except ModuleNotFoundError as error:
    raise MissingDependencyError("onnx", "onnx") from error

if TYPE_CHECKING:
    from nnspec.backend import Array

PAGE = 4096
"""Tensors in a file of their own start at a page, so that a runtime can map them into memory."""
ROWS, TILE = 256, 32
"""A turned matrix is put in order so many rows at a time, and of these so many columns."""
NODES = 1024
"""Operators that are made messages at once: the messages take several times their bytes."""
SMALLEST_EXTERNAL = 1024
"""Bytes. Smaller tensors stay in the model: shapes and axes, which shape inference must see."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An initializer as it is stored."""

    initializer: Initializer
    dtype: str

    @property
    def size(self) -> int:
        """Bytes of its numbers."""
        return math.prod(self.initializer.shape) * self._order.itemsize

    @property
    def _order(self) -> np.dtype[Any]:
        """Little-endian, as ONNX has all numbers."""
        return _little_endian(self.dtype)

    def numbers(self, weights: Mapping[str, Array]) -> memoryview:
        """Return its numbers as bytes, copied only if need be."""
        return _bytes(self.initializer.array(weights), self._order)

    def chunks(self, weights: Mapping[str, Array]) -> Iterator[memoryview]:
        """Yield its numbers as bytes, those of a turned matrix without a copy of the whole."""
        for array in self.initializer.arrays(weights):
            if array.ndim != 2 or array.flags.c_contiguous:
                yield _bytes(array, self._order)
                continue
            for first in range(0, len(array), ROWS):
                rows = _in_order(array[first : first + ROWS], self._order)
                yield _bytes(rows, self._order)

    def proto(self) -> onnx.TensorProto:
        """Return the message without the numbers."""
        return onnx.TensorProto(
            name=self.initializer.name,
            data_type=_element_type(self.dtype),
            dims=self.initializer.shape,
        )


class Module:
    """A network ready to be written, its float tensors in float32 or float64.

    Raises UsageError where the network is no valid ONNX, as when a layer's operator does not take
    the dtype of its input.
    """

    def __init__(
        self,
        network: Network,
        *,
        dtype: Precision = "float32",
        preprocessing: str | None = None,
    ) -> None:
        self.network = network
        self._floats = {"float32": str(dtype)}
        self._tensors = [
            Tensor(given, given.dtype if given.is_single else self._dtype(given.dtype))
            for given in network.initializers
        ]
        metadata = dict(network.metadata)
        if preprocessing is not None:
            metadata["nnspec.preprocessing"] = preprocessing
        nodes, ends = list(self._nodes()), self._ends()
        self._graph_bytes = b"".join([*nodes, ends])
        model = helper.make_model(
            onnx.GraphProto(),
            opset_imports=[helper.make_opsetid(*each) for each in network.opsets.items()],
            ir_version=network.ir_version,
            producer_name="nnspec",
            producer_version=metadata["nnspec.version"],
        )
        helper.set_model_props(model, metadata)
        model.ClearField("graph")
        self._model_bytes = model.SerializeToString(deterministic=True)
        if dtype == "float32":
            # A double model is for onnx's evaluator alone, which computes in double even what ONNX
            # allows no doubles, as RotaryEmbedding.
            self._check(nodes, ends)

    def fits_one_file(self) -> bool:
        """Whether protobuf can hold the whole model."""
        # A tensor's own message takes a few dozen bytes beside its name and its numbers.
        tensors = sum(t.size + len(t.initializer.name) + 128 for t in self._tensors)
        whole = len(self._model_bytes) + len(self._graph_bytes) + tensors
        return whole <= wire.MESSAGE_LIMIT

    def to_bytes(self, weights: Mapping[str, Array]) -> bytes:
        """Return the model as one message."""
        stream = io.BytesIO()
        self._write_model(stream, weights, None)
        return stream.getvalue()

    def container(self, weights: Mapping[str, Array]) -> ModelContainer:
        """Return the model for the reference evaluator, which takes the tensors as they are."""
        graph = onnx.GraphProto.FromString(self._graph_bytes)
        large: dict[str, Array] = {}
        for tensor in self._tensors:
            proto = tensor.proto()
            if tensor.size < SMALLEST_EXTERNAL:
                proto.raw_data = tensor.numbers(weights).tobytes()
            else:
                # So marked, a location is a name in memory.
                location = f"#{proto.name}"
                array = np.asarray(tensor.initializer.array(weights), tensor.dtype)
                array = array.reshape(proto.dims)
                array.flags.writeable = False
                large[location] = array
                _set_external(proto, location, 0, tensor.size)
            graph.initializer.append(proto)
        model = onnx.ModelProto.FromString(self._model_bytes)
        model.graph.CopyFrom(graph)
        container = ModelContainer()
        container.model_proto = model
        container.set_large_initializers(large)
        return container

    def write(
        self, path: str | Path, weights: Mapping[str, Array], *, external_data: bool = False
    ) -> tuple[Path, ...]:
        """Write the model whole or not at all, and return its files, the model first.

        With `external_data`, or where the model would be larger than 2 GB, tensors of a kilobyte
        and more go to `path.data` beside it. Raises UsageError where a file cannot be written.
        """
        path = files.behind_link(Path(path))
        stale = _data_of(path)
        if self.fits_one_file() and not (external_data and any(self._external())):
            with files.replacing(path) as temporary, files.open_large(temporary) as file:
                self._write_model(file, weights, None)
            if stale is not None:
                stale.unlink(missing_ok=True)
            return (path,)
        beside = path.with_name(f"{path.name}.data")
        with ExitStack() as stack:
            # Entered first, the model gets its name last, when its data are in place.
            model = stack.enter_context(files.replacing(path))
            data = stack.enter_context(files.replacing(beside))
            with files.open_large(data) as file:
                self._write_data(file, weights)
            with model.open("wb") as file:
                self._write_model(file, weights, beside.name)
        return path, beside

    def _external(self) -> Iterator[tuple[Tensor, int]]:
        """Yield each tensor of the data file with its offset."""
        offset = 0
        for tensor in self._tensors:
            if tensor.size >= SMALLEST_EXTERNAL:
                yield tensor, offset
                offset += -(-tensor.size // PAGE) * PAGE

    def _write_data(self, file: IO[bytes], weights: Mapping[str, Array]) -> None:
        for tensor, offset in self._external():
            file.write(bytes(offset - file.tell()))
            file.writelines(tensor.chunks(weights))

    def _write_model(
        self, file: IO[bytes], weights: Mapping[str, Array], location: str | None
    ) -> None:
        offsets = {} if location is None else {t.initializer.name: o for t, o in self._external()}
        starts = []
        for tensor in self._tensors:
            proto = tensor.proto()
            offset = offsets.get(tensor.initializer.name)
            if location is None or offset is None:
                starts.append(wire.initializer(proto.SerializeToString(), tensor.size))
                continue
            _set_external(proto, location, offset, tensor.size)
            message = proto.SerializeToString()
            starts.append(wire.prefix(wire.INITIALIZER_OF_GRAPH, len(message)) + message)
        inside = [tensor for tensor in self._tensors if tensor.initializer.name not in offsets]
        size = len(self._graph_bytes) + sum(map(len, starts)) + sum(t.size for t in inside)
        file.write(self._model_bytes)
        file.write(wire.prefix(wire.GRAPH_OF_MODEL, size))
        file.write(self._graph_bytes)
        for tensor, start in zip(self._tensors, starts, strict=True):
            file.write(start)
            if tensor.initializer.name not in offsets:
                file.writelines(tensor.chunks(weights))

    def _dtype(self, dtype: str) -> str:
        return self._floats.get(dtype, dtype)

    def _node(self, node: Node) -> onnx.NodeProto:
        proto = onnx.NodeProto(
            op_type=node.op_type,
            input=node.inputs,
            output=node.outputs,
            name=node.name,
            domain=node.domain,
        )
        for key, value in sorted(node.attributes.items()):
            is_type = isinstance(value, ElementType)
            given = _element_type(self._dtype(str(value))) if is_type else value
            proto.attribute.append(helper.make_attribute(key, given))
        return proto

    def _nodes(self) -> Iterator[bytes]:
        """Yield the operators of the graph's message in parts."""
        nodes = self.network.nodes
        for start in range(0, len(nodes), NODES):
            part = [self._node(node) for node in nodes[start : start + NODES]]
            yield onnx.GraphProto(node=part).SerializeToString(deterministic=True)

    def _ends(self) -> bytes:
        """Return what follows the operators in the graph's message: its name and its ends."""
        ends = helper.make_graph(
            [],
            self.network.name,
            [self._value(value) for value in self.network.inputs],
            [self._value(value) for value in self.network.outputs],
        )
        return bytes(ends.SerializeToString(deterministic=True))

    def _value(self, value: Value) -> onnx.ValueInfoProto:
        kind = _element_type(self._dtype(value.dtype))
        return helper.make_tensor_value_info(value.name, kind, value.shape)

    def _check(self, nodes: list[bytes], ends: bytes) -> None:
        """Let onnx check types and shapes, parameters standing as inputs, their numbers unread."""
        kinds: dict[tuple[str, tuple[int, ...]], bytes] = {}
        tensors = {t.initializer.name: _as_checked(t, kinds) for t in self._tensors}
        try:
            check(self.network, Messages(self._model_bytes, nodes, NODES, ends, tensors))
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            raise UsageError(f"{self.network.name} makes no valid ONNX model: {error}") from error


def _as_checked(tensor: Tensor, kinds: dict[tuple[str, tuple[int, ...]], bytes]) -> bytes:
    """Return what stands for a tensor in the graph that onnx checks, as a part of its message.

    kinds: the type of an input by dtype and shape, as far as it was needed before.
    """
    if tensor.initializer.value is not None:
        proto = tensor.proto()
        proto.raw_data = tensor.numbers({}).tobytes()
        constants = onnx.GraphProto(initializer=[proto])
        return bytes(constants.SerializeToString())
    kind = tensor.dtype, tensor.initializer.shape
    if kind not in kinds:
        value = helper.make_tensor_value_info("", _element_type(tensor.dtype), kind[1])
        value.ClearField("name")
        kinds[kind] = value.SerializeToString()
    name = tensor.initializer.name.encode()
    value_bytes = wire.prefix(wire.NAME_OF_VALUE, len(name)) + name + kinds[kind]
    return wire.prefix(wire.INPUT_OF_GRAPH, len(value_bytes)) + value_bytes


def _bytes(array: Array, dtype: np.dtype[Any]) -> memoryview:
    return np.ascontiguousarray(array, dtype).reshape(-1).view(np.uint8).data


def _in_order(rows: Array, dtype: np.dtype[Any]) -> Array:
    """Return rows of a turned matrix as they lie in a file.

    Tile by tile: NumPy alone would read the matrix in strides that miss the processor's caches.
    """
    result: Array = np.empty(rows.shape, dtype)
    for column in range(0, rows.shape[1], TILE):
        columns = np.s_[:, column : column + TILE]
        result[columns] = rows[columns]
    return result


def read(model: str | Path | bytes, *, external_data: bool = True) -> onnx.ModelProto:
    """Return a model's message; raises UsageError for a file that holds none."""
    try:
        if isinstance(model, bytes):
            return onnx.load_model_from_string(model)
        return onnx.load(str(model), load_external_data=external_data)
    except DecodeError as error:
        what = "the bytes are" if isinstance(model, bytes) else f"{model} is"
        raise UsageError(f"{what} no ONNX model") from error


def append_metadata(path: str | Path, metadata: Mapping[str, str]) -> None:
    """Add metadata to an .onnx file, whole or not at all, its tensors unread."""
    entries = b""
    for key, value in metadata.items():
        entry = onnx.StringStringEntryProto(key=key, value=value).SerializeToString()
        entries += wire.prefix(wire.METADATA_OF_MODEL, len(entry)) + entry
    # Two messages one after the other are one message with the fields of both.
    with Path(path).open("ab") as file:
        file.write(entries)


def install(model: Path, path: Path, *, external_data: bool) -> Written:
    """Move a model and its data file to where `path` is, whole or not at all.

    Raises UsageError where a file cannot be written.
    """
    stale = _data_of(path)
    proto = read(model, external_data=False)
    if external_data and not _locations(proto):
        onnx.save_model(
            proto,
            str(model),
            save_as_external_data=True,
            location=f"{path.name}.data",
            size_threshold=SMALLEST_EXTERNAL,
        )
        proto = read(model, external_data=False)
    names = (path.name, *sorted(_locations(proto)))
    with ExitStack() as stack:
        # As in Module.write: the first entered is the last to get its name.
        for name in names:
            target = stack.enter_context(files.replacing(path.with_name(name)))
            model.with_name(name).replace(target)
    if stale is not None and stale.name not in names:
        stale.unlink(missing_ok=True)
    opset = next(entry.version for entry in proto.opset_import if not entry.domain)
    return Written(opset, len(proto.graph.node), tuple(path.with_name(name) for name in names))


def _data_of(path: Path) -> Path | None:
    """Return the data file of the model that stands at `path`, which nothing else would read.

    It is looked for under the name that it gets here, and only where that model names it.
    """
    beside = path.with_name(f"{path.name}.data")
    if not (path.is_file() and beside.is_file()):
        return None
    try:
        model = read(path, external_data=False)
    except (UsageError, OSError):
        return None
    return beside if beside.name in _locations(model) else None


def _locations(model: onnx.ModelProto) -> set[str]:
    return {
        entry.value
        for tensor in model.graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }


@functools.cache
def _little_endian(dtype: str) -> np.dtype[Any]:
    return np.dtype(dtype).newbyteorder("<")


@functools.cache
def _element_type(dtype: str) -> int:
    if dtype == "string":
        return int(onnx.TensorProto.STRING)
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def _set_external(proto: onnx.TensorProto, location: str, offset: int, length: int) -> None:
    proto.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        entry = proto.external_data.add()
        entry.key, entry.value = key, str(value)
