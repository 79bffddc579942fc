"""The nodes of an ONNX graph, each computed alone with other tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend.foreign import Step, Unit, View

if TYPE_CHECKING:
    import onnx

    from nnspec.backend import Array

KINDS = {"LSTM": "lstm", "GRU": "gru", "RNN": "simple_rnn",
         "BatchNormalization": "batch_normalization"}  # fmt: skip
OWN = {
    "BatchNormalization": ("", "weight", "bias", "running_mean", "running_var"),
    "LSTM": ("", "weight_ih_l0", "weight_hh_l0", "bias"),
    "GRU": ("", "weight_ih_l0", "weight_hh_l0", "bias"),
    "RNN": ("", "weight_ih_l0", "weight_hh_l0", "bias"),
    "Add": ("bias", "bias"), "MatMul": ("weight", "weight"), "Gather": ("weight",),
}  # fmt: skip
"""The roles of the inputs of a node; of the rest, a weight and a bias after the value."""
USUAL = ("", "weight", "bias")
VALUES: dict[str, tuple[Any, ...]] = {
    "epsilon": (1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12, 0.0),
    "alpha": (0.01, 0.1, 0.2, 0.3, 1.0),
    "axis": (-1, 0, 1, 2),
    "approximate": ("none", "tanh"),
    "count_include_pad": (0, 1),
    "linear_before_reset": (0, 1),
    "direction": ("forward", "reverse"),
    "transB": (0, 1),
}
"""Other values of attributes in files that were ported wrongly."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "BatchNormalization": {"epsilon": 1e-5}, "LayerNormalization": {"epsilon": 1e-5},
    "LeakyRelu": {"alpha": 0.01}, "Elu": {"alpha": 1.0}, "Softmax": {"axis": -1},
    "LogSoftmax": {"axis": -1}, "Gelu": {"approximate": "none"}, "Concat": {"axis": 0},
    "AveragePool": {"count_include_pad": 0}, "GRU": {"linear_before_reset": 0,
    "direction": "forward"}, "LSTM": {"direction": "forward"}, "RNN": {"direction": "forward"},
    "Gemm": {"transB": 0},
}  # fmt: skip
KIN = {
    **{each: tuple(o for o in ("Relu", "Tanh", "Sigmoid", "Elu", "Softplus", "LeakyRelu", "Gelu",
                               "Identity") if o != each)
       for each in ("Relu", "Tanh", "Sigmoid", "Elu", "Softplus", "LeakyRelu", "Gelu")},
    "MaxPool": ("AveragePool",), "AveragePool": ("MaxPool",),
    "GlobalAveragePool": ("GlobalMaxPool",), "GlobalMaxPool": ("GlobalAveragePool",),
    "ReduceMean": ("ReduceMax", "ReduceSum"), "ReduceMax": ("ReduceMean",),
    "Softmax": ("Identity",), "Sub": ("Add",),
}  # fmt: skip
"""Operators that are taken for one another."""


def taken_by(node: onnx.NodeProto) -> list[str]:
    """Return the names that a node takes, those of outside that its inner graphs use included."""
    found = [name for name in node.input if name]
    for attribute in node.attribute:
        for graph in [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]:
            own = {each.name for each in graph.input} | {each.name for each in graph.initializer}
            for each in graph.node:
                found += [name for name in taken_by(each) if name not in own]
                own.update(each.output)
            found += [each.name for each in graph.output if each.name not in own]
    return list(dict.fromkeys(found))


