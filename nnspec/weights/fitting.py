"""Makes the weights of another program, or of another network, fit a network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from nnspec.errors import UsageError, WeightsError, nearest, printable
from nnspec.layers.shapes import show
from nnspec.network.loader import Spec
from nnspec.weights.canonical import (
    FirstWeights,
    check_weights,
    is_counter,
    is_same_network,
    require_same_network,
)
from nnspec.weights.stored import StoredWeights, load_weights

Array = NDArray[Any]


@dataclass(frozen=True)
class Fitted:
    """Weights that fit a network, and what was done so that they do.

    first: parameters that keep their first values. unused: tensors of the file that nothing takes.
    """

    weights: StoredWeights
    first: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def fit_file(
    spec: Spec,
    path: str | Path,
    *,
    renames: Sequence[tuple[str, str]] = (),
    partial: bool = False,
    mapped: bool = False,
) -> Fitted:
    """Return the weights of a file as this network takes them.

    renames: (old name, new name), the first that matches; each `*` of the old one stands for any
    text, which the `*` in its place in the new one takes. An empty new name leaves a tensor out.
    partial: take what fits, leave the rest of the parameters at their first values.
    Raises WeightsError, with every misfit, and UsageError for a rename of nothing.
    """
    stored = load_weights(path, mapped=mapped)
    place = f"{printable(str(path))}: "
    if not partial:
        require_same_network(spec.graph, stored.metadata, place)
    tensors = renamed(stored, renames, place)
    expected = dict(spec.graph.parameters())
    for name in [name for name in tensors if is_counter(name, expected)]:
        del tensors[name]
    metadata = dict(stored.metadata)
    if not partial:
        fitted = StoredWeights(tensors, metadata)
        check_weights(spec.graph, fitted, file=path)
        return Fitted(fitted)
    notes = []
    unused: list[str] = []
    taken: dict[str, Array] = {}
    for name, tensor in tensors.items():
        if name in expected and tensor.shape == expected[name].shape:
            taken[name] = tensor
            continue
        unused.append(name)
        if name in expected:
            notes.append(
                f'"{name}" is {show(tensor.shape)} in the file, and {show(expected[name].shape)} '
                "is expected"
            )
    if not taken:
        raise WeightsError(
            f"{place}none of its {len(tensors)} tensors fits {spec.name}; `nnspec weights` lists "
            "the names and shapes, and --map renames"
        )
    first = tuple(name for name in expected if name not in taken)
    training = spec.model.training
    drawn = FirstWeights(spec.graph, training.seed if training is not None else 0)
    whole = {name: taken[name] if name in taken else drawn[name] for name in expected}
    is_other = not is_same_network(spec.graph, metadata)
    # What it says of raw rows and of the labels would be another network's.
    if is_other and metadata.pop("preprocessing", None) is not None:
        notes.append(
            "its record of raw rows is left behind, as another network's: an export takes what the "
            "network takes, and names no classes"
        )
    for key in ("spec_sha256", "inference_sha256"):
        metadata.pop(key, None)
    fitted = StoredWeights(whole, metadata)
    check_weights(spec.graph, fitted, file=path)
    return Fitted(fitted, first, tuple(unused), tuple(notes))


def renamed(
    tensors: Mapping[str, Array], renames: Sequence[tuple[str, str]], place: str = ""
) -> dict[str, Array]:
    """Return tensors by new names; raises UsageError for a rename of nothing, or of two to one."""
    used: set[str] = set()
    found: dict[str, tuple[str, Array]] = {}
    patterns = [(old, _pattern(old, new), new) for old, new in renames]
    for name, tensor in tensors.items():
        target = name
        for old, pattern, new in patterns:
            match = pattern.fullmatch(name)
            if match is not None:
                used.add(old)
                target = _filled(new, match.groups())
                break
        if not target:
            continue
        if target in found:
            raise UsageError(
                f'{place}"{printable(found[target][0])}" and "{printable(name)}" would both be '
                f'"{printable(target)}"'
            )
        found[target] = (name, tensor)
    for old, _, _ in patterns:
        if old not in used:
            raise UsageError(
                f'{place}no tensor is called "{printable(old)}"{nearest(old, tensors)}'
            )
    return {name: tensor for name, (_, tensor) in found.items()}


def _filled(new: str, texts: Sequence[str]) -> str:
    parts = new.split("*")
    return parts[0] + "".join(text + part for text, part in zip(texts, parts[1:], strict=False))


def _pattern(old: str, new: str) -> re.Pattern[str]:
    if new.count("*") > old.count("*"):
        raise UsageError(f'"{old}={new}": the new name has more `*` than the old one')
    return re.compile("(.*)".join(map(re.escape, old.split("*"))), re.DOTALL)
