"""Asks a file by the names of a spec, and in the names, the layout and the dtype of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Cut, Described, Foreign, Trace, Unit
from nnspec.errors import UsageError
from nnspec.judge.called import Fits, may_be, paired
from nnspec.network.loader import Spec
from nnspec.support.causes import cause_of
from nnspec.verification.samples import sizes_of

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

SHOWN = 3
"""Of what a file has in half precision."""


@dataclass(frozen=True, slots=True)
class Face:
    """The names that a file is asked by, and the shapes of the outputs with their first axis."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]]
    called: str = "the spec"


def face_of(spec: Spec, axes: Mapping[str, int]) -> Face:
    """Return the names and shapes of a spec, with these sizes of axes."""
    graph = spec.graph
    shapes = {name: (0, *sizes_of(graph.types[name].shape, axes)) for name in graph.outputs}
    return Face(tuple(graph.inputs), tuple(graph.outputs), shapes)


class Facing:
    """A file, asked by the names and in the layout of a spec.

    count: of the outputs that it gave last. surplus: those that nothing asks for. dtype: in which
    the file computes. moves: of inputs and outputs that the file has with their channels elsewhere,
    the order of its axes. notes: what was found out.
    """

    def __init__(
        self,
        face: Face,
        foreign: Foreign,
        described: Described,
        label: str,
        inputs: Mapping[str, Array],
        layout: int = 0,
    ) -> None:
        """Find the names, the layout and the dtype; raises UsageError where it does not run.

        layout: that is preferred where several fit: the place of an order among `moves`.
        """
        self.layout = layout
        self.face = face
        self.foreign = foreign
        self.label = label
        self.moves: dict[str, tuple[int, ...]] = {}
        self.notes: list[str] = []
        self.count = 0
        self.surplus: tuple[str, ...] = ()
        self._outputs: dict[str, str] = {}
        self._names = self._named(described, inputs)
        self._choose_layout(described, inputs)
        for name, move in self._ambiguous(inputs, layout).items() if layout else ():
            self.moves.pop(name, None)
            self._move(name, move)
        self.dtype = self._chosen_dtype(inputs)
        self._tell_halves(described)

    @property
    def fed(self) -> Collection[str]:
        """The inputs that are fed, as the file calls them."""
        return self._names.values()

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs, as the spec calls and lays them out."""
        return self.matched(self.foreign.run(self._asked(inputs)))

    def foreign_outputs(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as the file calls and lays them out."""
        return self.foreign.run(self._asked(inputs))

    def in_training(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as in training, which changes nothing in the file."""
        return self.matched(self.foreign.run_training(self._asked(inputs)))

    def trace(self, inputs: Mapping[str, Array]) -> Trace:
        """Return a run with all its operations; its outputs are as the file calls them."""
        return self.foreign.trace(self._asked(inputs))

    def units(self, inputs: Mapping[str, Array]) -> tuple[Trace, tuple[Unit, ...]]:
        """Return a run whose steps can be computed alone, and those of them with tensors."""
        return self.foreign.units(self._asked(inputs))

    def learn(
        self, inputs: Mapping[str, Array], towards: Mapping[str, Array]
    ) -> tuple[dict[str, Array], Weights]:
        """Return the outputs as in training, or the gradients of Σ output · towards."""
        named = {self._outputs[name]: self._moved(name, array) for name, array in towards.items()}
        outputs, gradients = self.foreign.learn(self._asked(inputs), named)
        return self.matched(outputs) if outputs else {}, gradients

    def gradients(self, inputs: Mapping[str, Array], towards: Mapping[str, Array]) -> Weights:
        """Return the gradient of Σ output · towards by each tensor of the file."""
        named = {self._outputs[name]: self._moved(name, array) for name, array in towards.items()}
        found, _ = self.foreign.gradients(self._asked(inputs), named)
        return found

    def cuts(
        self, inputs: Mapping[str, Array], taken: Sequence[int], given: int | None, name: str,
        of_units: bool = False,
    ) -> list[Cut]:  # fmt: skip
        """Return the parts of the file that make one value of others, or the whole."""
        return self.foreign.cuts(self._asked(inputs), taken, given, name, of_units)

    def names_of_outputs(self) -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
        """Return the spec's name of each output, and the order of axes in which the spec has it."""
        called = {theirs: mine for mine, theirs in self._outputs.items()}
        moves = {n: tuple(map(int, np.argsort(move))) for n, move in self.moves.items()}
        return called, moves

    def matched(self, theirs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the file's outputs as the spec calls them: by name, by shape, or else in order.

        Raises UsageError where it gives none.
        """
        outputs, self.count = self.face.outputs, len(theirs)
        if not theirs:
            raise UsageError(
                f"{self.label} gives no tensor: it may give one, or mappings, lists, tuples and "
                "dataclasses of them"
            )
        if not self._outputs:
            shapes = {name: array.shape for name, array in theirs.items()}
            if all(name.isdecimal() for name in theirs):  # a tuple, whose order is its meaning
                self._outputs = dict(zip(outputs, theirs, strict=False))
            else:
                self._outputs = paired(outputs, list(theirs), self._may_be(shapes))
                self._tell_pairs("outputs", self._outputs)
        asked = self._outputs.values()
        self.surplus = tuple(name for name in theirs if name not in asked)
        found = {mine: theirs[name] for mine, name in self._outputs.items() if name in theirs}
        for name, array in found.items():
            if name not in self.moves:
                self._place(name, array)
        return {
            name: np.transpose(array, np.argsort(self.moves[name])) if name in self.moves else array
            for name, array in found.items()
        }

    def _may_be(self, shapes: Mapping[str, tuple[int, ...]]) -> Fits:
        """Return whether an output of the file has the shape of one of the spec, in any layout."""

        def fits(mine: str, theirs: str) -> bool:
            wanted, given = self.face.shapes[mine], shapes[theirs]
            orders = moves(len(wanted))
            return any(tuple(wanted[i] for i in order)[1:] == given[1:] for order in orders)

        return fits

    def other_layouts(self, inputs: Mapping[str, Array]) -> list[int]:
        """Return the other layouts that the sizes of some input do not tell from the one taken.

        As of an image of three by three with three channels.
        """
        found: dict[tuple[tuple[str, tuple[int, ...]], ...], int] = {}
        for layout in (1, 2):
            if moved := self._ambiguous(inputs, layout):
                found.setdefault(tuple(sorted(moved.items())), layout)
        return list(found.values())

    def _ambiguous(self, inputs: Mapping[str, Array], layout: int) -> dict[str, tuple[int, ...]]:
        """Return the inputs that have the same sizes in a layout and in theirs, with its order."""
        found = {}
        for name, array in inputs.items():
            if array.ndim < 3 or array.dtype.kind != "f":
                continue
            every = moves(array.ndim)
            now, other = self.moves.get(name, every[0]), every[layout]
            if other != now and [array.shape[i] for i in now] == [array.shape[i] for i in other]:
                found[name] = other
        return found

    def told_layout(self, inputs: Mapping[str, Array]) -> str:
        """Return which layout the file has, where sizes tell nothing of it, as a note."""
        told = ", ".join(f"{name} {list(m)}" for name, m in self.moves.items() if name in inputs)
        return (
            "the sizes of the inputs do not tell which axis holds the channels: the file is the "
            f"spec with {f'the axes of {told}' if told else 'its axes as they are'}"
        )

    def _named(self, described: Described, inputs: Mapping[str, Array]) -> dict[str, str]:
        """Return what the file calls each input of the spec: by name, by shape, or in order."""
        wanted = self.face.inputs
        theirs = {each.name: each for each in described.inputs}
        needed = [each.name for each in described.inputs if each.is_needed]
        free = [name for name in theirs if name in needed or name in wanted]
        names = free if len(free) >= len(wanted) else list(theirs)
        if len(names) < len(wanted):
            taken = f"takes {', '.join(theirs)}" if theirs else "takes nothing"
            raise UsageError(
                f"{self.label} {taken}, and the inputs of {self.face.called} are "
                f"{', '.join(wanted)}"
            )

        def fits(mine: str, name: str) -> bool:
            array, given = inputs[mine], theirs[name]
            orders = moves(array.ndim)
            return may_be(given.dtype, array.dtype.kind) and (
                given.shape is None
                or any(_fits([array.shape[i] for i in order], given.shape) for order in orders)
            )

        found = paired(wanted, names, fits)
        self._tell_pairs("inputs", found)
        place = list(theirs)  # some files take them by their order, whatever they are called
        return {name: found[name] for name in sorted(found, key=lambda n: place.index(found[n]))}

    def _tell_pairs(self, what: str, found: Mapping[str, str]) -> None:
        """Note which is which where names do not say it of all: another may be meant."""
        if len(found) > 1 and any(name != theirs for name, theirs in found.items()):
            told = ", ".join(f"{name} is {theirs}" for name, theirs in found.items())
            self.notes.append(
                f"{what} of {self.label}: {told}; by name, by what alone fits, or else in order"
            )

    def _asked(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return {
            theirs: self._moved(name, inputs[name])
            for name, theirs in self._names.items()
            if name in inputs
        }

    def _moved(self, name: str, array: Array) -> Array:
        """Return an array as the file lays it out."""
        return np.transpose(array, self.moves[name]) if name in self.moves else array

    def _choose_layout(self, described: Described, inputs: Mapping[str, Array]) -> None:
        """Find where the file has the channels of each input: by its shapes, or by trying."""
        given = {each.name: each.shape for each in described.inputs}
        unsaid = []
        for name, theirs in self._names.items():
            array, said = inputs[name], given[theirs]
            if array.ndim < 3 or array.dtype.kind != "f":
                continue
            if said is None:
                unsaid.append(name)
                continue
            fitting = (
                move for move in moves(array.ndim) if _fits([array.shape[i] for i in move], said)
            )
            self._move(name, next(fitting, moves(array.ndim)[0]))
        if not unsaid or self._runs(inputs):
            return
        for which in (1, 2):
            for name in unsaid:
                self._move(name, moves(inputs[name].ndim)[which])
            if self._runs(inputs):
                return
        for name in unsaid:
            self.moves.pop(name, None)

    def _move(self, name: str, move: tuple[int, ...]) -> None:
        if list(move) != sorted(move):
            self.moves[name] = move

    def _place(self, name: str, theirs: Array) -> None:
        """Note where the file has the channels of an output, where only that explains its shape."""
        shape = self.face.shapes[name]
        if theirs.ndim < 3 or theirs.ndim != len(shape):
            return
        every = moves(theirs.ndim)
        for move in dict.fromkeys((every[self.layout], *every)):
            if [shape[i] for i in move][1:] == list(theirs.shape[1:]):
                self._move(name, move)
                return

    def _runs(self, inputs: Mapping[str, Array]) -> bool:
        try:
            self.foreign.run(self._asked(inputs))
        except Exception:
            return False
        return True

    def _chosen_dtype(self, inputs: Mapping[str, Array]) -> str:
        """Compute in float64 where the file can."""
        dtype = self.foreign.use("float64")
        failure = ""
        if dtype == "float64":
            try:
                self.foreign.run(self._asked(inputs))
            except Exception as error:
                failure, dtype = cause_of(error), self.foreign.use("float32")
        try:
            self.foreign.run(self._asked(inputs))
        except Exception as error:
            raise UsageError(f"{self.label} does not run: {cause_of(error)}") from error
        if failure:
            self.notes.append(f"compared in float32: in float64 the file ends with {failure}")
        return dtype

    def _tell_halves(self, described: Described) -> None:
        """Note what the file has in half precision, whose rounding is told from no fault."""
        halves = described.in_half_precision()
        if not halves:
            return
        # Those that are made anew may be called otherwise.
        kept = self.foreign.describe().in_half_precision()
        gone = [each for each in halves if each not in kept][: len(halves) - len(kept)]
        for names, told in (
            (kept, "a difference of 1e-3 may be its rounding"),
            (gone, f"here in {self.dtype}, so that its rounding is not judged"),
        ):
            if names:
                more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
                self.notes.append(
                    f"{self.label} has half precision in {', '.join(names[:SHOWN])}{more}: {told}"
                )


def moves(rank: int) -> tuple[tuple[int, ...], ...]:
    """Return the orders of axes with the channels where they are, last, and first.

    Of rows and vectors, which have none, the one there is.
    """
    whole = tuple(range(rank))
    return (whole, (0, *whole[2:], 1), (0, rank - 1, *whole[1:-1])) if rank > 2 else (whole,)


def _fits(shape: Sequence[int], said: Sequence[int | None]) -> bool:
    return len(shape) == len(said) and all(
        size is None or size == mine for size, mine in zip(said[1:], shape[1:], strict=True)
    )
