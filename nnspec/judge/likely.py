"""Pairs the tensors that are wanted with those of a file that has no program.

Nothing is computed, so nothing is proven: names, shapes and the order decide, and the report says
which of them did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from nnspec.backend.foreign import Held
from nnspec.judge.sources import Source, sources
from nnspec.judge.wanted import EQUAL, Wanted, by_layer, is_keras, likeness, ordinals, plain_name
from nnspec.layers.shapes import show

How = Literal["value", "name", "shape", "likeness", "order", "map"]
"""The reason of a choice: the numbers of a tensor, its very name, its shape alone, the likeness of
the names, the order of those of one shape, or a map that was given.
"""
KERAS_GRU = (1, 0, 2)
"""Order of the gates of Keras's GRU: its blocks as the canonical ones take them."""
MOST_PARTS = 3
"""Of a fused tensor, as query, key and value are."""
FLOATS = ("float64", "float32", "float16", "bfloat16")


@dataclass(slots=True)
class Fit:
    """The map, and the rest.

    missing: wanted tensors that nothing was found for, each with the reason. surplus: tensors of
    layers that were found, which the wanted layer has no place for. unused:
    those of other layers. square: those of which no shape tells whether they are transposed.
    """

    sources: dict[str, Source] = field(default_factory=dict)
    how: dict[str, How] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    surplus: dict[str, str] = field(default_factory=dict)
    unused: list[Held] = field(default_factory=list)
    square: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Slot:
    """A layer of a file, or one of the equal parts of a fused one."""

    layer: str
    part: int
    count: int


@dataclass(frozen=True, slots=True)
class _Pair:
    wanted: str
    slot: _Slot
    sources: Mapping[str, Source]
    names: float
    lost: int
    """Wanted tensors without one, and tensors without a place."""


def fit(
    wanted: Sequence[Wanted],
    held: Sequence[Held],
    known: Mapping[str, Source],
    equal: Mapping[str, Source] | None = None,
) -> Fit:
    """Return which tensor of a file is which. known: what is known of it. equal: by their values.

    What is known counts where both say something.
    """
    proven = {name: each for name, each in (equal or {}).items() if name not in known}
    found = _Fitting(wanted, held, {**proven, **known}).fit()
    found.how |= dict.fromkeys(proven, "value")
    return found


