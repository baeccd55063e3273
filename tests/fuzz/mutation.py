"""Bytes as they never come from an instrument or a disk, or hardly ever."""

from __future__ import annotations

import random

_GOOD = (
    bytes([0x90, 60, 80, 0x90, 64, 80, 0x80, 60, 0, 0x80, 64, 0]),
    bytes([0x90, 60, 80, 64, 81, 67, 82, 60, 0, 64, 0, 67, 0]),  # running status
    bytes([0xB0, 64, 127, 0x90, 50, 90, 0x80, 50, 0, 0xB0, 64, 0]),
    bytes([0x91, 72, 1, 0xF8, 0x81, 72, 64]),
    bytes([0xF0, 0x7E, 0x7F, 0x06, 0x01, 0xF7]),
    bytes([0xC0, 5, 0xE0, 0, 64, 0xD0, 100, 0xA0, 60, 10]),
    bytes([0xF2, 1, 2, 0xF3, 4, 0xF6, 0xFA, 0xFC, 0xFE, 0xFF]),
    bytes([0xB0, 123, 0, 0xB0, 120, 0, 0xB0, 66, 127, 0xB0, 66, 0]),
)


def mutated(chance: random.Random) -> bytes:
    """Return a byte string: good ones joined, then damaged, or nothing but noise."""
    if chance.random() < 0.15:
        return chance.randbytes(chance.randint(0, 40))
    return damaged(chance, b"".join(chance.choices(_GOOD, k=chance.randint(1, 4))))


def damaged(chance: random.Random, good: bytes) -> bytes:
    """Return bytes with some of them changed, lost, doubled or added."""
    data = bytearray(good)
    for _ in range(chance.choice((0, 0, 1, 1, 2, 4, 8))):
        at = chance.randrange(len(data)) if data else 0
        kind = chance.randrange(5)
        if kind == 0 and data:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and data:
            del data[at : at + chance.randint(1, 3)]
        elif kind == 2:
            data[at:at] = chance.randbytes(chance.randint(1, 3))
        elif kind == 3 and data:
            data[at:at] = data[at : at + chance.randint(1, 6)]
        elif data:
            data[at] = chance.choice((0x00, 0x7F, 0x80, 0x90, 0xF0, 0xF7, 0xF8, 0xFF))
    return bytes(data)
