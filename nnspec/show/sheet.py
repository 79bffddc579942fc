"""The language on a page, and training on a second, for language models.

docs/llms.txt and docs/llms-training.txt; `nnspec layers --sheet` and `--training-sheet`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path

from nnspec.layers.registry import ACTIVATIONS
from nnspec.library import find_block
from nnspec.show.reference import Word, words

_FOLDER = Path(__file__).parent
"""Of the parts written by hand; a word in braces stands for what follows from the classes."""

_UNSAID = ("epsilon", "use_bias!", "l2=0", "decay=0", "groups=[]")
"""Arguments that the page tells of once; so it does of every initializer."""
_SETS: dict[str, dict[str, str | None]] = {
    "+A": {"axis": "-1"},
    "+R": {
        "units": None,
        "return_sequences": "false",
        "return_state": "false",
        "go_backwards": "false",
        "recurrent_dropout": "0",
    },
    "+P": {"pool_size": "2", "strides": "", "padding": "valid", "ceil_mode": "false"},
    "+W": {"kernel_size": None, "strides": "1", "padding": "valid", "dilation_rate": "1"},
    "+B": {"activation": "", "weight_normalization": "false"},
}
"""Arguments with their defaults that stand under one mark where a layer has all of them."""

_WITH = {"elementwise": "merge", "linear_units": "activations"}
"""Groups that go on the line of another."""


def sheet() -> str:
    """Return the page of networks."""
    layers = list(words("layer"))
    activations = [word for word in layers if word.group in ACTIVATIONS]
    parts = {
        "{layers}": "\n".join(signatures(word for word in layers if word not in activations)),
        "{activations}": "\n".join(signatures(activations)),
        "{blocks}": "\n".join(signatures(words("block"))),
        "{initializers}": "\n".join(signatures(words("initializer"))),
    }
    return _filled("sheet.md", parts)


def training_sheet() -> str:
    """Return the page of training."""
    kinds = {"{losses}": "loss", "{optimizers}": "optimizer", "{schedules}": "schedule"}
    kinds["{metrics}"] = "metric"
    parts = {place: "\n".join(signatures(words(kind))) for place, kind in kinds.items()}
    return _filled("training_sheet.md", parts)


def _filled(name: str, parts: Mapping[str, str]) -> str:
    text = (_FOLDER / name).read_text(encoding="utf-8")
    for place, part in parts.items():
        text = text.replace(place, part)
    return text


def signatures(found: Iterable[Word]) -> Iterator[str]:
    """Yield a line for each group: its names with their arguments, those alike together."""
    groups: dict[str, list[Word]] = {}
    for word in found:
        groups.setdefault(_WITH.get(word.group, word.group), []).append(word)
    for members in groups.values():
        signed = {word.name: _signed(word) for word in members}
        takes = {word.name: _inputs(word) for word in members}
        common = _common([[takes[name], *given] for name, given in signed.items()])
        alike: dict[str, list[str]] = {}
        for name, given in signed.items():
            own = [each for each in given if each not in common]
            taken = takes[name] + (f"({','.join(own)})" if own else "")
            alike.setdefault(taken, []).append(name)
        line = ";".join(f"{_joined(names)}{given}" for given, names in alike.items())
        yield f"{line};each({','.join(common)})" if common else line


def _inputs(word: Word) -> str:
    """Return how many inputs it takes, `[2]`, or the names of a block's, where that is not one."""
    if word.inputs:
        return "" if word.inputs == ("x",) else f"[{','.join(word.inputs)}]"
    least, most = getattr(word.record, "arity", (1, 1))
    return "" if least < 2 else f"[{least}]" if least == most else f"[{least}+]"


def _common(signed: list[list[str]]) -> list[str]:
    """Return the arguments that all have and that are shorter said once, in their order.

    What each takes stands before its arguments.
    """
    shared = [each for each in signed[0][1:] if all(each in given[1:] for given in signed)]
    length = len(",".join(shared))
    others = len({tuple(given) for given in signed})
    return shared if others * (length + 1) > length + len(";each()") else []


def _signed(word: Word) -> list[str]:
    """Return the arguments; `?` marks those that are off or absent by default, `!` those on."""
    if word.kind == "block":
        block = find_block(word.name)
        assert block is not None
        names = [each.name for each in word.arguments if each.name not in _UNSAID]
        return [*names, *(f"{each}?" for each in block.optional)]
    known = {each.name: each.default for each in word.arguments}
    sets = {
        mark: names
        for mark, names in _SETS.items()
        if all(known.get(name, "missing") == default for name, default in names.items())
    }
    within = {name for names in sets.values() for name in names}
    shown = []
    for each in word.arguments:
        if each.name in (*_UNSAID, *within) or each.name.endswith("initializer"):
            continue
        marks = {None: "", "": "?", "false": "?", "true": "!"}
        value = marks.get(each.default, f"={each.default}")
        shown.append(f"{each.name}{value}".replace(" ", ""))
    return [*(each for each in shown if each not in _UNSAID), *sets]


def _joined(names: Iterable[str]) -> str:
    """Return names, those that differ in one of their parts as one: `conv1d/2d`, `a_pre/post_b`.

    `global_average/max_pooling1d/2d` stands for all four, and no name stands there that is none.
    """
    known = [re.findall(r"[123]d|[a-z0-9]+?(?=[123]d|_|$)|_", name) for name in names]
    while True:
        for first, second in combinations(known, 2):
            if len(first) != len(second):
                continue
            differing = [
                i for i, pair in enumerate(zip(first, second, strict=True)) if len({*pair}) > 1
            ]
            if len(differing) == 1:
                (place,) = differing
                first[place] += f"/{second[place]}"
                known.remove(second)
                break
        else:
            # As the page has it: the layers of one, two and three dimensions.
            return ",".join("".join(parts) for parts in known).replace("1d/2d/3d", "Nd")
