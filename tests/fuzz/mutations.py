"""Wrong specs: valid ones of the grower with a few changes, as people and programs make them."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from nnspec.layers import LAYERS
from tests.fuzz.specs import Document, Grower

ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308, "", " ", "x", "time", "${",
    "${width}", "${1 // 0}", "${9 ** 9 ** 9}", "a.b", "..", "\u202e", "é", "none", "same", [], {},
    [[]], [1, 2], [0], [-1, None], ["x", "x"], {"type": "dense"}, {"type": "relu"}, {"x": {}},
]  # fmt: skip
Holder = dict[str, Any] | list[Any]


def _holders(value: Any, found: list[Holder]) -> list[Holder]:
    """Return every mapping and list that holds something."""
    if isinstance(value, dict | list) and value:
        found.append(value)
        for each in value.values() if isinstance(value, dict) else value:
            _holders(each, found)
    return found


def _places(holder: Holder) -> list[Any]:
    return list(holder) if isinstance(holder, dict) else list(range(len(holder)))


def _remove(rng: random.Random, document: Document) -> None:
    holder: Any = rng.choice(_holders(document, []))
    del holder[rng.choice(_places(holder))]


def _odd(rng: random.Random, document: Document) -> None:
    holder: Any = rng.choice(_holders(document, []))
    holder[rng.choice(_places(holder))] = copy.deepcopy(rng.choice(ODD))


def _moved(rng: random.Random, document: Document) -> None:
    """Put what stands at one place at another too."""
    holders = _holders(document, [])
    source: Any = rng.choice(holders)
    value = copy.deepcopy(source[rng.choice(_places(source))])
    holder: Any = rng.choice(holders)
    holder[rng.choice(_places(holder))] = value


def _misspelt(rng: random.Random, document: Document) -> None:
    holder: Any = rng.choice([each for each in _holders(document, []) if isinstance(each, dict)])
    key = rng.choice(list(holder))
    cut = rng.randint(0, len(key))
    holder[key[:cut] + rng.choice("aeiou_ .-") + key[cut + 1 :]] = holder.pop(key)


def _another_type(rng: random.Random, document: Document) -> None:
    holders = _holders(document, [])
    typed: Any = [each for each in holders if isinstance(each, dict) and "type" in each]
    if typed:
        rng.choice(typed)["type"] = rng.choice(list(LAYERS))


def _twice(rng: random.Random, document: Document) -> None:
    lists: Any = [each for each in _holders(document, []) if isinstance(each, list)]
    if lists:
        chosen = rng.choice(lists)
        chosen.insert(rng.randint(0, len(chosen)), copy.deepcopy(rng.choice(chosen)))


MUTATIONS: list[Callable[[random.Random, Document], None]] = [
    _remove, _odd, _moved, _misspelt, _another_type, _twice,
]  # fmt: skip


def mutated(rng: random.Random, document: Document) -> Document:
    """Return a copy of a spec with one to three changes."""
    document = json.loads(json.dumps(document))
    for _ in range(rng.randint(1, 3)):
        if document:
            rng.choice(MUTATIONS)(rng, document)
    return document


def wrong_document_of(number: int) -> Document:
    """Return the wrong spec of this number; a few are valid all the same."""
    rng = random.Random(f"wrong {number}")
    return mutated(rng, Grower(rng).document())


@st.composite
def wrong_documents(draw: st.DrawFn) -> Document:
    """Draw a wrong spec; Hypothesis makes one that fails smaller."""
    rng = draw(st.randoms(use_true_random=False))
    return mutated(rng, Grower(rng).document())
