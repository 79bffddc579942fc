"""Sources for several parameters at once, the likeliest combinations first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from nnspec.judge.sources import Source

DEVIATIONS = 3
"""Of a way to fill a layer: how many of the likelier choices it passes over, at most."""
TRIES = 60
"""Ways that are tried to fill the parameters of one layer."""


def combined(
    options: list[tuple[str, list[Source]]], spent: int, taken: tuple[Source, ...] = ()
) -> Iterator[dict[str, Source]]:
    """Yield a source for each name, no number twice, passing over so many likelier ones in all."""
    if not options:
        if spent == 0:
            yield {}
        return
    (own, sources_), *rest = options
    free = [each for each in sources_ if not any(each.overlaps(other) for other in taken)]
    for passed, source in enumerate(free[: spent + 1]):
        for others in combined(rest, spent - passed, (*taken, source)):
            yield {own: source, **others}


def tried(options: list[tuple[str, list[Source]]]) -> Iterator[dict[str, Source]]:
    """Yield combinations as `likeliest`, few enough of each number of choices passed over."""
    for spent in range(DEVIATIONS + 1):
        yield from itertools.islice(combined(options, spent), TRIES)


def likeliest(
    options: list[tuple[str, list[Source]]], most: int = DEVIATIONS
) -> Iterator[dict[str, Source]]:
    """Yield combinations that pass over at most so many likelier choices, few enough to try."""
    tries = (combined(options, spent) for spent in range(most + 1))
    return itertools.islice(itertools.chain.from_iterable(tries), TRIES)


def turned_alike(options: Mapping[str, list[Source]]) -> Iterator[dict[str, list[Source]]]:
    """Yield the options with all square matrices as they are, and with all of them transposed.

    A layer holds several in one order, as a rule: queries, keys, values and what is made of them.
    """
    both = {(0, 1), (1, 0)}
    square = [own for own, some in options.items() if both <= {each.axes for each in some}]
    if len(square) < 2:
        return
    for axes in sorted(both):
        kept = {own: [each for each in options[own] if each.axes == axes] for own in square}
        yield {own: kept.get(own, some) for own, some in options.items()}


def some_of(options: Mapping[str, Sequence[Source]]) -> dict[str, Source]:
    """Return the likeliest sources of what can be filled, where there is not enough for all."""
    found: dict[str, Source] = {}
    for own, some in options.items():
        free = (each for each in some if not any(map(each.overlaps, found.values())))
        for each in itertools.islice(free, 1):
            found[own] = each
    return found
