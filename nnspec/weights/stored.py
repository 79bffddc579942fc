"""The .safetensors file that keeps weights, read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from nnspec.errors import UsageError, WeightsError, printable
from nnspec.layers.weighted import PARAMETRIZED

Array = NDArray[Any]

_DTYPES = {
    "BOOL": "?", "U8": "<u1", "I8": "<i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
    "U64": "<u8", "I64": "<i8", "F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
"""NumPy's names of the dtypes; of BF16, which it lacks, the bits."""


class StoredWeights(dict[str, Array]):
    """Tensors by name as a file holds them, with its metadata."""

    def __init__(self, tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
        super().__init__(tensors)
        self.metadata = dict(metadata)


def load_weights(path: str | Path, *, mapped: bool = False) -> StoredWeights:
    """Read a .safetensors file; half precision, float16 or bfloat16, becomes float32.

    Lengths and directions of weights have our names, whatever PyTorch calls them.

    mapped: leave the numbers in the file, and give arrays that cannot be written to, whose pages
    the system reads when they are used and may drop again: for a network as large as the memory.
    Raises WeightsError where the file is none or is broken, UsageError where there is no file.
    """
    path = Path(path)
    if path.is_dir():
        raise UsageError(f"{path} is a folder, not a weights file")
    if not path.exists():
        raise UsageError(f"{path}: there is no such file")
    try:
        with safe_open(path, framework="np") as file:
            for name in file.keys():  # noqa: SIM118 (the file is no mapping)
                dtype = file.get_slice(name).get_dtype()
                if dtype not in _DTYPES:
                    raise WeightsError(
                        f'{path}: "{printable(name)}" is of type {dtype}; float32 is expected, or '
                        "float64, float16, bfloat16"
                    )
            metadata = file.metadata() or {}
        tensors = _mapped(path)
    except (SafetensorError, ValueError, TypeError, OverflowError, MemoryError) as error:
        reason = _other_format(path) or str(error)
        raise WeightsError(f"{path} is no readable .safetensors file: {reason}") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    if not mapped:
        tensors = {name: np.array(tensor) for name, tensor in tensors.items()}
    return StoredWeights({_canonical(name): each for name, each in tensors.items()}, metadata)


def _canonical(name: str) -> str:
    """Return a name as a spec has it, which PyTorch's state dict may have otherwise."""
    for parameter, theirs in PARAMETRIZED.items():
        if name.endswith(f".{theirs}"):
            return name.removesuffix(theirs) + parameter
    return name


def _other_format(path: Path) -> str:
    """Return what else a file is, and the way out, or an empty text."""
    names: list[str] = []
    with suppress(OSError, zipfile.BadZipFile, ValueError), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    with path.open("rb") as file:
        head = file.read(8)
    if any(name.endswith("data.pkl") for name in names) or head[:2] == b"\x80\x02":
        return (
            "it is a pickle of torch.save, which is never unpickled here; in PyTorch write its "
            "tensors with `safetensors.torch.save_file(model.state_dict(), path)`"
        )
    if any(name.endswith(".npy") for name in names):
        return (
            "it is an .npz file; write its arrays with `safetensors.numpy.save_file(dict(arrays), "
            "path)`"
        )
    if any(name.endswith(".h5") for name in names) or head == b"\x89HDF\r\n\x1a\n":
        return (
            "it is a file of Keras; write its arrays with `safetensors.numpy.save_file`, in the "
            "names and layouts that `nnspec weights` lists"
        )
    return ""


def _mapped(path: Path) -> dict[str, Array]:
    """Return views of a file whose header `safe_open` has found to be sound."""
    numbers = np.memmap(path, np.uint8, "r")
    start = 8 + int.from_bytes(numbers[:8].tobytes(), "little")
    header = json.loads(numbers[8:start].tobytes())
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = (start + offset for offset in entry["data_offsets"])
            array = numbers[first:last].view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
            tensors[name] = _single(array, entry["dtype"])
    return tensors


def _single(array: Array, dtype: str) -> Array:
    """Return half precision as float32, which holds it exactly; anything else as it is."""
    if dtype == "F16":
        array = array.astype("<f4")
    elif dtype == "BF16":
        # Its bits are the upper half of a float32's.
        array = np.left_shift(array, 16, dtype="<u4").view("<f4")
    else:
        return array
    array.flags.writeable = False
    return array
