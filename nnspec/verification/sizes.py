"""The sizes that dynamic axes of a network may have, and those that a verification takes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nnspec.errors import ShapeError, UsageError, nearest
from nnspec.language.expressions import ExpressionError
from nnspec.layers import Layer
from nnspec.layers.reduction import Reduction
from nnspec.layers.shapes import DataFormat, Dim, Shape
from nnspec.network.domain import Domain, size_of
from nnspec.network.graph import Graph
from nnspec.network.ids import followed, misfit_at
from nnspec.verification.samples import dynamic_axes, sizes_of

BASE = 7
"""Of the first dynamic axis, if it fits; the next one 9. Odd, and none a multiple of another."""
EVEN = 4
LARGE = 17
"""A size at which kernels that work in blocks of 16 begin their second."""
LIMIT = 4096
"""The largest size that is looked at."""
_MIXED = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096)
"""Sizes of which combinations are tried, where no size that is alike for all axes fits."""
_MOST_MIXED = 10_000
_DISTINCT = 3
"""Sizes of each axis, at least, if it has so many."""


@dataclass(frozen=True)
class Sizes:
    """The sizes that a verification takes of each dynamic axis.

    base: of every axis, the size that everything is compared at. others: of an axis, further ones,
    the other axes staying at base.
    """

    base: dict[str, int]
    others: dict[str, tuple[int, ...]]


class _Rule(NamedTuple):
    """A layer that takes dynamic axes, and the names of these."""

    layer: Layer
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    data_format: DataFormat
    names: frozenset[str]

    def broken_by(self, axes: Mapping[str, int]) -> str:
        """Return why the layer does not take axes of these sizes, or an empty text."""
        try:
            shapes = tuple(sizes_of(shape, axes) for shape in self.inputs)
            layer = self.layer.at_sizes(lambda size: int(size_of(size, axes)))
            inferred = layer.infer_shape(shapes, self.data_format)
            expected = tuple(sizes_of(shape, axes) for shape in self.outputs)
        except ShapeError as error:
            return error.message
        except (ExpressionError, AssertionError) as error:
            return str(error) or "a size is no whole number"
        for shape in (*shapes, *expected):
            if any(size < 1 for size in shape):
                return f"{self.layer.type} would take or give an axis of {min(shape)}"
        if inferred != expected:
            return f"{self.layer.type} gives {inferred}, and not {expected}"
        return ""


class Fitting:
    """Whether the layers of a network take axes of given sizes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.axes = dynamic_axes(graph)
        self.rules = list(_rules(graph))
        # Of indices along an axis, a table may hold fewer.
        self.limits = Domain({}, limits=followed(graph).limits)

    def why_not(self, axes: Mapping[str, int]) -> str:
        """Return why no layer that takes these axes alone fits, or an empty text."""
        for i, rule in enumerate(self.rules):
            if rule.names <= axes.keys() and (reason := rule.broken_by(axes)):
                # The next size most likely fails here too.
                self.rules.insert(0, self.rules.pop(i))
                return reason
        if limited := self.limits.misfit(axes):
            return limited
        return misfit_at(self.graph, axes) if axes.keys() >= set(self.axes) else ""

    def fits(self, axes: Mapping[str, int]) -> bool:
        """Whether every layer that takes these axes alone takes them."""
        return not self.why_not(axes)

    def of(
        self, name: str, sizes: Iterable[int], rest: Mapping[str, int] | None = None
    ) -> Iterator[int]:
        """Yield those sizes of one axis that fit, as far as it goes alone, or beside the rest."""
        return (size for size in sizes if self.fits({**(rest or {}), name: size}))


def find_sizes(graph: Graph, requested: Mapping[str, Sequence[int]]) -> Sizes:
    """Return the sizes to verify at: those requested, and others where none are.

    requested: by axis; the first is the base, more are the others. Raises UsageError where one does
    not fit, or none is found.
    """
    fitting = Fitting(graph)
    unknown = next((name for name in requested if name not in fitting.axes), None)
    if unknown is not None:
        known = ", ".join(fitting.axes) or "none"
        raise UsageError(
            f'the network has no dynamic axis "{unknown}"{nearest(unknown, fitting.axes)} '
            f"(its dynamic axes: {known})"
        )
    base = _base(fitting, requested)
    others = {}
    for i, name in enumerate(fitting.axes):
        if len(requested.get(name, ())) > 1:
            sizes = list(requested[name][1:])
            for size in sizes:
                _require(fitting, {**base, name: size}, name)
        else:
            sizes = _others(fitting, base, name, i)
        others[name] = tuple(size for size in dict.fromkeys(sizes) if size != base[name])
    return Sizes(base, others)


