"""The sources of a spec's parameters: tensors of a file, turned, cut or put in order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend.foreign import Held
from nnspec.errors import UsageError, printable

if TYPE_CHECKING:
    from nnspec.backend import Array

GATES = {4: ((0, 2, 1, 3), (0, 3, 1, 2), (0, 1, 3, 2), (0, 2, 3, 1)), 3: ((1, 0, 2), (2, 1, 0))}
"""Orders of the blocks of an LSTM and of a GRU beside the canonical one: entry -> block taken."""
MOST_PARTS = 4
"""Into which a fused tensor is cut, such as query, key and value."""
MOST_AXES = 5
"""Of a tensor whose axes are tried in every order."""
ROLES = {
    "kernel": "weight", "gamma": "weight", "scale": "weight", "beta": "bias",
    "recurrent_kernel": "weight_hh", "moving_mean": "running_mean",
    "moving_variance": "running_var", "embeddings": "weight",
}  # fmt: skip
"""The last part of a parameter's name in Keras -> the name here."""


@dataclass(frozen=True, slots=True)
class Source:
    """A tensor of a file as a parameter of a spec takes it, or a constant where `tensor` is empty.

    axes: the order of its axes. part: (which, of how many), of equal parts along the first axis
    after that, or of all its numbers where that axis is too short. shape: that it is reshaped to.
    blocks: the order of the blocks of its first axis.
    """

    tensor: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    part: tuple[int, int] = (0, 1)
    blocks: tuple[int, ...] = ()
    constant: float = 0.0
    added: str = ""
    """Another tensor like it, which is added, as the second bias of PyTorch's LSTM."""
    added_part: tuple[int, int] = (0, 1)
    """Of the other tensor: ONNX has both biases in one."""
    added_times: float = 1.0
    """-1 for a bias before a normalisation, which takes it away with its mean."""
    length_of: tuple[int, ...] = ()
    """Shape of a whole weight, of which the parameter is the length of each output's part."""

    def of(self, tensors: Mapping[str, Array]) -> Array:
        """Return the parameter, given the tensors of the file."""
        if not self.tensor:
            return np.full(self.shape, self.constant)
        if self.length_of:
            whole = replace(self, shape=self.length_of, length_of=()).of(tensors)
            axes = tuple(i for i, size in enumerate(self.shape) if size != whole.shape[i])
            squares = (whole.astype(np.float64) ** 2).sum(axis=axes, keepdims=True)
            return np.asarray(np.sqrt(squares))
        found = self.taken(tensors[self.tensor])
        if not self.added:
            return found
        other = replace(self, tensor=self.added, part=self.added_part, added="")
        return found + self.added_times * other.of(tensors)

    def taken(self, array: Array) -> Array:
        """Return the parameter, or its gradient, of the tensor's."""
        found = np.transpose(array, self.axes)
        which, count = self.part
        if count > 1:
            if found.shape[0] < count:
                found = found.reshape(-1)
            size = found.shape[0] // count
            found = found[which * size : (which + 1) * size]
        found = found.reshape(self.shape)
        if self.blocks:
            pieces = np.split(found, len(self.blocks))
            found = np.concatenate([pieces[i] for i in self.blocks])
        return np.asarray(found)

    def put(self, array: Array, tensors: Mapping[str, Array]) -> None:
        """Change the tensor so that it gives this parameter; what is added to it stays.

        A length is that of the weight, and changes with it alone.
        """
        if self.length_of:
            return
        tensor = tensors[self.tensor]
        found = array - (self.of(tensors) - self.taken(tensor))
        places = self.taken(np.arange(tensor.size).reshape(tensor.shape))
        tensor.flat[places.reshape(-1)] = found.reshape(-1)

    def overlaps(self, other: Source) -> bool:
        """Whether some number of a tensor would be in both, or both would be no tensor's."""
        if self.tensor != other.tensor:
            return False
        return self.part == other.part or self.part[1] != other.part[1]

    @property
    def effort(self) -> int:
        """The distance from the tensor itself, or from a kernel as Keras has it."""
        whole = tuple(range(len(self.axes)))
        is_kernel = self.tensor.endswith("kernel")
        is_turned = self.axes != (_as_keras(whole) if is_kernel else whole)
        return is_turned + 2 * (self.part[1] > 1) + 3 * bool(self.blocks)

    def told(self) -> str:
        """Return how the tensor is taken, in words."""
        if not self.tensor:
            return f"{self.constant:g} everywhere, folded into another layer"
        sign = "+" if self.added_times > 0 else "-"
        words = [f"{self.tensor} {sign} {self.added}" if self.added else self.tensor]
        if self.length_of:
            words = [f"the lengths of {self.tensor}"]
        if self.axes != tuple(range(len(self.axes))):
            words.append("transposed" if len(self.axes) == 2 else f"axes {list(self.axes)}")
        if self.part[1] > 1:
            words.append(f"part {self.part[0] + 1} of {self.part[1]}")
        if self.blocks:
            words.append(f"gates in the order {list(self.blocks)}")
        return ", ".join(words)

    def as_json(self) -> dict[str, Any]:
        """Return it as a saved map has it."""
        if not self.tensor:
            return {"constant": self.constant}
        found: dict[str, Any] = {"tensor": self.tensor}
        if self.added:
            found["added"] = self.added
            if self.added_part[1] > 1:
                found["added_part"] = list(self.added_part)
            if self.added_times != 1.0:
                found["added_times"] = self.added_times
        if self.axes != tuple(range(len(self.axes))):
            found["axes"] = list(self.axes)
        if self.part[1] > 1:
            found["part"] = list(self.part)
        if self.blocks:
            found["blocks"] = list(self.blocks)
        if self.length_of:
            found["length_of"] = list(self.length_of)
        return found


