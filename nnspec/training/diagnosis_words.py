"""Says in words what the measures of the layers mean: which vanishes, explodes or dies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Literal, NamedTuple

from nnspec.layers import Layer
from nnspec.training.diagnosis import Snapshot

VANISHING = 1e-3
"""A layer's gradient by the largest of those behind it: less is vanishing."""
GROWN = 1e3
"""Outputs of a layer inside the network by what the network takes: more is exploding."""
MOVED = 1.0
"""A step by the weights that it moves: more is exploding."""
DEAD = 0.75
"""Share of units that give 0 for every row: so many are dying.

Small layers that learn well lose half of theirs and more, as `tabular_binary` does 5 of 8.
"""
KILLING = 0.5
"""A step by the weights that it moves: from so far on it may kill units."""
DEAD_BY_A_JUMP = 0.5
"""Share of units that die in a run with such steps: so many are dying.

A step that large says what killed them, so that less will do than where units die one by one.
"""
_SATURATING = frozenset({"sigmoid", "tanh", "hard_sigmoid", "hard_tanh", "softsign"})
_SHOWN = 4


class Finding(NamedTuple):
    """One thing that goes wrong: which layers, what is seen, and what to change."""

    kind: Literal["vanishing", "exploding", "dying"]
    layers: tuple[str, ...]
    seen: str
    change: str

    def as_json(self) -> dict[str, Any]:
        """Return the finding as `run.json` holds it."""
        return {**self._asdict(), "layers": list(self.layers)}

    @property
    def text(self) -> str:
        """The finding as a sentence, and the advice."""
        return f"{self.kind}: {self.seen}. To change: {self.change}"


def findings(snapshots: Sequence[Snapshot], layers: Mapping[str, Layer]) -> list[Finding]:
    """Return what goes wrong, nothing where training goes well.

    layers: each layer by its path, in the order of the network.
    """
    if not snapshots:
        return []
    dying, exploding = _dying(snapshots), _exploding(snapshots)
    # What is not finite says nothing; nor does what comes through units that are dead, of which
    # before the first step there are none.
    vanishing = None
    if exploding is None:
        seen = snapshots if dying is None else _before_death(snapshots)
        vanishing = _vanishing(seen, layers)
    return [each for each in (exploding, dying, vanishing) if each is not None]


def _before_death(snapshots: Sequence[Snapshot]) -> Sequence[Snapshot]:
    """Return the records up to the first in which most units of a layer are dead."""
    for i, snapshot in enumerate(snapshots):
        if any((state.dead or 0.0) >= DEAD_BY_A_JUMP for state in snapshot.layers.values()):
            return snapshots[:i]
    return snapshots


def _vanishing(snapshots: Sequence[Snapshot], layers: Mapping[str, Layer]) -> Finding | None:
    ratios: dict[str, list[float]] = {}
    if not snapshots:
        return None
    for snapshot in snapshots:
        largest = 0.0
        for path, state in reversed(snapshot.layers.items()):
            if state.gradient is None:
                continue
            if largest > 0:
                ratios.setdefault(path, []).append(state.gradient / largest)
            largest = max(largest, state.gradient)
    small = {
        path: median(values)
        for path, values in ratios.items()
        if len(values) == len(snapshots) and median(values) < VANISHING and not _comes(values)
    }
    if not small:
        return None
    least = min(small, key=small.__getitem__)
    order = list(layers)
    names = sorted(small, key=order.index)
    bending = [
        path
        for path in order[order.index(names[0]) :]
        if _activation_of(layers[path]) in _SATURATING
    ]
    change = "begin with larger weights (he_normal for relu), and put batch_normalization or "
    change += "layer_normalization between the layers, or residual connections around them"
    if len(bending) > 1:
        kinds = " and ".join(dict.fromkeys(_activation_of(layers[path]) for path in bending))
        change = (
            f"relu, with first weights of he_normal, in the place of {kinds} in "
            f"{_listed(bending)}; or batch_normalization between the layers, or residual "
            "connections around them"
        )
    size = "nothing" if small[least] == 0 else f"{small[least]:.1g}"
    return Finding(
        "vanishing",
        tuple(names),
        f"the gradient of {_listed(names)} is down to {size} of that of layers behind, so that "
        "they hardly learn",
        change,
    )


def _comes(values: Sequence[float]) -> bool:
    """Whether a share of the gradient is no longer vanishing, or would not be in as long a run.

    So it is in branches whose scale, or last layer, begins near 0.
    """
    return values[-1] ** 2 >= VANISHING * values[0] and values[-1] > 0