def _base(fitting: Fitting, requested: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Return a size of every axis, such that every layer takes them: as near to 7, 9, 11, ..."""
    fixed = {name: sizes[0] for name, sizes in requested.items() if sizes}
    free = [name for name in fitting.axes if name not in fixed]
    for name in fixed:
        _require(fitting, fixed, name)
    chosen = next((sizes for sizes in _starts(fixed, free) if fitting.fits(sizes)), None)
    if chosen is None:
        of = f"axis {free[0]}" if len(free) == 1 else f"axes {', '.join(free)}"
        raise UsageError(
            f"no size of the {of} from 1 to {LIMIT} fits the network: "
            f"{fitting.why_not({**fixed, **dict.fromkeys(free, BASE)})}; give one by "
            f"{' '.join(f'--size {name}=SIZE' for name in free)}"
        )
    for i, name in enumerate(fitting.axes):
        if name in free:
            wanted = BASE + 2 * i
            near = itertools.chain(range(wanted, LIMIT + 1), range(wanted - 1, 0, -1))
            chosen[name] = next(fitting.of(name, near, chosen))
    return {name: chosen[name] for name in fitting.axes}


def _starts(fixed: Mapping[str, int], free: Sequence[str]) -> Iterator[dict[str, int]]:
    """Yield sizes of all axes to start from: all alike, then mixed."""
    if not free:
        yield dict(fixed)
        return
    for size in itertools.chain(range(BASE, LIMIT + 1), range(BASE - 1, 0, -1)):
        yield {**fixed, **dict.fromkeys(free, size)}
    if len(free) > 1:
        mixed = itertools.product(_MIXED, repeat=len(free))
        for sizes in itertools.islice(mixed, _MOST_MIXED):
            yield {**fixed, **dict(zip(free, sizes, strict=True))}


def _others(fitting: Fitting, base: Mapping[str, int], name: str, i: int) -> list[int]:
    """Return the smallest size of an axis, an even one, an odd one, and one larger than 16."""
    chosen = [base[name]]

    def add(sizes: Iterable[int]) -> None:
        found = next((s for s in fitting.of(name, sizes, base) if s not in chosen), None)
        if found is not None:
            chosen.append(found)

    smallest = next(fitting.of(name, range(1, base[name]), base), None)
    if smallest is not None:
        chosen.append(smallest)
    if all(size % 2 for size in chosen):
        add(range(EVEN + 2 * i, LIMIT + 1, 2))
    if not any(size % 2 for size in chosen):
        add(range(EVEN + 1 + 2 * i, LIMIT + 1, 2))
    if max(chosen) < LARGE:
        add(itertools.chain(range(LARGE + i, LIMIT + 1), range(LARGE + i - 1, 0, -1)))
    if len(chosen) < _DISTINCT:
        add(range(base[name] + 1, LIMIT + 1))
    return chosen


def _require(fitting: Fitting, axes: Mapping[str, int], name: str) -> None:
    if axes[name] < 1:
        raise UsageError(f"an axis has a size of at least 1, and --size {name} gives {axes[name]}")
    reason = fitting.why_not(axes)
    if reason:
        raise UsageError(f"{name} = {axes[name]} does not fit the network: {reason}")


def _rules(graph: Graph) -> Iterator[_Rule]:
    seen: set[int] = set()
    for at in graph.walk():
        # Equal uses of a block have one body.
        if id(at.node) in seen:
            continue
        seen.add(id(at.node))
        names = frozenset(
            name for shape in at.input_shapes for size in shape for name in _names_in(size)
        )
        if names:
            layer = at.node.layer
            if isinstance(layer, Reduction):
                layer = layer.by_number(at.input_shapes[0])
            yield _Rule(layer, at.input_shapes, at.output_shapes, at.graph.data_format, names)


def _names_in(size: Dim) -> list[str]:
    return re.findall(r"[A-Za-z_]\w*", size) if isinstance(size, str) else []
