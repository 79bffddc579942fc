"""Messages between two processes: JSON, and after it the numbers of arrays as they lie in memory.

A message is the length of the JSON (8 bytes, little-endian), the JSON, and the arrays one after the
other. What JSON lacks stands in it as an object with the key `$`. Nothing is pickled: a message can
only name records of this package and of the installed backends.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from pydantic import BaseModel

from nnspec.backend import backend_packages
from nnspec.errors import Fix
from nnspec.remote.kept import Kept, is_worth_it, keep
from nnspec.support.made import Made

TAG = "$"
PACKAGE = "nnspec"


def _is_known(module: str) -> bool:
    """Whether records of this module may be sent: the core's, and those of a backend's package."""
    package = module.partition(".")[0]
    return package == PACKAGE or package in backend_packages()


def write(stream: IO[bytes], message: object, folder: Path | None = None) -> None:
    """Send a message.

    folder: where large arrays by name are kept in files, which go with what is read of them.
    """
    encoder = _Encoder(folder)
    body = encoder.encode(message)
    kinds = [(array.dtype.str, array.shape) for array in encoder.arrays]
    text = json.dumps({"body": body, "arrays": kinds}).encode()
    stream.write(len(text).to_bytes(8, "little"))
    stream.write(text)
    for array in encoder.arrays:
        # Not ascontiguousarray, which turns a scalar into a vector.
        stream.write(np.asarray(array, order="C").reshape(-1).view(np.uint8).data)
    stream.flush()


def read(stream: IO[bytes]) -> Any:
    """Wait for a message, and return it; raises EOFError where the other process has ended."""
    header = json.loads(_bytes(stream, int.from_bytes(_bytes(stream, 8), "little")))
    arrays = []
    for dtype, shape in header["arrays"]:
        array = np.empty(math.prod(shape), dtype)
        _fill(stream, array.view(np.uint8).data)
        arrays.append(array.reshape(shape))
    return _Decoder(arrays).decode(header["body"])


def _bytes(stream: IO[bytes], count: int) -> bytes:
    content = bytearray(count)
    _fill(stream, memoryview(content))
    return bytes(content)


def _fill(stream: Any, place: memoryview) -> None:
    while place:
        count = stream.readinto(place)
        if not count:
            raise EOFError
        place = place[count:]


class _Encoder:
    """Turns values into what JSON has; of a record that is met again, a reference to it."""

    def __init__(self, folder: Path | None = None) -> None:
        self.arrays: list[np.ndarray[Any, Any]] = []
        self._met: dict[int, int] = {}
        self._folder = folder

    def encode(self, value: object) -> Any:
        if isinstance(value, np.ndarray | np.generic):
            array = np.asarray(value)
            if array.dtype.hasobject:
                raise TypeError("an array of Python objects cannot be sent")
            if array.size > 1 and not any(array.strides):  # one number, in every place
                self.arrays.append(np.asarray(array[(0,) * array.ndim]))
                return {TAG: "full", "number": len(self.arrays) - 1, "shape": list(array.shape)}
            self.arrays.append(array)
            return {TAG: "array", "number": len(self.arrays) - 1}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, Kept):
            return self._kept(value, is_handed_over=False)
        if isinstance(value, Made):
            return self._record(value)
        if isinstance(value, Mapping):
            if self._folder is not None and is_worth_it(value):
                with suppress(OSError):  # the disk is full: they are sent
                    kept = keep(value, self._folder, is_owned=False)
                    return self._kept(kept, is_handed_over=True)
            if all(isinstance(key, str) and key != TAG for key in value):
                return {key: self.encode(each) for key, each in value.items()}
            items = [[self.encode(key), self.encode(each)] for key, each in value.items()]
            return {TAG: "mapping", "items": items}
        if isinstance(value, list):
            return [self.encode(each) for each in value]
        if isinstance(value, tuple) and type(value) is tuple:
            return {TAG: "tuple", "items": [self.encode(each) for each in value]}
        if isinstance(value, Path):
            return {TAG: "path", "text": str(value)}
        if isinstance(value, bytes):
            self.arrays.append(np.frombuffer(value, "uint8"))
            return {TAG: "bytes", "number": len(self.arrays) - 1}
        if isinstance(value, Fix):
            return None  # of advice, for whoever edits the text
        return self._record(value)

    def _kept(self, value: Kept, *, is_handed_over: bool) -> Any:
        """Return where arrays are kept; whoever reads it removes the file if it is handed over."""
        return {
            TAG: "kept",
            "path": str(value.path),
            "places": list(value.places.items()),
            "small": [[name, self.encode(array)] for name, array in value.small.items()],
            "owned": is_handed_over,
        }

    def _record(self, value: object) -> Any:
        if id(value) in self._met:
            return {TAG: "met", "number": self._met[id(value)]}
        result: dict[str, Any] = {TAG: "record", "class": _name(type(value))}
        if isinstance(value, BaseModel):
            result["fields"] = self.encode(dict(value))
            result["given"] = sorted(value.model_fields_set)
            if value.__pydantic_private__:
                result["private"] = self.encode(value.__pydantic_private__)
        elif dataclasses.is_dataclass(value):
            fields = dataclasses.fields(value)
            result["fields"] = {
                field.name: self.encode(getattr(value, field.name)) for field in fields
            }
        elif isinstance(value, tuple) and hasattr(value, "_asdict"):
            result["fields"] = self.encode(value._asdict())
        else:
            raise TypeError(f"a {type(value).__name__} cannot be sent to another process")
        self._met[id(value)] = len(self._met)
        return result


class _Decoder:
    """Makes values of what an encoder gave."""

    def __init__(self, arrays: list[np.ndarray[Any, Any]]) -> None:
        self._arrays = arrays
        self._met: list[object] = []

    def decode(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.decode(each) for each in value]
        if not isinstance(value, dict):
            return value
        kind = value.get(TAG)
        if kind is None:
            return {key: self.decode(each) for key, each in value.items()}
        if kind == "array":
            return self._arrays[value["number"]]
        if kind == "full":
            return np.broadcast_to(self._arrays[value["number"]], value["shape"])
        if kind == "kept":
            small = {name: self.decode(each) for name, each in value["small"]}
            places = {name: place and tuple(place) for name, place in value["places"]}
            return Kept(Path(value["path"]), places, small, is_owned=value["owned"])
        if kind == "mapping":
            return {self.decode(key): self.decode(each) for key, each in value["items"]}
        if kind == "tuple":
            return tuple(self.decode(each) for each in value["items"])
        if kind == "bytes":
            return self._arrays[value["number"]].tobytes()
        if kind == "path":
            return Path(value["text"])
        if kind == "met":
            return self._met[value["number"]]
        return self._record(value)

    def _record(self, value: dict[str, Any]) -> object:
        found: Any = _class(value["class"])
        fields = self.decode(value["fields"])
        if issubclass(found, BaseModel):
            record = found.model_construct(set(value["given"]), **fields)
            for name, each in self.decode(value.get("private", {})).items():
                # Set as pydantic itself sets it: the record is frozen.
                assert record.__pydantic_private__ is not None
                record.__pydantic_private__[name] = each
        else:
            record = found(**fields)
        self._met.append(record)
        return record


def _name(kind: type) -> str:
    if not _is_known(kind.__module__):
        raise TypeError(f"a {kind.__name__} cannot be sent to another process")
    return f"{kind.__module__}:{kind.__qualname__}"


def _class(name: str) -> type:
    module, _, qualified = name.partition(":")
    if not _is_known(module):
        raise TypeError(f"{name} is no record of {PACKAGE} or of a backend")
    found: Any = importlib.import_module(module)
    for part in qualified.split("."):
        found = getattr(found, part)
    if not isinstance(found, type):
        raise TypeError(f"{name} is no record of {PACKAGE}")
    return found