def _exploding(snapshots: Sequence[Snapshot]) -> Finding | None:
    grown: dict[str, float] = {}
    moved: dict[str, float] = {}
    broken: list[str] = []
    for snapshot in snapshots:
        inner = [path for path, state in snapshot.layers.items() if state.size is not None][:-1]
        for path, state in snapshot.layers.items():
            if not state.is_finite:
                if path not in broken:
                    broken.append(path)
                continue
            if path in inner and state.size is not None and snapshot.given > 0:
                grown[path] = max(grown.get(path, 0.0), state.size / snapshot.given)
        for path, share in _moved(snapshot).items():
            moved[path] = max(moved.get(path, 0.0), share)
    far = [path for path, times in grown.items() if times > GROWN]
    jumping = [path for path, share in moved.items() if share > MOVED]
    smaller = "a smaller learning_rate, or `clip: {norm: 1.0}`"
    if far:
        # Where it begins, each layer adding to it.
        first = next(path for path, times in grown.items() if times > math.sqrt(GROWN))
        return Finding(
            "exploding",
            tuple(far),
            f"what {_listed(far)} gives is {max(grown[path] for path in far):.1g} times as large "
            f'as what the network takes, and it grows from "{first}" on',
            "smaller first weights (he_normal for relu, glorot_uniform else), "
            f"batch_normalization between the layers, or {smaller}",
        )
    if jumping:
        most = max(jumping, key=moved.__getitem__)
        return Finding(
            "exploding",
            tuple(jumping),
            f"one step moves the weights of {_listed(jumping)} by more than they are large, "
            f'"{most}" by {moved[most]:.2g} times',
            f"{smaller}; where inputs or targets are large, `standardize: true` or "
            "`standardize_target: true`",
        )
    if broken:
        return Finding(
            "exploding",
            tuple(broken),
            f"{_listed(broken)} {'have' if len(broken) > 1 else 'has'} values or gradients that "
            "are no finite numbers",
            f"{smaller}; where inputs or targets are large, `standardize: true` or "
            "`standardize_target: true`",
        )
    return None


def _dying(snapshots: Sequence[Snapshot]) -> Finding | None:
    whole = [each for each in snapshots if any(s.dead is not None for s in each.layers.values())]
    if not whole:
        return None
    last, first = whole[-1].layers, whole[0].layers
    jumps = [share for each in snapshots for share in _moved(each).values()]
    has_jumped = max(jumps, default=0.0) > KILLING
    dead = {
        path: state.dead
        for path, state in last.items()
        if state.dead is not None
        and (
            state.dead >= DEAD
            or (has_jumped and state.dead - (first[path].dead or 0.0) >= DEAD_BY_A_JUMP)
        )
    }
    if not dead:
        return None
    begun = [path for path in dead if (first[path].dead or 0.0) >= DEAD]
    worst = max(dead, key=lambda path: dead[path] or 0.0)
    at_once = len(begun) == len(dead)
    share = f"{100 * (dead[worst] or 0.0):.0f} %"
    when = "from the first step on" if at_once else "since training began"
    if has_jumped and not at_once:
        when += " with steps that move weights by more than half of their length"
    change = "leaky_relu or elu in its place, a smaller learning_rate, or batch_normalization "
    change += "before it"
    if has_jumped:
        change = "a smaller learning_rate, or `clip: {norm: 1.0}`; or leaky_relu or elu in its "
        change += "place"
    if at_once:
        change = (
            "a bias that begins at 0 and first weights of he_normal, leaky_relu or elu in its "
            "place, or batch_normalization before it"
        )
    return Finding(
        "dying",
        tuple(dead),
        f'of the units of "{worst}" {share} give 0 for every row, {when}, '
        "and no gradient brings them back"
        + (f"; so in {_listed([p for p in dead if p != worst])}" if len(dead) > 1 else ""),
        change,
    )


def _moved(snapshot: Snapshot) -> dict[str, float]:
    """Return how far a step moves each layer's weights, by their length or by the usual one.

    Weights that begin near 0 on purpose, as scales of branches and last layers do, are moved by
    more than they are, and by little of what they may become.
    """
    return {
        path: state.update * state.weight / max(state.weight, state.usual or 0.0)
        for path, state in snapshot.layers.items()
        if state.update is not None and state.weight and state.is_finite
    }


def _activation_of(layer: Layer) -> str:
    activation = layer.output_activation
    return activation.type if activation is not None else layer.type


def _listed(paths: Sequence[str]) -> str:
    shown = [f'"{path}"' for path in paths[:_SHOWN]]
    if len(paths) > _SHOWN:
        return f"{', '.join(shown)} and {len(paths) - _SHOWN} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]
