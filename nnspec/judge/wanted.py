"""The names of tensors taken apart: the layer, what it holds, and what wrappers have added."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nnspec.judge.sources import role_of
from nnspec.layers.weighted import PARAMETRIZED

WRAPPERS = frozenset(
    {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"}
)
"""Parts of names that PyTorch's wrappers add, wherever they are."""
LEADING = frozenset({"module"})
"""Parts that a wrapper adds at the beginning alone."""
COUNTER = "num_batches_tracked"
RECURRENT = re.compile(r"(?:(.*)\.)?((?:weight|bias)_(?:ih|hh))(?:_l(\d+))?(_reverse)?")
PARTED = re.compile(r"(.+)_(weight|bias|kernel|w|b)")
KERAS_CELL = {
    "kernel": "weight_ih_l0", "recurrent_kernel": "weight_hh_l0", "bias": "bias_ih_l0",
}  # fmt: skip
"""The names of Keras for the tensors of a recurrent layer."""
SHORT = {
    "w": "weight", "b": "bias", "g": "weight", "offset": "bias", "mean": "running_mean",
    "var": "running_var", "embedding": "weight", "depthwise_kernel": "weight", "kernel": "weight",
}  # fmt: skip
ALIKE = {
    "query": "q", "qproj": "q", "key": "k", "kproj": "k", "value": "v", "vproj": "v", "o": "out",
    "output": "out", "oproj": "out", "outproj": "out", "cproj": "out", "ln": "norm", "bn": "norm",
    "layernorm": "norm", "batchnorm": "norm", "normalization": "norm", "rmsnorm": "norm",
    "fc": "dense", "linear": "dense", "lin": "dense", "emb": "embedding", "embed": "embedding",
    "embeddings": "embedding", "embedded": "embedding", "attn": "attention", "conv2d": "conv",
    "conv1d": "conv", "downsample": "shortcut", "pos": "positions", "position": "positions",
    "wpe": "positions", "wte": "embedding", "token": "embedding", "cls": "class",
    "backward": "reverse",
}  # fmt: skip
"""Words of names that mean the same."""
ORDER = {"before": 0, "input": 0, "pre": 0, "after": 1, "post": 1}
"""Words that tell the first of two normalisations from the second."""
EQUAL = 5.0
"""The likeness of equal names."""
OWN = frozenset((
    "weight", "bias", "running_mean", "running_var", "weight_g", "weight_v", "kernel",
    "recurrent_kernel", "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0",
))  # fmt: skip
"""Names of tensors in their layers; one of another name is a layer of its own."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A tensor that is looked for.

    gates: how many blocks its first axis has in a recurrent layer. is_fixed: whether it is always 0
    and no tensor has to be found. is_table: whether its first axis counts rows that are looked up.
    """

    name: str
    shape: tuple[int, ...]
    gates: int = 0
    is_fixed: bool = False
    is_table: bool = False


class Named(NamedTuple):
    """A tensor's name taken apart: the layer that holds it, and what it is to the layer."""

    layer: str
    own: str


def plain_name(name: str) -> str:
    """Return a name without what wrappers add, with dots, and its parts as a spec calls them."""
    for parameter, theirs in PARAMETRIZED.items():
        if name.endswith(f".{theirs}"):
            name = name.removesuffix(theirs) + parameter
    parts = name.replace("/", ".").removesuffix(":0").split(".")
    kept = [each for each in parts if each not in WRAPPERS]
    while len(kept) > 1 and kept[0] in LEADING:
        del kept[0]
    return ".".join(kept)


def named(name: str) -> Named:
    """Take a plain name apart."""
    if found := RECURRENT.fullmatch(name):
        layer, own, number, back = found.groups()
        behind = "".join((f".{number}" if number not in (None, "0") else "", back or ""))
        return Named(f"{layer or ''}{behind}", f"{own}_l0")
    layer, _, own = name.rpartition(".")
    if not layer:
        return Named(name, "")
    role = own if own in KERAS_CELL else role_of(own)
    role = SHORT.get(role, role)
    if role in OWN:
        return Named(layer, role)
    if found := PARTED.fullmatch(own):
        return Named(f"{layer}.{found[1]}", SHORT.get(found[2], found[2]))
    return Named(name, "")


def by_layer(names: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the tensors of each layer: its name -> what each is to it -> the tensor.

    names: each tensor's plain name -> the tensor.
    """
    found: dict[str, dict[str, str]] = {}
    for plain, name in names.items():
        layer, own = named(plain)
        home = found.setdefault(layer, {})
        home[own if own not in home else plain] = name
    for home in found.values():
        if "recurrent_kernel" in home:  # Keras, whose "kernel" has been read as a weight
            home["kernel"] = home.pop("weight", "")
            renamed = {KERAS_CELL.get(own, own): name for own, name in home.items() if name}
            home.clear()
            home.update(renamed)
    return found


def is_keras(name: str) -> bool:
    """Whether a tensor has a name that Keras gives, whose kernels have their outputs last."""
    return name.replace("/", ".").removesuffix(":0").rpartition(".")[2].endswith("kernel")


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts `h.2` before `h.10`."""
    return tuple(
        (0, int(each), "") if each.isdecimal() else (1, 0, each)
        for each in re.split(r"(\d+)", name)
    )


def likeness(one: str, other: str, mine: Sequence[int], theirs: Sequence[int]) -> float:
    """Return how alike two names of layers are, 0 where they say nothing of one another.

    mine, theirs: the numbers of the names, each by its place among those that stand there.
    """
    if one == other:
        return EQUAL
    found = 0.0
    if mine == theirs:
        found = 1.0
    elif mine and theirs and mine[0] == theirs[0]:
        found = 0.7
    words, others = _words(one), _words(other)
    if either := {*words, *others}:
        found += len({*words} & {*others}) / len(either)
    if words and words[-1] in others:
        found += 1.0 if words[-1] == others[-1] else 0.7
    return found


def ordinals(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Return the numbers in each name by their places: `net.0` and `net.3` have 0 and 1.

    Of two normalisations the one that is before something is the first.
    """
    split = {name: re.split(r"(\d+)", name) for name in names}
    met: dict[str, set[int]] = {}
    for parts in split.values():
        for i in range(1, len(parts), 2):
            met.setdefault(_context(parts[:i]), set()).add(int(parts[i]))
    places = {where: sorted(numbers) for where, numbers in met.items()}
    found = {}
    for name, parts in split.items():
        at = [places[_context(parts[:i])].index(int(parts[i])) for i in range(1, len(parts), 2)]
        words = _words(name)
        if "norm" in words:
            at += [ORDER[each] for each in words if each in ORDER][:1]
        found[name] = tuple(at)
    return found


def _context(parts: Sequence[str]) -> str:
    """Return what stands before a number, other numbers aside."""
    return "#".join(parts[::2])


def _words(name: str) -> list[str]:
    """Return the words of a name, as the list of those alike has them."""
    words: list[str] = []
    for part in name.split("."):
        for piece in re.findall(r"[^\d]+", part):
            whole = piece.replace("_", "").lower()
            pieces = [whole] if whole in ALIKE else piece.lower().split("_")
            words += [ALIKE.get(each, each) for each in pieces if each and each != "proj"]
    return words