def unit_of(step: Step, node: onnx.NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> Unit:
    """Return a node that takes tensors held as what can be computed alone."""
    kind = KINDS.get(node.op_type, "")
    given = {each.name: each for each in node.attribute}
    roles = OWN.get(node.op_type, USUAL)
    own = {
        name: role for name, role in zip(node.input, roles, strict=False) if role and name in shapes
    }
    epsilon = given["epsilon"].f if "epsilon" in given else 1e-5
    if kind and kind != "batch_normalization" and len(shapes.get(node.input[1], (2,))) == 3:
        if shapes[node.input[1]][0] == 1:
            return Unit(step.number, tuple(_recurrent(own, shapes)), kind)
        kind = ""
    last = [own.get(name, name.rpartition(".")[2]) for name in step.tensors]
    views = tuple(
        View(
            short if last.count(short) == 1 else name,
            name, shapes[name], tuple(range(len(shapes[name]))),
        )
        for name, short in zip(step.tensors, last, strict=True)
    )  # fmt: skip
    return Unit(step.number, views, kind, epsilon)


def _recurrent(own: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]) -> Iterator[View]:
    for name, role in own.items():
        shape = shapes[name]
        if role == "bias":
            half = (shape[1] // 2,)
            yield View("bias_ih_l0", name, half, (1, 0), (0, 2))
            yield View("bias_hh_l0", name, half, (1, 0), (1, 2))
        else:
            yield View(role, name, shape[1:], (0, 1, 2))


class Pieces:
    """Parts of a graph that are computed alone; the tensors held are inputs of each."""

    def __init__(self, model: onnx.ModelProto, held: Mapping[str, Array]) -> None:
        """held: what can be changed from outside."""
        self.model = model
        self.held = held
        self._makers = {name: node for node in model.graph.node for name in node.output if name}
        self._initial = {each.name: each for each in model.graph.initializer}
        self._sessions: dict[tuple[Any, ...], tuple[Any, list[str], list[str]]] = {}

    def run(
        self, nodes: Sequence[onnx.NodeProto], values: Mapping[str, Array],
        tensors: Mapping[str, Array], instead: onnx.NodeProto | None = None,
    ) -> dict[str, Array]:  # fmt: skip
        """Return what nodes give, in order. instead: another in the place of the first."""
        wanted = [name for node in nodes for name in node.output if name]
        dtypes = tuple((name, each.dtype.str) for name, each in values.items())
        key = (tuple(wanted), dtypes)
        if instead is None and key in self._sessions:
            session, names, given = self._sessions[key]
        else:
            chosen = [instead, *nodes[1:]] if instead is not None else list(nodes)
            session, names, given = self._made(chosen, values, wanted)
            if instead is None:
                self._sessions[key] = session, names, given
        feeds = {name: values[name] if name in values else tensors[name] for name in given}
        return dict(zip(names, session.run(names, feeds), strict=True))

    def _made(
        self, nodes: Sequence[onnx.NodeProto], values: Mapping[str, Array], wanted: Sequence[str]
    ) -> tuple[Any, list[str], list[str]]:
        from onnx import helper

        from nnspec_onnx.runtime import _session

        made = {name for node in nodes for name in node.output}
        before: list[Any] = []
        initial: dict[str, Any] = {}
        given: dict[str, Array] = {}

        def need(name: str) -> None:
            if name in made or name in given or name in initial:
                return
            if name in values:
                given[name] = values[name]
            elif name in self.held:
                given[name] = self.held[name]
            elif name in self._initial:
                initial[name] = self._initial[name]
            else:
                node = self._makers[name]  # of constants alone
                for each in taken_by(node):
                    need(each)
                if node not in before:
                    before.append(node)
                made.update(node.output)

        for node in nodes:
            for name in taken_by(node):
                need(name)
        inputs = [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(array.dtype), [None] * array.ndim
            )
            for name, array in given.items()
        ]
        outputs = [helper.make_empty_tensor_value_info(name) for name in wanted]
        graph = helper.make_graph([*before, *nodes], "part", inputs, outputs, [*initial.values()])
        model = helper.make_model(
            graph, opset_imports=self.model.opset_import, functions=self.model.functions,
            ir_version=self.model.ir_version,
        )  # fmt: skip
        return _session(model.SerializeToString(), False, None), list(wanted), list(given)


def variants_of(node: onnx.NodeProto) -> Iterator[tuple[str, onnx.NodeProto]]:
    """Yield what a node is often mistaken for, each told as what a file does instead."""
    from onnx import helper

    given = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    given = {k: v.decode() if isinstance(v, bytes) else v for k, v in given.items()}
    whole = {**DEFAULTS.get(node.op_type, {}), **given}
    for name, others in VALUES.items():
        for other in others if name in whole else ():
            mine = whole[name]
            is_same = np.isclose(mine, other, rtol=1e-6) if isinstance(other, float) else None
            if not (is_same if is_same is not None else mine == other):
                told = f"computes with {name} {other}, and not {mine}"
                yield told, _node(node, node.op_type, {**given, name: other})
    for kind in KIN.get(node.op_type, ()):
        allowed = {} if kind not in ("AveragePool", "MaxPool") else given
        kept = {k: v for k, v in allowed.items() if k not in ("count_include_pad", "dilations")}
        if kind.startswith("Reduce"):
            kept = given
        yield f"computes {kind}, and not {node.op_type}", _node(node, kind, kept)


def _node(node: onnx.NodeProto, kind: str, attributes: Mapping[str, Any]) -> onnx.NodeProto:
    from onnx import helper

    made: onnx.NodeProto = helper.make_node(
        kind, list(node.input), list(node.output), name=node.name, domain=node.domain, **attributes
    )
    return made
