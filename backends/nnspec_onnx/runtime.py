"""Runs ONNX models: ONNX Runtime in float32, onnx's reference evaluator in float64."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend import Precision
from nnspec.data.domain_record import KEY, RECORD, from_json
from nnspec.errors import DataError, MissingDependencyError, UsageError
from nnspec.layers.shapes import Dim, TensorType
from nnspec.network.domain import Domain
from nnspec.network.domains import domain_of
from nnspec.network.graph import Graph
from nnspec_onnx.doubles import double_ops
from nnspec_onnx.ir import Network

if TYPE_CHECKING:
    import onnx
    from onnx.model_container import ModelContainer

    from nnspec.backend import Array


class OnnxProgram:
    """An ONNX model that can be run; arrays as the model declares them, the batch axis first.

    model: the onnxruntime.InferenceSession, or the onnx.reference.ReferenceEvaluator.
    inputs, outputs: names in the spec -> names in the model.
    metadata: the model's metadata_props. domain: what it takes. batch: the rows that it takes at
    once, where that is fixed.
    """

    def __init__(
        self,
        model: Any,
        inputs: Mapping[str, str],
        outputs: Mapping[str, str],
        dtypes: Mapping[str, np.dtype[Any]],
        metadata: Mapping[str, str],
        domain: Domain | None,
        batch: int | None = None,
    ) -> None:
        self.model = model
        self.domain = domain
        self.batch = batch
        self.inputs = dict(inputs)
        self.outputs = dict(outputs)
        self.metadata = dict(metadata)
        self._dtypes = dict(dtypes)

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return each output by name, computed as at inference.

        Raises DataError where an input is missing or does not fit.
        """
        results = self._run(list(self.outputs.values()), self._feeds(inputs))
        return dict(zip(self.outputs, results, strict=True))

    def _feeds(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        arrays = self._admitted(inputs)
        return {
            inner: np.asarray(arrays[name], dtype=self._dtypes[inner])
            for name, inner in self.inputs.items()
        }

    def _admitted(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        if self.domain is not None:
            arrays: Mapping[str, Array] = self.domain.admit(inputs)
            rows = len(next(iter(arrays.values()), ()))
            if self.batch is not None and rows != self.batch:
                raise DataError(f"the model takes {self.batch} rows at once, and got {rows}")
            return arrays
        missing = [name for name in self.inputs if name not in inputs]
        if missing:
            raise DataError(f"there is no value for the input {', '.join(missing)}")
        empty = [name for name in self.inputs if not np.size(inputs[name])]
        if empty:
            raise DataError(f'input "{empty[0]}" has no elements')
        return inputs

    def declared(self) -> dict[str, tuple[str, tuple[Dim | None, ...]]]:
        """Return dtype and shape, with the batch, that the model declares of each input and output.

        By name in the spec; an axis is a number, a name, or None where nothing is said.
        """
        if hasattr(self.model, "get_inputs"):
            given = [*self.model.get_inputs(), *self.model.get_outputs()]
            kinds = {
                value.name: (_ORT_TYPES.get(value.type, value.type), tuple(value.shape))
                for value in given
            }
        else:
            graph = self.model.proto_.graph
            kinds = {value.name: _declared(value) for value in (*graph.input, *graph.output)}
        names = {**self.inputs, **self.outputs}
        return {name: kinds[inner] for name, inner in names.items()}

    def _run(self, names: list[str], feeds: dict[str, Array]) -> list[Array]:
        try:
            return list(self.model.run(names, feeds))
        except Exception as error:
            if type(error).__module__.startswith("onnxruntime"):
                raise DataError(f"the inputs do not fit the model: {error}") from error
            raise


class EvaluatedProgram(OnnxProgram):
    """An ONNX model in onnx's reference evaluator, which can be asked whether that is right."""

    def disagreements(self, inputs: Mapping[str, Array]) -> list[str]:
        """Return the operators that ONNX Runtime, given the same, computes otherwise."""
        from nnspec_onnx import referee

        with np.errstate(all="ignore"):
            return referee.disagreements(self.model, self._feeds(inputs))

    def in_runtime(self) -> OnnxProgram:
        """Return the model, in double precision, in ONNX Runtime; raises where that cannot be."""
        from nnspec_onnx import referee

        session = _session(referee.in_double(self.model), False, None)
        return _from_session(session, self.inputs, self.outputs, self.domain)

    def moved_by_float32(self, inputs: Mapping[str, Array], seed: int) -> Mapping[str, Array]:
        """Return the outputs with what the model has in float32 off by one place at random."""
        from nnspec_onnx import referee

        draw = np.random.default_rng(seed)
        return referee.moved_by_float32(self.model, lambda: self.forward(inputs), draw)

    def operators(self) -> list[str]:
        """Return the types of the model's operators."""
        from nnspec_onnx import referee

        return sorted(referee.operators(self.model))

    def _run(self, names: list[str], feeds: dict[str, Array]) -> list[Array]:
        # Numbers overflow here as in any framework, which say nothing of it.
        with np.errstate(all="ignore"):
            return super()._run(names, feeds)


def build(
    network: Network,
    weights: Mapping[str, Array],
    graph: Graph,
    *,
    dtype: Precision = "float32",
    optimized: bool = True,
    threads: int | None = None,
) -> OnnxProgram:
    """Return the network with these weights: float32 in ONNX Runtime, float64 in the evaluator.

    ONNX Runtime has no double kernels for convolution, pooling and more. `optimized` lets it
    rewrite the graph; `threads` None means one per core. Both concern ONNX Runtime only.
    """
    from nnspec_onnx.module import Module

    module = Module(network, dtype=dtype)
    names = {value.name: value.name for value in network.inputs}
    outputs = {value.name: value.name for value in network.outputs}
    domain = domain_of(graph)
    if dtype == "float64":
        reference = evaluator(module.container(weights))
        _restore_attributes(reference, network)
        return _from_evaluator(reference, names, outputs, domain)
    if module.fits_one_file():
        session = _session(module.to_bytes(weights), optimized, threads)
        return _from_session(session, names, outputs, domain)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path, _ = module.write(Path(folder) / "model.onnx", weights)
        session = _session(str(path), optimized, threads)
        return _from_session(session, names, outputs, domain)


def load_program(
    model: str | Path | bytes,
    graph: Graph | None = None,
    *,
    dtype: Precision = "float32",
    optimized: bool = True,
    threads: int | None = None,
) -> OnnxProgram:
    """Return a model, from whichever exporter, that takes and gives what `graph` names.

    It runs in ONNX Runtime, or for float64 in onnx's reference evaluator.

    Inputs and outputs go by name where the model has that name, the rest by position; without a
    graph the model's names stand. Raises UsageError for a file that is no such model.
    """
    given = model if isinstance(model, bytes) else str(model)
    domain = domain_of(graph) if graph is not None else None
    if isinstance(given, str) and not Path(given).is_file():
        raise UsageError(f"{given}: there is no such file")
    try:
        if dtype == "float64":
            reference = evaluator(_load_proto(given))
            inputs, outputs = _names(graph, reference.input_names, reference.output_names)
            return _from_evaluator(reference, inputs, outputs, domain)
        session = _session(given, optimized, threads)
        inputs, outputs = _names(
            graph,
            [value.name for value in session.get_inputs()],
            [value.name for value in session.get_outputs()],
        )
        return _from_session(session, inputs, outputs, domain)
    except UnicodeDecodeError as error:
        # A name of a damaged file; the file is otherwise read.
        what = "the model" if isinstance(model, bytes) else model
        raise UsageError(f"{what} is damaged: it holds text that is not UTF-8") from error


def _names(
    graph: Graph | None, inputs: list[str], outputs: list[str]
) -> tuple[dict[str, str], dict[str, str]]:
    if graph is None:
        return {name: name for name in inputs}, {name: name for name in outputs}
    return (
        _matched("input", list(graph.inputs), inputs),
        _matched("output", list(graph.outputs), outputs),
    )


def _matched(what: str, wanted: list[str], given: list[str]) -> dict[str, str]:
    if len(wanted) != len(given):
        raise UsageError(
            f"the model has the {what}s {', '.join(given)}, and the spec {', '.join(wanted)}"
        )
    rest = iter([name for name in given if name not in wanted])
    return {name: name if name in given else next(rest) for name in wanted}


def _session(model: str | bytes, optimized: bool, threads: int | None) -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise MissingDependencyError("onnxruntime", "onnx") from error
    options = onnxruntime.SessionOptions()
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = (
        levels.ORT_ENABLE_ALL if optimized else levels.ORT_DISABLE_ALL
    )
    options.log_severity_level = 4  # errors are raised, and would be printed as well
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        # It has nothing to fall back to, and would print that it does.
        return onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        what = "the model" if isinstance(model, bytes) else model
        raise UsageError(f"{what}: ONNX Runtime cannot load it: {error}") from error


def _from_session(
    session: Any,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    domain: Domain | None,
) -> OnnxProgram:
    values = session.get_inputs()
    metadata = session.get_modelmeta().custom_metadata_map
    # Of all models, those alone that prepare raw columns themselves take text.
    known = {**_ORT_TYPES, "tensor(string)": "object"} if RECORD in metadata else _ORT_TYPES
    for value in values:
        if value.type not in known:
            raise UsageError(f'the model\'s input "{value.name}" is of type {value.type}')
    dtypes = {value.name: np.dtype(known[value.type]) for value in values}
    shapes = {value.name: value.shape for value in values}
    if domain is None and RECORD not in metadata:
        domain = _own_domain(metadata, shapes, dtypes)
    rows = {shape[0] for shape in shapes.values() if shape}
    batch = rows.pop() if len(rows) == 1 else None
    batch = batch if isinstance(batch, int) else None
    return OnnxProgram(session, inputs, outputs, dtypes, metadata, domain, batch)


def _own_domain(
    metadata: Mapping[str, str],
    shapes: Mapping[str, list[int | str | None]],
    dtypes: Mapping[str, np.dtype[Any]],
) -> Domain | None:
    """Return what a model says that it takes: in its metadata, or else by its inputs' types.

    None where an input has no axes, or ONNX Runtime does not know them.
    """
    if KEY in metadata:
        domain = from_json(metadata[KEY])
        # An exporter may have renamed the inputs: then only their types are known.
        if domain.inputs.keys() == shapes.keys():
            return domain
    if not all(shapes.values()):
        return None
    inputs = {}
    for name, shape in shapes.items():
        sizes: tuple[Dim, ...] = tuple(
            f"axis {i} of {name}" if size is None else size for i, size in enumerate(shape)
        )
        inputs[name] = TensorType(sizes[1:], dtypes[name].name)
    return Domain(inputs)


_ORT_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}


def _declared(value: onnx.ValueInfoProto) -> tuple[str, tuple[Dim | None, ...]]:
    from onnx.helper import tensor_dtype_to_np_dtype

    kind = value.type.tensor_type
    shape = tuple(
        axis.dim_value if axis.HasField("dim_value") else axis.dim_param or None
        for axis in kind.shape.dim
    )
    return str(tensor_dtype_to_np_dtype(kind.elem_type)), shape


def _load_proto(model: str | bytes) -> onnx.ModelProto:
    from nnspec_onnx.module import read

    return read(model)


def evaluator(model: onnx.ModelProto | ModelContainer) -> Any:
    """Return the onnx.reference.ReferenceEvaluator of a model, exact in float64."""
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.op_run import OpRun
    from onnx.reference.ops.op_conv_transpose import ConvTranspose
    from onnx.reference.ops.op_loop import Loop
    from onnx.reference.ops.op_max_pool import MaxPool

    return ReferenceEvaluator(model, new_ops=double_ops(OpRun, MaxPool, ConvTranspose, Loop))


def _restore_attributes(reference: Any, network: Network) -> None:
    """Give each operator its float attributes in double; the file format holds them in float32.

    Without this a slope or an epsilon would differ by 1e-8 from a float64 network's.
    """
    for operator, node in zip(reference.rt_nodes_, network.nodes, strict=True):
        for key, value in node.attributes.items():
            if isinstance(value, float):
                setattr(operator, key, value)


def _from_evaluator(
    reference: Any,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    domain: Domain | None,
) -> EvaluatedProgram:
    from onnx.helper import tensor_dtype_to_np_dtype

    dtypes = {
        name: tensor_dtype_to_np_dtype(kind.tensor_type.elem_type)
        for name, kind in zip(reference.input_names, reference.input_types, strict=True)
    }
    metadata = {entry.key: entry.value for entry in reference.proto_.metadata_props}
    if domain is None and KEY in metadata:
        domain = from_json(metadata[KEY])
    return EvaluatedProgram(reference, inputs, outputs, dtypes, metadata, domain)
