"""Ways to fill the parameters of a layer with the tensors of a file, the likeliest first."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend.foreign import Held, Trace
from nnspec.judge.combinations import DEVIATIONS, combined, likeliest, some_of, turned_alike
from nnspec.judge.ours import Fillable, Layered
from nnspec.judge.sources import Source, role_of, sources
from nnspec.layers.batch_normalization import BatchNormalization
from nnspec.layers.recurrent import GRU, LSTM, Bidirectional, SimpleRNN
from nnspec.layers.shapes import show
from nnspec.layers.weighted import DIRECTION, LENGTH, split

if TYPE_CHECKING:
    from nnspec.backend import Array

MOST_DEVIATIONS = 15
"""The same, of a layer with one parameter."""
BARE = 10
"""Ways that are tried to fill a layer without the biases that it has."""
NEAREST = 3
"""Tensors that are tried for a bias which a layer has in a file, and not in the spec."""
FOLDED = 8
"""Tensors that are tried for the bias of a layer that a normalisation was folded into."""
WHOLE = -1
"""In the place of the number of a part: the tensor is used as a whole."""
HOPS = 40
"""Operations after what a layer takes, in which its tensors are looked for first."""
BACKWARD = ("reverse", "backward", "bwd")
"""Words in the names of the tensors of a second direction."""
GATES: dict[type, int] = {LSTM: 4, GRU: 3, SimpleRNN: 1}


class Ways:
    """The tensors of a file, and which of them are used.

    numbers: of the values of the spec, those of the run that are the same. lent: tensors that are
    used where no value proves it, so that what comes later may need them. missing: parameters
    that nothing fits, told. shifts: of values that the file adds a bias to, which the layer that
    gives them lacks, that bias: a normalisation takes it away again.
    """

    def __init__(
        self, ours: Fillable, held: Sequence[Held], theirs: Mapping[str, Array], trace: Trace,
        given: Mapping[str, Source],
    ) -> None:  # fmt: skip
        """theirs: the values of the tensors held. given: sources that are known beforehand."""
        self.ours = ours
        self.theirs = theirs
        self.given = given
        self.numbers: dict[str, list[int]] = {}
        self.used: dict[str, set[int]] = {}
        self.lent: set[str] = set()
        self.missing: dict[str, str] = {}
        self.shifts: dict[str, Source] = {}
        self.fixed = ours.fixed
        first: dict[str, int] = {}
        for step in trace.steps:
            for name in step.tensors:
                first.setdefault(name, step.number)
        self.order = {
            each.name: (first.get(each.name, len(trace.steps)), i) for i, each in enumerate(held)
        }
        self.free = sorted(
            (each for each in held if np.issubdtype(np.dtype(each.dtype), np.floating)),
            key=lambda each: self.order[each.name],
        )
        self.met = [each for each in self.free if each.name in first]
        self.steps = trace.steps

    def choices(self, node: Layered, owned: Mapping[str, str]) -> Iterator[dict[str, Source]]:
        """Yield ways to fill a layer's parameters, the likeliest first."""
        wanted = {own: name for own, name in owned.items() if name not in self.fixed}
        near = self._distances(node) if wanted else {}
        options: dict[str, list[Source]] = {}
        has_one_bias = not any(own.startswith("bias_hh") for own in wanted)
        for own, name in wanted.items():
            if name in self.given:
                options[own] = [self.given[name]]
                continue
            options[own] = self._options(node, own, name, near, has_one_bias)
            if not options[own]:
                shape = self.ours.weights[name].shape
                self.missing[name] = f"{name} {show(shape)}"
        shift = self.shifts.get(node.inputs[0]) if node.inputs else None
        if shift is not None and isinstance(node.layer, BatchNormalization):
            # A normalisation that an exporter has folded into that layer is such a bias too.
            if not self._is_normalised(node, wanted):
                yield from self._folded(node.layer, wanted, [shift])
            options["running_mean"] = [
                dataclasses.replace(
                    each, added=shift.tensor, added_part=shift.part, added_times=-1.0
                )
                for each in options.get("running_mean", [])
            ]
        options = {own: each for own, each in options.items() if each}
        if not options:
            if not wanted:
                yield {}
            elif isinstance(node.layer, BatchNormalization):  # of a file that has no vectors left
                yield from self._folded(node.layer, wanted, [])
            return
        if len(options) == len(wanted):
            for turned in turned_alike(options):
                yield from likeliest([*turned.items()])
            # The gates of a layer stand in one order in all that it holds.
            for blocks in dict.fromkeys(each.blocks for some in options.values() for each in some):
                alike = {
                    own: [each for each in some if each.blocks == blocks or not each.tensor]
                    for own, some in options.items()
                }
                most = MOST_DEVIATIONS if len(wanted) == 1 else DEVIATIONS
                is_filled = False
                for each in likeliest([*alike.items()], most):
                    is_filled = True
                    yield each
                if not is_filled and gates_of(node.layer):
                    yield some_of(alike)
        yield from self._with_lengths(wanted, options)
        yield from self._without_biases(node, wanted, options)
        if isinstance(node.layer, BatchNormalization):
            biases = options.get("bias", [])
            if self._is_normalised(node, wanted):  # or by a sum, where the bias is added alone
                alone = {step.tensors[0] for step in self.steps if len(step.tensors) == 1}
                biases = [
                    each for each in biases
                    if near.get(each.tensor) == 0 and each.tensor in alone
                    and self.theirs[each.tensor].any()
                ]  # fmt: skip
                yield from itertools.islice(self._folded(node.layer, wanted, biases), 1, None)
            else:
                yield from self._folded(node.layer, wanted, biases)
        elif len(options) < len(wanted):
            for blocks in dict.fromkeys(each.blocks for some in options.values() for each in some):
                alike = {
                    own: [each for each in some if each.blocks == blocks or not each.tensor]
                    for own, some in options.items()
                }
                yield from combined([*alike.items()], 0)

    def _with_lengths(
        self, wanted: Mapping[str, str], options: Mapping[str, list[Source]]
    ) -> Iterator[dict[str, Source]]:
        """Yield ways in which weights that are parted into length and direction are whole."""
        lengths = [own for own in wanted if split(own)[1] == LENGTH]
        others = [(own, some) for own, some in options.items() if own not in lengths]
        if not lengths or len(lengths) + len(others) < len(wanted):
            return
        tries = (combined(others, spent) for spent in range(DEVIATIONS))
        for each in itertools.islice(itertools.chain.from_iterable(tries), BARE):
            parted = {own: each[f"{split(own)[0]}{DIRECTION}"] for own in lengths}
            yield each | {
                own: dataclasses.replace(
                    whole, shape=self.ours.weights[wanted[own]].shape, length_of=whole.shape
                )
                for own, whole in parted.items()
            }

    def _without_biases(
        self, node: Layered, wanted: Mapping[str, str], options: Mapping[str, list[Source]]
    ) -> Iterator[dict[str, Source]]:
        """Yield ways without the biases, or without those of queries, keys and values."""
        biases = [own for own in wanted if is_bare(node, own) and not self._is_given(wanted[own])]
        inner = [own for own in biases if own.partition(".")[0] in ("q", "k", "v")]
        for absent in (biases, *([inner] if inner else [])):
            zeros = {own: Source("", self.ours.weights[wanted[own]].shape, ()) for own in absent}
            others = {own: some for own, some in options.items() if own not in zeros}
            if absent and len(others) + len(zeros) == len(wanted):
                tries = (combined([*others.items()], spent) for spent in range(DEVIATIONS))
                for each in itertools.islice(itertools.chain.from_iterable(tries), BARE):
                    yield {**each, **zeros}

    def _is_given(self, name: str) -> bool:
        """Whether a parameter is known to be a tensor of the file."""
        return name in self.given and bool(self.given[name].tensor)

    def vectors(self, node: Layered, size: int) -> list[Source]:
        """Return the tensors that may be a bias of so many numbers, the nearest first."""
        near = self._distances(node)
        fitting = [
            each for each in self.met
            if each.shape == (size,) and each.name not in self.used and each.name in near
        ]  # fmt: skip
        fitting.sort(key=lambda each: (near[each.name], self.order[each.name]))
        return [Source(each.name, (size,), (0,)) for each in fitting[:NEAREST]]

    def _is_normalised(self, node: Layered, wanted: Mapping[str, str]) -> bool:
        """Whether the first operation on what a normalisation takes has only vectors, as it has.

        A layer that follows has a kernel too.
        """
        sizes = {self.ours.weights[name].size for name in wanted.values()}
        taken = self.taken_by(node)
        return any(
            max(self.theirs[name].size for name in step.tensors) in sizes
            for step in self.steps
            if step.tensors and taken.intersection(step.inputs)
        )

    def _folded(
        self, layer: BatchNormalization, wanted: Mapping[str, str], biases: Sequence[Source]
    ) -> Iterator[dict[str, Source]]:
        """Yield ways in which a normalisation is part of the weights of the layer before it."""
        ones = {"weight": 1.0, "running_mean": 0.0, "running_var": 1.0 - layer.epsilon}
        fixed = {
            own: Source("", self.ours.weights[name].shape, (), constant=ones[own])
            for own, name in wanted.items()
            if own in ones
        }
        if "bias" not in wanted:
            yield fixed
            return
        yield {**fixed, "bias": Source("", self.ours.weights[wanted["bias"]].shape, ())}
        for source in biases[:FOLDED]:
            yield {**fixed, "bias": source}

    def options(self, node: Layered, own: str, name: str, *, has_lent: bool = True) -> list[Source]:
        """Return where a parameter of a layer may come from, the likeliest first.

        has_lent: what other layers have taken too, where no value proves it.
        """
        found = self._options(node, own, name, self._distances(node))
        return [each for each in found if has_lent or not self._is_taken(each)]

    def _is_taken(self, source: Source) -> bool:
        which, count = source.part
        taken = self.used.get(source.tensor, set())
        return bool(taken) and (count == 1 or which in taken or WHOLE in taken)

    def _options(
        self, node: Layered, own: str, name: str, near: Mapping[str, int],
        has_one_bias: bool = False,
    ) -> list[Source]:  # fmt: skip
        shape = self.ours.weights[name].shape
        gates = gates_of(node.layer)
        is_reverse = own.endswith("_reverse")
        is_variance = own == "running_var"
        found: list[tuple[tuple[Any, ...], Source]] = []
        # A tensor that the run does not take has no part in it, but for what needs no run.
        for held in self.free if name in self.ours.unfed else self.met:
            if is_variance and (self.theirs[held.name] < 0).any():
                continue
            for source in sources(shape, held, gates=gates):
                which, count = source.part
                is_taken = self._is_taken(source)
                if is_taken and held.name not in self.lent:
                    continue
                role = role_of(held.name).removesuffix("_reverse").removesuffix("_l0")
                order = (
                    is_taken,
                    # One number, as a scale of attention is, stands last for a matrix of one.
                    math.prod(held.shape) == 1 and len(held.shape) < len(shape),
                    count > 1 and len(held.shape) > len(shape) and not gates,
                    near.get(held.name, 2 * HOPS),
                    bool(gates) and is_reverse != any(word in held.name for word in BACKWARD),
                    source.effort >= 2,
                    (role not in own and own not in role)
                    or (bool(gates) and role == "weight" and own.startswith("weight_hh")),
                    self.order[held.name],
                    which,
                    source.effort,
                )
                found.append((order, source))
        ranked = [source for _, source in sorted(found, key=lambda each: each[0])]
        sums = [*self._sums(own, shape, ranked)] if gates else []
        # A layer with one bias has the sum of two in files that have two.
        likely = [each for each in sums if has_one_bias and self._is_pair(each)]
        return [*likely, *ranked, *(each for each in sums if each not in likely)]

    def _sums(self, own: str, shape: tuple[int, ...], ranked: Sequence[Source]) -> Iterator[Source]:
        """Yield what a bias of a recurrent layer is where there are more of them, or fewer."""
        if own.startswith("bias_hh"):
            yield Source("", shape, ())  # one bias for both products
        if own.startswith("bias_ih"):
            alike: dict[object, list[Source]] = {}
            for each in ranked:
                alike.setdefault((each.axes, each.blocks), []).append(each)
            for first, second in itertools.chain(*map(itertools.pairwise, alike.values())):
                is_half = first.tensor == second.tensor  # ONNX has both biases in one
                if (first.part != second.part) == is_half:
                    yield dataclasses.replace(first, added=second.tensor, added_part=second.part)

    def _is_pair(self, source: Source) -> bool:
        """Whether a sum is of the two biases of one direction, as PyTorch and ONNX have them."""
        if source.tensor != source.added:
            return source.tensor.replace("_hh", "_ih") == source.added.replace("_hh", "_ih")
        which, count = source.part
        directions = self.theirs[source.tensor].shape[0]
        return count == 2 * directions and which % 2 == 0 and source.added_part[0] == which + 1

    def _distances(self, node: Layered) -> dict[str, int]:
        """Return how many operations after what a layer takes each tensor is met, from 0 on.

        The longest way counts: what a sum takes besides is met after what its branch takes. What
        is met after other values of the spec alone comes after all that.
        """
        known = self.known()
        found = self._depths(self.taken_by(node), known)
        for name, depth in self._depths(known, known).items():
            found.setdefault(name, HOPS + depth)
        return found

    def _depths(self, start: set[int], known: set[int]) -> dict[str, int]:
        found: dict[str, int] = {}
        depths = dict.fromkeys(start, 0)
        for step in self.steps:
            depth = max((depths[each] for each in step.inputs if each in depths), default=HOPS)
            if depth < HOPS:
                for name in step.tensors:
                    # What a layer of several operations holds is near what the layer takes.
                    found[name] = min(found.get(name, depth), depth)
                for number in step.outputs:
                    if number not in known:
                        # A layer gives what the last operation within it gives.
                        depths[number] = max(depths.get(number, 0), depth + 1)
        return found

    def first_tensors(self, node: Layered) -> set[str]:
        """Return the tensors that the first operations with any take, after what a layer takes.

        But for one number that is a setting of the layer, as an epsilon.
        """
        near = self._depths(self.taken_by(node), self.known())
        near = {name: depth for name, depth in near.items() if not self._is_setting(node, name)}
        return {name for name, distance in near.items() if distance == min(near.values())}

    def _is_setting(self, node: Layered, name: str) -> bool:
        array = self.theirs[name]
        settings = [value for _, value in node.layer or () if isinstance(value, float)]
        return array.size == 1 and any(np.isclose(array, each, rtol=1e-6) for each in settings)

    def known(self) -> set[int]:
        """Return the numbers of the values of the run that the spec has too."""
        return {number for numbers in self.numbers.values() for number in numbers}

    def taken_by(self, node: Layered) -> set[int]:
        """Return the numbers of the values of the run that a layer takes."""
        return {number for value in node.inputs for number in self.numbers.get(value, ())}

    def use(self, source: Source, *, is_proven: bool = True) -> None:
        """Note that a tensor is used."""
        for tensor, part in (
            (source.added, source.added_part), (source.tensor, source.part),
        ):  # fmt: skip
            if not tensor:
                continue
            if is_proven:
                self.lent.discard(tensor)
            elif tensor not in self.used:
                self.lent.add(tensor)
            self._use(tensor, part)

    def _use(self, tensor: str, part: tuple[int, int]) -> None:
        which, count = part
        self.used.setdefault(tensor, set()).add(which if count > 1 else WHOLE)

    def free_again(self, source: Source) -> None:
        """Note that a tensor is not used."""
        self.used.pop(source.tensor, None)


def gates_of(layer: Any) -> int:
    """Return how many blocks the first axis of a recurrent layer's weights has; 0 of others."""
    return GATES.get(type(layer.layer if isinstance(layer, Bidirectional) else layer), 0)


def is_bare(node: Layered, own: str) -> bool:
    """Whether a parameter of a layer is a bias that a file may lack."""
    is_other = isinstance(node.layer, BatchNormalization) or gates_of(node.layer) > 0
    return own.rpartition(".")[2] == "bias" and not is_other
