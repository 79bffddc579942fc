"""Protobuf's wire format, as far as a file of large tensors needs it.

The onnx package would hold every tensor twice: in the message, and in the bytes made of it. Here
messages are written around tensors that come one at a time.
Source: protobuf.dev/programming-guides/encoding; field numbers from onnx.proto.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

GRAPH_OF_MODEL = 7
METADATA_OF_MODEL = 14
INITIALIZER_OF_GRAPH = 5
INPUT_OF_GRAPH = 11
NAME_OF_VALUE = 1
RAW_DATA_OF_TENSOR = 9
DATA_OF_TENSOR = (4, 5, 6, 7, RAW_DATA_OF_TENSOR, 10, 11)
"""The fields of floats, whole numbers, texts and so on."""

MESSAGE_LIMIT = 2**31 - 1
"""Bytes of the largest message that protobuf reads."""

_VARINT, _EIGHT_BYTES, _LENGTH_DELIMITED, _FOUR_BYTES = 0, 1, 2, 5
_SHORT = [bytes([number]) for number in range(0x80)]


def varint(number: int) -> bytes:
    """Return a number of 0 or more in base 128, the lowest digits first."""
    if number < 0x80:
        return _SHORT[number]
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def prefix(field: int, length: int) -> bytes:
    """Return what stands before the `length` bytes of a field."""
    return varint(field << 3 | _LENGTH_DELIMITED) + varint(length)


def initializer(head: bytes, raw_bytes: int) -> bytes:
    """Return what stands before a tensor's numbers in a graph; `head` is its message without."""
    start = head + prefix(RAW_DATA_OF_TENSOR, raw_bytes)
    return prefix(INITIALIZER_OF_GRAPH, len(start) + raw_bytes) + start


def without_tensors(file: BinaryIO, most: int) -> bytes:
    """Return a model as it is, but for the numbers of initializers that have more bytes than this.

    Those are skipped, and never in memory. Raises ValueError for what is no such file.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    found = []
    for field, key, length in _fields(file, size):
        if field == GRAPH_OF_MODEL and length is not None:
            graph = b"".join(_graph(file, file.tell() + length, most))
            found.append(prefix(field, len(graph)) + graph)
        else:
            found.append(key + file.read(length or 0))
    return b"".join(found)


def _graph(file: BinaryIO, end: int, most: int) -> Iterator[bytes]:
    for field, key, length in _fields(file, end):
        if field == INITIALIZER_OF_GRAPH and length is not None and length > most:
            tensor = b"".join(_tensor(file, file.tell() + length, most))
            yield prefix(field, len(tensor)) + tensor
        else:
            yield key + file.read(length or 0)


def _tensor(file: BinaryIO, end: int, most: int) -> Iterator[bytes]:
    for field, key, length in _fields(file, end):
        if field in DATA_OF_TENSOR and length is not None and length > most:
            file.seek(length, io.SEEK_CUR)
        else:
            yield key + file.read(length or 0)


def _fields(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes, int | None]]:
    """Yield of each field its number, the bytes up to its content, and the length of that.

    Of a number, which has no length, the bytes are all of it. The content is for who asks to read.
    """
    while file.tell() < end:
        key = _varint_bytes(file)
        field, kind = divmod(_number(key), 8)
        if kind == _VARINT:
            yield field, key + _varint_bytes(file), None
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            yield field, key + file.read(8 if kind == _EIGHT_BYTES else 4), None
        elif kind == _LENGTH_DELIMITED:
            length = _varint_bytes(file)
            after = file.tell() + _number(length)
            if after > end:
                raise ValueError("a field ends after what it is in")
            yield field, key + length, _number(length)
            if file.tell() != after:
                raise ValueError("a field was not read as a whole")
        else:
            raise ValueError(f"there is no kind {kind} of fields")


def _varint_bytes(file: BinaryIO) -> bytes:
    digits = bytearray()
    while len(digits) < 10:
        digit = file.read(1)
        if not digit:
            raise ValueError("the file ends within a number")
        digits += digit
        if digit[0] < 0x80:
            return bytes(digits)
    raise ValueError("a number has more than 64 bits")


def _number(digits: bytes) -> int:
    return sum((digit & 0x7F) << 7 * i for i, digit in enumerate(digits))
