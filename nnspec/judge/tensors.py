"""Files of weights alone: safetensors and NumPy's, read here, and a checkpoint of PyTorch's.

A .safetensors or .npz file is data: it is read in this process, and nothing of it is run.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from nnspec.backend.foreign import STATE_DICT, Described, Foreign, Held, Reference
from nnspec.data.archive import BROKEN_ARRAYS
from nnspec.data.stored import array_header
from nnspec.errors import UsageError, printable
from nnspec.judge.process import Opened
from nnspec.judge.wanted import natural
from nnspec.weights.stored import load_weights

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

ENDINGS = (".safetensors", ".npz")


class Tensors:
    """The tensors of a file of weights, in the place of the file.

    described: with the kind STATE_DICT; nothing can be run.
    """

    def __init__(self, tensors: Mapping[str, Array], described: Described) -> None:
        self.tensors = dict(tensors)
        self.described = described

    def weights(self) -> Weights:
        """Return every tensor held, by name."""
        return dict(self.tensors)


def refuse_folder(folder: object) -> None:
    """Raise UsageError where a folder for the smallest part at fault is asked for."""
    if folder is not None:
        raise UsageError("--reproduce: weights alone compute nothing of which a part could differ")


def is_state_dict(described: Described) -> bool:
    """Whether a file holds weights and no program."""
    return described.kind == STATE_DICT


@contextmanager
def opened(
    reference: Reference, *, seconds: float, memory: int | None
) -> Iterator[tuple[Described, Foreign | Tensors]]:
    """Open a file, of a program or of weights, and return what it says of itself beside it."""
    if Path(reference.path).suffix.lower() in ENDINGS:
        found = read_tensors(reference, memory)
        yield found.described, found
        return
    with Opened(reference, seconds=seconds, memory=memory) as foreign:
        described = foreign.describe()
        if is_state_dict(described):
            yield described, Tensors(foreign.weights(), described)
        else:
            yield described, foreign


def read_tensors(reference: Reference, memory: int | None) -> Tensors:
    """Read a .safetensors or .npz file; raises UsageError for one that is none, or too large."""
    path = Path(reference.path)
    if reference.name or reference.arguments or reference.named:
        raise UsageError(f"{path.name} holds weights alone: it takes no name and no arguments")
    is_numpy = path.suffix.lower() == ".npz"
    if is_numpy:
        tensors = _numpy(path, memory)
    else:
        tensors = dict(load_weights(path, mapped=True))
        tensors = {name: tensors[name] for name in sorted(tensors, key=natural)}
    held = tuple(Held(name, each.shape, str(each.dtype)) for name, each in tensors.items())
    return Tensors(tensors, Described("NumPy" if is_numpy else "safetensors", STATE_DICT, (), held))


def _require_room(path: Path, size: int, memory: int | None) -> None:
    if memory is not None and size > memory:
        raise UsageError(f"{path.name} would take {size:,} bytes, and may take {memory:,}")


def _require_whole(file: BinaryIO, entry: zipfile.ZipInfo) -> None:
    """Raise ValueError for an array whose header says more than its file holds."""
    shape, _, dtype = array_header(file)
    told = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and told > entry.file_size:
        raise ValueError(f"{entry.filename} lacks numbers: its header tells {told:,} bytes")


def _numpy(path: Path, memory: int | None) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _require_room(path, sum(each.file_size for each in entries), memory)
            for each in entries:  # NumPy makes room for all that a header says
                with archive.open(each) as file:
                    _require_whole(cast("BinaryIO", file), each)
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays}
    except (*BROKEN_ARRAYS, OSError) as error:
        told = printable(str(error)).split("\n")[0]
        raise UsageError(f"{path.name} is no readable .npz file of numbers: {told}") from None
