"""What a model file may not have: looked for in its bytes, before any other library reads them.

An ONNX file is a protocol buffer. The few fields that matter are found by their numbers in
``onnx.proto`` (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), so that the performer
needs no library for it. A file may name other files that hold its weights; those of Continuo never
do, and one that does is refused, wherever it points to.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Final

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types of protocol buffers; the others are long gone."""
DEEPEST: Final = 64
"""Graphs within attributes of nodes; no real model has more than a few."""

MOST_FIELDS: Final = 1_000_000
"""A model of Continuo's has some thousands."""

_MESSAGES: Final[dict[str, dict[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""By kind of message: the numbers of the fields that hold messages to look into."""
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
"""Fields of a tensor: where its numbers are in another file; and that they are in one, if not 0."""


def refers_to_files(model: bytes) -> bool:
    """Whether an ONNX model keeps numbers in other files.

    Raises:
        ValueError: this is no protocol buffer, or one that nobody writes.
    """
    return _refers("model", memoryview(model), count(), 0)


def _refers(kind: str, data: memoryview, seen: Iterator[int], depth: int) -> bool:
    if depth > DEEPEST:
        raise ValueError("graphs within graphs without end")
    for number, value in _fields(data):
        if next(seen) > MOST_FIELDS:
            raise ValueError("more fields than any model has")
        if kind == "tensor" and (
            number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)
        ):
            return True
        inner = _MESSAGES[kind].get(number)
        if (
            inner is not None
            and isinstance(value, memoryview)
            and _refers(inner, value, seen, depth + 1)
        ):
            return True
    return False


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and the value of each field; numbers of fixed size are passed over."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _varint(data, at)
            yield number, value
        elif wire == BYTES:
            length, at = _varint(data, at)
            if length > len(data) - at:
                raise ValueError("a field is longer than the file")
            yield number, data[at : at + length]
            at += length
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire}")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number without an end")