def source_of(name: str, shape: Sequence[int], given: Any, held: Mapping[str, Held]) -> Source:
    """Return a parameter's source as a saved map has it; raises UsageError for one that is none."""
    place = f'the map of "{printable(name)}"'
    if isinstance(given, str):
        given = {"tensor": given}
    if not isinstance(given, Mapping):
        raise UsageError(f"{place} is no name of a tensor, and no mapping with `tensor`")
    if "constant" in given:
        return Source("", tuple(shape), (), constant=float(given["constant"]))
    tensor = str(given.get("tensor"))
    if tensor not in held:
        raise UsageError(f'{place}: the file holds no "{printable(tensor)}"')
    rank = len(held[tensor].shape)
    axes = tuple(given.get("axes", range(rank)))
    which, count = given.get("part", (0, 1))
    blocks = tuple(given.get("blocks", ()))
    added = str(given.get("added", ""))
    if added and (added not in held or held[added].shape != held[tensor].shape):
        raise UsageError(f'{place}: "{printable(added)}" is not like {tensor}')
    found = Source(
        tensor,
        tuple(shape),
        axes,
        (which, count),
        blocks,
        added=added,
        added_part=tuple(given.get("added_part", (0, 1))),
        added_times=float(given.get("added_times", 1.0)),
        length_of=tuple(given.get("length_of", ())),
    )
    try:
        if found.length_of and len(found.length_of) != len(found.shape):
            raise ValueError("its lengths have as many axes as it")
        zeros = {each: np.zeros(held[each].shape) for each in (tensor, added) if each}
        if found.of(zeros).shape != found.shape:
            raise ValueError("it is no parameter of this shape")
    except (ValueError, IndexError, TypeError) as error:
        told = f"{tensor} {list(held[tensor].shape)} does not become {list(shape)}: {error}"
        raise UsageError(f"{place}: {told}") from error
    return found


def role_of(name: str) -> str:
    """Return what a tensor is to its layer, by the last part of its name."""
    last = name.replace("/", ".").rpartition(".")[2]
    return ROLES.get(last, last)


def sources(shape: Sequence[int], held: Held, *, gates: int = 0) -> Iterator[Source]:
    """Yield the ways in which a tensor may be a parameter of a shape, the plainest first.

    gates: how many blocks the first axis has, in a recurrent layer.
    """
    shape = tuple(shape)
    orders = ((), *GATES.get(gates, ()))
    if math.prod(held.shape) == math.prod(shape):
        found = [*_orders(held.shape, shape)]
        for axes in found if found or gates else _joined(held.shape, shape):
            for blocks in orders:
                yield Source(held.name, shape, axes, blocks=blocks)
        return
    whole = tuple(range(len(held.shape)))
    if gates and len(shape) == 1 and held.shape == (1, 2 * shape[0]):  # as ONNX has biases
        for which in range(2):
            for blocks in orders:
                yield Source(held.name, shape, (1, 0), (which, 2), blocks)
        return
    if gates and len(shape) == 1 and held.shape == (2, 2 * shape[0]):  # of two directions
        for which in range(4):
            for blocks in orders:
                yield Source(held.name, shape, whole, (which, 4), blocks)
        return
    if held.shape[1:] == shape and 1 < held.shape[0] <= MOST_PARTS:  # one upon the other
        for which in range(held.shape[0]):
            for blocks in orders:
                yield Source(held.name, shape, whole, (which, held.shape[0]), blocks)
        return
    if len(held.shape) != len(shape) or gates:
        return
    for axes in itertools.permutations(whole) if len(whole) <= 2 else [whole]:
        turned = [held.shape[i] for i in axes]
        count, rest = divmod(turned[0], shape[0]) if shape and shape[0] else (0, 1)
        if rest == 0 and 1 < count <= MOST_PARTS and tuple(turned[1:]) == shape[1:]:
            for which in range(count):
                yield Source(held.name, shape, axes, (which, count))


def _as_keras(whole: tuple[int, ...]) -> tuple[int, ...]:
    """Return the order of axes that makes of Keras's kernel that of PyTorch."""
    return (*reversed(whole[-2:]), *whole[:-2])


def _orders(given: tuple[int, ...], wanted: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the orders of axes that make of one shape another, sizes of 1 aside.

    First as it is, then as Keras has it for PyTorch's, then all others.
    """
    whole = tuple(range(len(given)))
    bare = [size for size in wanted if size != 1]
    usual = [whole, _as_keras(whole)]
    others = itertools.permutations(whole) if len(given) <= MOST_AXES else iter(())
    met = set()
    for axes in itertools.chain(usual, others):
        kept = tuple(i for i in axes if given[i] != 1)
        if kept not in met and [given[i] for i in kept] == bare:
            met.add(kept)
            yield axes


def _joined(given: tuple[int, ...], wanted: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the orders of axes that make of one shape another, where two that follow become one.

    Keras holds a depthwise kernel as (height, width, channels, multiplier), and one of an attention
    as (features, heads, size).
    """
    for first, size in enumerate(given[:-1]):
        if size == 1 or given[first + 1] == 1:
            continue
        for axes in _orders((*given[:first], size * given[first + 1], *given[first + 2 :]), wanted):
            kept = [axis + (axis > first) for axis in axes]
            at = kept.index(first)
            yield (*kept[: at + 1], first + 1, *kept[at + 1 :])
