"""Protobuf's wire format, as far as a file of large tensors needs it.

The onnx package would hold every tensor twice: in the message, and in the bytes made of it. Here
messages are written around tensors that come one at a time.
Source: protobuf.dev/programming-guides/encoding; field numbers from onnx.proto.
"""

from __future__ import annotations

GRAPH_OF_MODEL = 7
METADATA_OF_MODEL = 14
INITIALIZER_OF_GRAPH = 5
INPUT_OF_GRAPH = 11
NAME_OF_VALUE = 1
RAW_DATA_OF_TENSOR = 9

MESSAGE_LIMIT = 2**31 - 1
"""Bytes of the largest message that protobuf reads."""

_LENGTH_DELIMITED = 2
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
