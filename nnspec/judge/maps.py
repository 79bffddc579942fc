"""Maps of weights that were saved, or written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnspec.backend.foreign import Held
from nnspec.errors import UsageError, printable
from nnspec.judge.sources import Source, source_of


def sources_of(
    known: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], held: Sequence[Held]
) -> dict[str, Source]:
    """Return a map that was given for parameters of these shapes; raises UsageError."""
    unknown = sorted(set(known) - set(shapes))
    if unknown:
        raise UsageError(f"the map names what is no parameter there: {printable(unknown[0])}")
    by_name = {each.name: each for each in held}
    return {name: source_of(name, shapes[name], each, by_name) for name, each in known.items()}
