"""The classes of PyTorch and Keras that train, each with ours, or with why there is none.

Their names are those of `tests/language/foreign_names.json`; what each is here, and the reasons,
stand in `nnspec/language/words/`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from nnspec.language.words import find_word
from nnspec.layers.fields import Frozen
from nnspec.layers.words.word import NOTHING
from nnspec.support.spelling import squashed

NAMES = Path(__file__).parents[1] / "tests/language/foreign_names.json"
FRAMEWORKS = {"torch": "PyTorch", "keras": "Keras"}
_ABSTRACT = frozenset({
    "Loss", "LossOptions", "Optimizer", "OptimizerMap", "LRScheduler", "LearningRateSchedule",
})  # fmt: skip
"""Bases and containers, which are nothing by themselves."""


class Theirs(NamedTuple):
    """A class of a framework: our name for it, and what differs, or why there is none."""

    framework: str
    name: str
    ours: str
    note: str


def theirs(kind: str, table: Mapping[str, type[Frozen]]) -> Iterator[Theirs]:
    """Yield each class of a kind ("loss", "optimizer", "schedule") that a framework has."""
    known = {squashed(name): name for name in table}
    given = json.loads(NAMES.read_text(encoding="utf-8"))
    for framework, title in FRAMEWORKS.items():
        for name in given[framework][kind]:
            if not name[0].isupper() or "_" in name or name in _ABSTRACT:
                continue
            word = find_word(kind, name)
            if word is not None:
                yield Theirs(title, name, word.meant, word.note)
            else:
                yield Theirs(title, name, known.get(squashed(name), ""), "")


def table_of(kind: str, table: Mapping[str, type[Frozen]]) -> list[str]:
    """Return the table of a kind as Markdown: theirs, ours, and what a reader must know."""
    rows = [
        f"| {each.framework} | `{each.name}` | {f'`{each.ours}`' if each.ours else 'none'} | "
        f"{each.note.removeprefix(f'{NOTHING}: ')} |"
        for each in theirs(kind, table)
    ]
    return [f"| | {kind} | here | |", "| --- | --- | --- | --- |", *rows]