class _Fitting:
    def __init__(
        self, wanted: Sequence[Wanted], held: Sequence[Held], known: Mapping[str, Source]
    ) -> None:
        self.known = known
        self.wanted = {each.name: each for each in wanted}
        self.held = {each.name: each for each in held}
        taken = {name for each in known.values() for name in (each.tensor, each.added)}
        floats = [e.name for e in held if e.dtype in FLOATS and e.name not in taken]
        free = [each.name for each in wanted if not each.is_fixed and each.name not in known]
        self.mine = by_layer({plain_name(name): name for name in free})
        self.theirs = by_layer(_without_prefix({plain_name(n): n for n in floats}, self.mine))
        self.kinds = {name: self._kind(own) for name, own in self.mine.items()}

    def fit(self) -> Fit:
        pairs = [*self._pairs()]
        found = Fit(dict(self.known), dict.fromkeys(self.known, "map"))
        self._choose(pairs, found)
        used = {n for each in found.sources.values() for n in (each.tensor, each.added)}
        homes = {n: layer for layer, own in self.theirs.items() for n in own.values()}
        full = {
            homes[source.tensor]: name.rpartition(".")[0]
            for name, source in found.sources.items() if source.tensor in homes
        }  # fmt: skip
        for name, each in self.held.items():
            if name in used or each.dtype not in FLOATS:
                continue
            if homes.get(name) in full:
                found.surplus[name] = full[homes[name]]
            else:
                found.unused.append(each)
        self._turn_squares(found)
        for name, wanted in self.wanted.items():
            if name not in found.sources and not wanted.is_fixed:
                found.missing[name] = self._reason(wanted, found)
        return found

    def _kind(self, own: Mapping[str, str]) -> tuple[object, ...]:
        """Return what layers have alike that the same tensors may fill."""
        return tuple(
            (key, self.wanted[name].shape, self.wanted[name].gates, self.wanted[name].is_table)
            for key, name in own.items()
        )

    def _pairs(self) -> Iterator[_Pair]:
        """Yield what may be a pair. Part i of a fused layer is the i-th of its kind in a block."""
        alike: dict[tuple[object, ...], list[str]] = {}
        for layer, kind in self.kinds.items():
            alike.setdefault(kind, []).append(layer)
        for layers in alike.values():
            among: dict[str, list[str]] = {}
            for layer in layers:
                among.setdefault(layer.rpartition(".")[0], []).append(layer)
            ways = [
                (slot, chosen)
                for other, theirs in self.theirs.items()
                for slot, chosen in self._ways(self.mine[layers[0]], other, theirs)
            ]
            mine, others = ordinals(layers), ordinals({slot.layer for slot, _ in ways})
            for layer in layers:
                place = among[layer.rpartition(".")[0]].index(layer)
                own = self.mine[layer]
                renamed = dict(zip(self.mine[layers[0]].values(), own.values(), strict=True))
                for slot, chosen in ways:
                    if slot.count > 1 and slot.part != place:
                        continue
                    found = {renamed[name]: each for name, each in chosen.items()}
                    theirs = {*self.theirs[slot.layer].values()}
                    lost = len(own) - len(found) + len(theirs - _tensors(found))
                    names = likeness(layer, slot.layer, mine[layer], others[slot.layer])
                    yield _Pair(layer, slot, found, names, lost)

    def _ways(
        self, own: Mapping[str, str], layer: str, theirs: Mapping[str, str]
    ) -> Iterator[tuple[_Slot, dict[str, Source]]]:
        """Yield the ways in which a layer of a file may be a wanted one: one, or for each part."""
        options = {
            name: [*self._options(self.wanted[name], key, own, theirs)] for key, name in own.items()
        }
        largest = max(own.values(), key=lambda name: _size(self.wanted[name].shape))
        for part in dict.fromkeys(each.part for each in options[largest]):
            if part[1] > MOST_PARTS:
                continue
            chosen = {
                # Two biases in one tensor are parts of it where the weight is whole.
                name: next((e for e in some if e.part == part or self.wanted[name].gates), None)
                for name, some in options.items()
            }
            yield _Slot(layer, *part), {n: each for n, each in chosen.items() if each is not None}

    def _options(
        self, wanted: Wanted, key: str, own: Mapping[str, str], theirs: Mapping[str, str]
    ) -> Iterator[Source]:
        """Yield how the tensors of a layer may be a wanted one, the likeliest first."""
        named = [theirs[key]] if key in theirs else []
        if key == "bias_hh_l0" and "bias_hh_l0" not in theirs and "bias_ih_l0" in theirs:
            named = [theirs["bias_ih_l0"]]  # both biases in one tensor, as Keras has them
        if not named and len(own) == len(theirs) == 1:
            named = [*theirs.values()]
        for name in named:
            found = [*sources(wanted.shape, self.held[name], gates=wanted.gates)]
            if key == "bias_hh_l0" and name == theirs.get("bias_ih_l0"):
                found = [each for each in found if each.part == (1, 2)]
            blocks: tuple[int, ...] = ()
            if wanted.gates == 3 and any(map(is_keras, theirs.values())):
                blocks = KERAS_GRU
            found = [each for each in found if each.blocks == blocks]
            if is_keras(name) and len(self.held[name].shape) > 1 and not wanted.is_table:
                found.sort(key=lambda each: each.axes == tuple(range(len(each.axes))))
            summed = theirs.get("bias_hh_l0")
            if key == "bias_ih_l0" and "bias_hh_l0" not in own and summed:
                # The spec has one bias for both products, and the file one for each.
                found = [replace(e, added=summed) for e in found if e.part[1] == 1]
            yield from found

    # The choice

    def _choose(self, pairs: Sequence[_Pair], found: Fit) -> None:
        """Take the likeliest pairs: of names alike, and then of the same place among those."""
        places = self._places(pairs)

        def distance(pair: _Pair) -> tuple[float, ...]:
            mine, theirs = places[pair.wanted, pair.slot]
            turned = any(
                each.axes != tuple(range(len(each.axes))) for each in pair.sources.values()
            )
            cost = 2.0 * pair.lost + 0.75 * turned + 0.5 * abs(mine - theirs)
            return cost - pair.names, mine, theirs

        alternatives: dict[str, list[_Pair]] = {}
        rivals: dict[_Slot, list[_Pair]] = {}
        for pair in pairs:
            alternatives.setdefault(pair.wanted, []).append(pair)
            rivals.setdefault(pair.slot, []).append(pair)
        filled: set[str] = set()
        used: dict[str, set[tuple[int, int]]] = {}
        for pair in sorted(pairs, key=distance):
            slot = pair.slot
            others = used.get(slot.layer, set())
            is_taken = any(count != slot.count or part == slot.part for part, count in others)
            if pair.wanted in filled or is_taken:
                continue
            filled.add(pair.wanted)
            used.setdefault(slot.layer, set()).add((slot.part, slot.count))
            how = _how(pair, alternatives[pair.wanted], rivals[slot])
            for name, source in pair.sources.items():
                found.sources[name], found.how[name] = source, how

    def _places(self, pairs: Sequence[_Pair]) -> dict[tuple[str, _Slot], tuple[float, float]]:
        """Return where both of a pair stand among those of their kind, from 0 to 1."""
        mine: dict[tuple[object, ...], list[str]] = {}
        for layer, kind in self.kinds.items():
            mine.setdefault(kind, []).append(layer)
        theirs: dict[tuple[object, ...], dict[_Slot, None]] = {}
        for pair in pairs:
            theirs.setdefault(self.kinds[pair.wanted], {})[pair.slot] = None
        order = {layer: i for i, layer in enumerate(self.theirs)}
        at: dict[tuple[tuple[object, ...], _Slot], float] = {}
        for kind, slots in theirs.items():
            ranked = sorted(slots, key=lambda each: (order[each.layer], each.count, each.part))
            at |= {(kind, each): i / len(ranked) for i, each in enumerate(ranked)}
        first = {
            layer: i / len(layers) for layers in mine.values() for i, layer in enumerate(layers)
        }
        return {
            (each.wanted, each.slot): (first[each.wanted], at[self.kinds[each.wanted], each.slot])
            for each in pairs
        }

    # What the shapes leave open

    def _turn_squares(self, found: Fit) -> None:
        """Transpose what is square as the others are transposed, of which the shapes tell it."""
        told: list[bool] = []
        square: list[str] = []
        for name, source in found.sources.items():
            wanted = self.wanted.get(name)
            if (
                wanted is None
                or not source.tensor
                or len(source.axes) != 2
                or wanted.is_table
                or 1 in wanted.shape
            ):
                continue
            if name in self.known or is_keras(source.tensor):
                continue
            whole = self.held[source.tensor].shape
            if source.part[1] == 1 and whole[0] == whole[1] == wanted.shape[0]:
                square.append(name)
            else:
                told.append(source.axes == (1, 0))
        if told and all(told):
            for name in square:
                found.sources[name] = replace(found.sources[name], axes=(1, 0))
        elif not told or any(told):
            found.square = square

    def _reason(self, wanted: Wanted, found: Fit) -> str:
        """Return why nothing was found for a tensor."""
        plain = {plain_name(name): name for name in self.held}
        used = {each.tensor for each in found.sources.values()}
        same = plain.get(wanted.name)
        if same is not None:
            return f"the file has {same} as {show(self.held[same].shape)}"
        fitting = [
            name for name, each in self.held.items()
            if name not in used and each.dtype in FLOATS
            and next(sources(wanted.shape, each, gates=wanted.gates), None) is not None
        ]  # fmt: skip
        if fitting:
            return f"of its shape are left {', '.join(fitting[:3])}"
        return "no tensor of that shape is left"


def _how(pair: _Pair, others: Sequence[_Pair], rivals: Sequence[_Pair]) -> How:
    if pair.names == EQUAL:
        return "name"
    if len(others) == len(rivals) == 1:
        return "shape"
    ahead = [each.names for each in (*others, *rivals) if each is not pair]
    return "likeness" if all(pair.names > each for each in ahead) else "order"


def _without_prefix(
    names: Mapping[str, str], mine: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """Return names without a first part that all have, where no wanted layer has it."""
    firsts = {name.partition(".")[0] for name in names}
    while len(firsts) == 1 and all("." in name for name in names):
        first = firsts.pop()
        if any(layer.split(".")[0] == first for layer in mine):
            break
        names = {name.partition(".")[2]: each for name, each in names.items()}
        firsts = {name.partition(".")[0] for name in names}
    return dict(names)


def _tensors(chosen: Mapping[str, Source]) -> set[str]:
    return {name for each in chosen.values() for name in (each.tensor, each.added) if name}


def _size(shape: Sequence[int]) -> int:
    found = 1
    for each in shape:
        found *= each
    return found
