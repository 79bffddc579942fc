"""Opens somebody's ONNX model, and follows what it computes in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend.foreign import KEPT, Cut, Described, Given, Held, Reference, Step, Trace, Unit
from nnspec.errors import DataError, UnsupportedError, UsageError
from nnspec_onnx.units import Pieces, taken_by, unit_of, variants_of

if TYPE_CHECKING:
    import onnx

    from nnspec.backend import Array, Weights


MOST = 2**31 - 1
"""Bytes of a message of protobuf."""


def open_file(reference: Reference) -> OnnxForeign:
    """Read a model; raises UsageError for a file that is none."""
    import onnx

    path = Path(reference.path)
    if reference.name or reference.arguments or reference.named:
        raise UsageError(f"{path.name} is an ONNX model: it takes no name and no arguments")
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf's, or of a file of weights that is not there
        raise UsageError(f"{path.name} is no ONNX model that can be read: {error}") from error
    size = sum(len(each.raw_data) for each in model.graph.initializer)
    if size > MOST:
        raise UsageError(
            f"{path.name} has {size / 1e9:.1f} GB of tensors, and a model is judged up to 2 GB, "
            "which is what one message of ONNX holds"
        )
    return OnnxForeign(model)


class OnnxForeign:
    """A model in ONNX Runtime, its graph as it is written: no optimisation changes it."""

    def __init__(self, model: onnx.ModelProto) -> None:
        from onnx import numpy_helper

        self.model = model
        self._held = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
        for node in model.graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                array = numpy_helper.to_array(node.attribute[0].t)
                if array.dtype.kind == "f" and array.ndim:  # else a constant of a formula
                    self._held[node.output[0]] = array
        self._changed: dict[str, Array] = {}
        self._session: Any = None
        self._traced: Any = None
        self._pieces: Pieces | None = None
        self._nodes: list[onnx.NodeProto] = []
        self._names: list[str] = []
        self._variants: dict[str, onnx.NodeProto] = {}
        inner = {*self._held}
        self._inputs = [each for each in model.graph.input if each.name not in inner]

    def use(self, dtype: str) -> str:
        """Return float32: ONNX Runtime lacks kernels for more, and this is what is deployed."""
        return "float32"

    def describe(self) -> Described:
        """Return what it takes and holds."""
        from onnx.helper import tensor_dtype_to_np_dtype

        inputs = []
        for each in self._inputs:
            kind = each.type.tensor_type
            shape = tuple(
                axis.dim_value if axis.HasField("dim_value") else None for axis in kind.shape.dim
            )
            dtype = str(tensor_dtype_to_np_dtype(kind.elem_type))
            inputs.append(Given(each.name, shape, dtype))
        sizes = self._sizes()
        held = [
            # Nothing says which of them were learned, and which are constants of the formula.
            Held(name, tuple(array.shape), str(array.dtype), is_learned=False)
            for name, array in self._held.items()
            if array.dtype.kind == "f" and name not in sizes
        ]
        return Described("onnx", self.model.graph.name, tuple(inputs), tuple(held))

    def _sizes(self) -> set[str]:
        """Return the tensors that say how large a picture becomes, and are taken by nothing else.

        They are the region and the scales of Resize: https://onnx.ai/onnx/operators/onnx__Resize.html
        """
        found, others = set[str](), set[str]()
        for node in self.model.graph.node:
            taken = taken_by(node)
            own = taken[1:] if node.op_type == "Resize" else []
            found.update(own)
            others.update(name for name in taken if name not in own)
        return found - others

    def weights(self) -> Weights:
        """Return every tensor held, by name."""
        return {
            name: array.astype(np.float64) if array.dtype.kind == "f" else array
            for name, array in (self._held | self._changed).items()
        }

    def load(self, weights: Mapping[str, Array]) -> None:
        """Set tensors by name."""
        from onnx import numpy_helper

        for name, array in weights.items():
            self._changed[name] = array.astype(self._held[name].dtype)
        for each in self.model.graph.initializer:
            if each.name in self._changed:
                each.CopyFrom(numpy_helper.from_array(self._changed[each.name], each.name))
        for node in self.model.graph.node:
            if node.op_type == "Constant" and node.output[0] in self._changed:
                made = numpy_helper.from_array(self._changed[node.output[0]])
                node.attribute[0].t.CopyFrom(made)
        self._session = self._traced = None

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as at inference."""
        if any(len(array) == 0 for array in inputs.values() if array.ndim):
            raise UnsupportedError("ONNX Runtime ends the process in some operators without rows")
        if self._session is None:
            self._session = _session(self.model)
        names = [each.name for each in self.model.graph.output]
        return dict(zip(names, self._asked(self._session, names, inputs), strict=True))

    def run_training(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Raise UnsupportedError: a model of ONNX is one of inference."""
        raise UnsupportedError("a model of ONNX has no training")

    def learn(
        self, inputs: Mapping[str, Array], towards: Mapping[str, Array]
    ) -> tuple[dict[str, Array], Weights]:
        """Raise UnsupportedError: a model of ONNX is one of inference."""
        raise UnsupportedError("a model of ONNX has no training")

    def trace(self, inputs: Mapping[str, Array]) -> Trace:
        """Return the outputs as at inference, and every node on the way to them."""
        outputs = [each.name for each in self.model.graph.output]
        inner = [
            name for node in self.model.graph.node for name in node.output
            if name and name not in outputs and name not in self._held
        ]  # fmt: skip
        if self._traced is None:
            self._traced = _session(self._with_values(inner))
        every = [*outputs, *inner]
        found = dict(zip(every, self._asked(self._traced, every, inputs), strict=True))
        arrays = {**inputs, **found}
        numbers = {name: i for i, name in enumerate(arrays)}
        derived: dict[str, tuple[str, ...]] = {name: (name,) for name in self._held}
        steps: list[Step] = []
        self._nodes = []
        for node in self.model.graph.node:
            asked = taken_by(node)
            taken = tuple(numbers[name] for name in asked if name in numbers)
            names = dict.fromkeys(one for name in asked for one in derived.get(name, ()))
            known = tuple(name for name in names if self._held[name].dtype.kind == "f")
            if not taken or all(name in derived for name in asked):
                for name in node.output:
                    derived.setdefault(name, known)  # what a Constant holds is itself
                continue
            place = f'node "{node.name or node.output[0]}"'
            given = tuple(numbers[name] for name in node.output if name in numbers)
            steps.append(Step(len(steps), node.op_type, place, taken, given, known))
            self._nodes.append(node)
        self._names = list(numbers)
        kept: dict[int, Array] = {}
        total = 0
        for name, number in numbers.items():
            array = np.asarray(arrays[name])
            total += array.nbytes
            if total <= KEPT and array.dtype.kind in "fiub":
                kept[number] = array
        return Trace(
            tuple(steps),
            kept,
            {name: numbers[name] for name in inputs},
            {name: found[name] for name in outputs},
            total <= KEPT,
            is_of_nodes=True,
        )

    def units(self, inputs: Mapping[str, Array]) -> tuple[Trace, tuple[Unit, ...]]:
        """Return a run whose steps can then be computed alone, and those that take tensors."""
        trace = self.trace(inputs)
        if self._pieces is None:
            floats = {name: each for name, each in self._held.items() if each.dtype.kind == "f"}
            self._pieces = Pieces(self.model, floats)
        shapes = {name: tuple(each.shape) for name, each in self._held.items()}
        return trace, tuple(
            unit_of(step, self._nodes[step.number], shapes) for step in trace.steps if step.tensors
        )

    def compute(
        self, steps: Sequence[int], values: Mapping[int, Array], variant: str = ""
    ) -> dict[int, Array]:
        """Return what steps of the last run of units give, in order, with the tensors held now."""
        assert self._pieces is not None
        given = {
            self._names[number]: array.astype("float32") if array.dtype == np.float64 else array
            for number, array in values.items()
        }
        tensors = {**self._held, **self._changed}
        nodes = [self._nodes[number] for number in steps]
        instead = self._variants[variant] if variant else None
        found = self._pieces.run(nodes, given, tensors, instead)
        numbers = {name: number for number, name in enumerate(self._names)}
        return {numbers[name]: np.asarray(array) for name, array in found.items()}

    def variants(self, step: int) -> list[str]:
        """Return what a step is often mistaken for, each told as what a file does instead."""
        self._variants = dict(variants_of(self._nodes[step]))
        return list(self._variants)

    def cuts(
        self, inputs: Mapping[str, Array], taken: Sequence[int], given: int | None, name: str,
        of_units: bool = False,
    ) -> list[Cut]:  # fmt: skip
        """Return the nodes that make one value of others, or the whole model."""
        from nnspec_onnx.cutting import cut_of, part_of, told_of

        if given is None:
            return [cut_of(self.model, name, "", inputs, self.run(inputs))]
        values = self.trace(inputs).values
        names = self._names
        arrays = {names[number]: array for number, array in values.items()}
        model, entered, count = part_of(
            self.model, arrays, {names[number] for number in taken}, names[given]
        )
        told = told_of(model.graph.node, count)
        feeds = {each: arrays[each] for each in entered}
        return [cut_of(model, name, told, feeds, {"value": arrays[names[given]]})]

    def gradients(
        self, inputs: Mapping[str, Array], towards: Mapping[str, Array]
    ) -> tuple[Weights, Weights]:
        """Raise UnsupportedError: a model of ONNX has none."""
        raise UnsupportedError("ONNX Runtime computes no gradients")

    def _with_values(self, names: list[str]) -> onnx.ModelProto:
        import onnx

        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        return model

    def _asked(
        self, session: Any, names: list[str], inputs: Mapping[str, Array]
    ) -> Iterator[Array]:
        from onnx.helper import tensor_dtype_to_np_dtype

        kinds = {each.name: each.type.tensor_type.elem_type for each in self._inputs}
        feeds = {
            name: np.asarray(array, tensor_dtype_to_np_dtype(kinds[name]))
            for name, array in inputs.items()
        }
        try:
            found = session.run(names, feeds)
        except Exception as error:
            if type(error).__module__.startswith("onnxruntime"):
                raise DataError(f"the model does not run: {error}") from error
            raise
        return iter([np.asarray(each) for each in found])


def _session(model: onnx.ModelProto) -> Any:
    from nnspec_onnx.runtime import _session as session

    return session(model.SerializeToString(), False, None)
