"""A network's file, into which faults are put, and what they change: measured apart from the judge."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import nnspec
from nnspec.backend import get_backend
from nnspec.backend.foreign import Foreign
from nnspec.judge.against import judge
from nnspec.judge.facing import Facing, face_of
from nnspec.judge.judgement import Judgement
from nnspec.judge.ours import Ours
from nnspec.judge.prints import Prints
from nnspec.judge.process import reference_of
from nnspec.judge.sources import Source as Source_
from nnspec.judge.walk import Walk
from nnspec.network.loader import Spec
from nnspec.support.streams import derived_seed
from nnspec.verification.engines import SourceEngine
from nnspec.verification.samples import exercised_weights, random_inputs
from nnspec.verification.sizes import Fitting, find_sizes
from nnspec.verification.tolerance import relative_error, tensor_error
from tests.detection.catalogue.edits import Edit, Source
from tests.detection.catalogue.kinds import Kind
from tests.detection.catalogue.networks import network
from tests.detection.catalogue.owners import Owners

ROUNDING = {"torch": 1e-9, "keras": 1e-9, "onnx": 0.0}
"""Relative: an effect below it is rounding; of ONNX, in float32, it is measured."""
REGIMES = (1.0, 30.0, 1e-3, 0.0)
MARGIN = 4.0
"""Of the rounding of float32, as measured by moving every number by one unit."""
DRAWS = 3
"""Of weights and rows, where the first show no effect."""
FAR = (67, 131, 259)
"""Sizes of an axis beyond those that the judge tries."""


class Target:
    """A network's file of one side, into which faults are put."""

    def __init__(self, name: str, side: str, folder: Path, spec: Spec | None = None) -> None:
        """spec: in the place of the network of that name."""
        self.name, self.side, self.folder = name, side, folder
        self.spec: Spec = network(name) if spec is None else spec
        axes = find_sizes(self.spec.graph, {}).base
        self.inputs = random_inputs(self.spec.graph, 4, axes, 0)
        self.axes = axes
        if side == "onnx":
            self.path = folder / "net.onnx"
            nnspec.export(self.spec, self.path)
            return
        self.path = folder / f"{side}_net.py"
        self.source = Source(nnspec.compile(self.spec, side).source)
        self.path.write_text(self.source.text)
        kinds = (ast.ClassDef, ast.FunctionDef)
        self.top = [each.name for each in self.source.tree.body if isinstance(each, kinds)][-1]

    @cached_property
    def model(self) -> Any:
        import onnx

        return onnx.load(self.path)

    def reference(self, path: Path) -> str:
        return str(path) if self.side == "onnx" else f"{path}:{self.top}"

    def opened(self, path: Path) -> Foreign:
        return get_backend(self.side).open_file(reference_of(self.reference(path)))

    def judged(self, path: Path) -> Judgement:
        return self.judged_with_names(path)[0]

    def judged_with_names(self, path: Path) -> tuple[Judgement, list[str]]:
        """Return the names of the tensors too, in their order, as the report knows them."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reference = reference_of(self.reference(path))
            foreign = self.opened(path)
            report = judge(self.spec, foreign, reference, batch=4, seed=0, known={})
            return report, [*foreign.weights()]

    @cached_property
    def right(self) -> Facing:
        """The file without a fault, with weights of which none is trivial."""
        found = self._faced(self.path)
        found.foreign.load(_exercised(found.foreign, self._parameters(found)))
        return found

    def _parameters(self, facing: Facing) -> set[str]:
        """Return the tensors of the right file that no constants are, as tables of positions."""
        held = facing.foreign.describe().held
        if any(each.is_learned for each in held):
            statistics = re.compile(r"running_|moving_")
            return {e.name for e in held if e.is_learned or statistics.search(e.name)}
        found = self._walk(facing).found
        sources = [found.sources[name] for name in found.proven if name in found.sources]
        return {name for each in sources for name in (each.tensor, each.added) if name}

    def _faced(self, path: Path) -> Facing:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            foreign = self.opened(path)
            face = face_of(self.spec, self.axes)
            return Facing(face, foreign, foreign.describe(), "", self.inputs)

    @cached_property
    def owners(self) -> Owners:
        """The layers of each place, found where there is no fault."""
        walk = self._walk(self.right)
        return Owners(walk.ours, walk.trace, walk)

    def _walk(self, facing: Facing) -> Walk:
        engine = SourceEngine(get_backend("torch"))
        ours = Ours(self.spec, engine, exercised_weights(self.spec.graph, 0))
        trace = facing.trace(self.inputs)
        tolerance = 3e-5 if self.side == "onnx" else 1e-9
        held = facing.foreign.describe().held
        prints = Prints(trace.values, tolerance)
        walk = Walk(ours, held, facing.foreign.weights(), trace, prints, {}, {})
        walk.run(self.inputs, {})
        return walk

    @cached_property
    def rounding(self) -> float:
        """The largest effect that rounding explains."""
        if self.side != "onnx":
            return ROUNDING[self.side]
        foreign = self.right.foreign
        kept = foreign.weights()
        before = self._results(self.right)
        parameters = self._parameters(self.right)  # and no constants, as the scales of a Resize
        draw = np.random.default_rng(0)
        largest = 0.0
        for _ in range(3):
            moved = {
                name: array * (1 + 2.0**-23 * draw.choice([-1, 1], array.shape))
                for name, array in kept.items()
                if array.dtype.kind == "f" and name in parameters
            }
            foreign.load(moved)
            largest = max(largest, _difference(self._results(self.right), before))
        foreign.load(kept)
        return MARGIN * max(largest, 2.0**-22)

    @cached_property
    def _mapped(self) -> tuple[Mapping[str, Source_], list[str]]:
        """The parameters of the right file as the judge finds them, and its tensors in order."""
        report, names = self.judged_with_names(self.path)
        return report.sources, names

    @cached_property
    def _values(self) -> dict[str, Any]:
        """The parameters that the right file has."""
        sources, names = self._mapped
        weights = dict(zip(names, self.right.foreign.weights().values(), strict=True))
        return {name: source.of(weights) for name, source in sources.items()}

    def effect(self, path: Path) -> float:
        """Return how far the program of a file is from the right one; raises what it raises."""
        facing = self._faced(path)
        called = _share(self.right, facing)
        return _difference(self._results(facing, called), self._before)

    def wider_effect(self, path: Path) -> tuple[float, str]:
        """Return the same with other weights, more rows and other sizes, and where it is largest.

        These are not those of the judge, so that what it does not see is no less an effect.
        """
        right, facing = self._faced(self.path), self._faced(path)
        begun, parameters = right.foreign.weights(), self._parameters(right)
        best = 0.0, ""
        for draw in range(1, DRAWS + 1):
            right.foreign.load(begun)
            right.foreign.load(_exercised(right.foreign, parameters, draw))
            called = _share(right, facing)
            for told, inputs in self._cases(draw):
                try:
                    wanted = self._results(right, inputs=inputs)
                except Exception:  # what the right file does not take says nothing
                    continue
                try:
                    found = _difference(self._results(facing, called, inputs), wanted)
                except Exception:
                    found = float("inf")
                best = max(best, (found, told), key=lambda each: each[0])
        return best

    def _cases(self, draw: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield inputs of more rows, and of other sizes of each axis, with what they are."""
        graph = self.spec.graph
        yield f"weights and rows of draw {draw}", random_inputs(graph, 16, self.axes, 100 + draw)
        fitting = Fitting(graph)
        for axis, sizes in find_sizes(graph, {}).others.items():
            far = [next(fitting.of(axis, range(low, low + 32), self.axes), None) for low in FAR]
            for size in (*sizes, *far):
                if size is not None:
                    axes = {**self.axes, axis: size}
                    yield f"{axis} = {size}", random_inputs(graph, 4, axes, 100 + draw)

    def effect_in_order(self, path: Path, report: Judgement, names: Sequence[str]) -> float:
        """Return the same of a file with its tensors as the judge maps them.

        names: of the tensors in their order, as the report knows them.
        """
        facing = self._faced(path)
        held = facing.foreign.weights()
        tensors = {
            name: np.array(array, order="C")
            for name, array in zip(names, held.values(), strict=True)
        }
        for name, value in self._values.items():
            source = report.sources.get(name)
            if source is not None and source.tensor:
                source.put(value, tensors)
        facing.foreign.load(dict(zip(held, tensors.values(), strict=True)))
        found = self._results(facing)
        count = len(found) - (self.side != "onnx")
        largest = _difference(found[:count], self._before[:count])
        if self.side == "onnx" or len(found) != len(self._before):
            return largest
        sources, known = self._mapped
        mine = _by_parameter(report.sources, dict(zip(names, held, strict=True)), found[-1])
        called = dict(zip(known, self.right.foreign.weights(), strict=True))
        right = _by_parameter(sources, called, self._before[-1])
        # Of what has no gradient only rounding is left.
        floor = 1e-3 * max((float(np.abs(each).max(initial=0.0)) for each in right.values()),
                           default=0.0)  # fmt: skip
        return max(
            [largest]
            + [
                tensor_error(mine[name], each, floor)
                for name, each in right.items()
                if name in mine
            ]
        )

    @cached_property
    def _before(self) -> list[dict[str, Any]]:
        return self._results(self.right)

    def _results(
        self,
        facing: Facing,
        called: Mapping[str, str] | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Return what a file gives of inputs of several magnitudes, and its gradients.

        called: what the right file calls the tensors of this one.
        """
        inputs = self.inputs if inputs is None else inputs
        floats = [name for name, array in inputs.items() if array.dtype.kind == "f"]
        found = []
        for factor in REGIMES if floats else (1.0,):
            scaled = {name: factor * inputs[name] for name in floats}
            found.append(facing.run({**inputs, **scaled}))
        found.append(facing.run({name: each[:1] for name, each in inputs.items()}))
        if self.side != "onnx":
            draw = np.random.default_rng(1)
            towards = {
                name: draw.normal(size=array.shape)
                for name, array in found[0].items()
                if array.dtype.kind == "f"
            }
            if towards:
                gradients = facing.gradients(inputs, towards)
                renamed = called or {}
                found.append({renamed.get(name, name): each for name, each in gradients.items()})
        return found

    # An edit's place, and the layers there

    def truth(self, kind: Kind, place: Edit | str) -> set[str]:
        """Return the layers that a fault at a place may be blamed on."""
        owners = self.owners
        if isinstance(place, str):
            found = owners.of_node(place)
        else:
            found = owners.at_lines(*self.source.statement(place.start))
            if not found and self.side == "keras":
                found = owners.in_keras(self.source, place.start)
            owner = self.source.enclosing(place.start)
            if not found and owner and kind.layers:
                found = owners.of_kinds(kind.layers)
        kept = found & owners.of_kinds(kind.layers) if kind.layers else found
        return kept or found

    def is_placed(self, place: Edit | str, source: Source | None, places: tuple[str, ...]) -> bool:
        """Whether a report names the place of an edit."""
        told = " ".join(places)
        if isinstance(place, str):
            return f'"{place}"' in told
        assert source is not None
        first, last = source.statement(place.start)
        if any(first <= int(n) <= last for n in re.findall(r"\.py:(\d+)", told)):
            return True
        if self.side != "keras":
            return False
        names = re.findall(r'layer "([^"]+)"', told)
        return bool(self.owners.in_keras(self.source, place.start) & set(names))


def _exercised(foreign: Foreign, parameters: Collection[str], draw: int = 0) -> dict[str, Any]:
    """Return weights of which no two are alike, near those that the file begins with."""
    found = {}
    for name, array in foreign.weights().items():
        if array.dtype.kind == "f" and name in parameters:
            rng = np.random.default_rng(derived_seed("catalogue", draw, name))
            found[name] = array + np.clip(0.1 * rng.normal(size=array.shape), -0.3, 0.3)
    return found


def _share(right: Facing, facing: Facing) -> dict[str, str]:
    """Give a file the weights of the right one; return what that calls the tensors of this."""
    weights, held = right.foreign.weights(), facing.foreign.weights()
    called = _called(held, weights)
    shared = {
        name: weights[called[name]]
        for name, array in held.items()
        if called[name] in weights and weights[called[name]].shape == array.shape
    }
    facing.foreign.load(shared)
    return called


def _by_parameter(
    sources: Mapping[str, Source_], called: Mapping[str, str], gradients: Mapping[str, Any]
) -> dict[str, Any]:
    """Return gradients by the parameters of the spec. called: by the names that the map has."""
    return {
        name: source.taken(gradients[called[source.tensor]])
        for name, source in sources.items()
        if source.tensor in called and called[source.tensor] in gradients
    }


def _called(held: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, str]:
    """Return the names that the right file has for the tensors held: Keras counts some up."""
    if len(held) == len(right):
        return dict(zip(held, right, strict=True))
    return {name: name for name in held}


def _difference(found: list[Mapping[str, Any]], wanted: list[Mapping[str, Any]]) -> float:
    """Return the largest relative difference, or inf where names or shapes differ."""
    if len(found) != len(wanted):
        return float("inf")
    largest = 0.0
    for mine, theirs in zip(found, wanted, strict=True):
        if all(isinstance(each, dict) for each in theirs.values()):
            continue
        if set(mine) != set(theirs):
            return float("inf")
        if any(mine[name].shape != theirs[name].shape for name in theirs):
            return float("inf")
        largest = max(largest, float(relative_error(mine, theirs)))
    return largest
