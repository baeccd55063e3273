"""Which keys and pedals are down on which page, so that none stays down when a page goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

CHANNEL_MESSAGE_LENGTHS: Final = {
    0x80: 3,
    0x90: 3,
    0xA0: 3,
    0xB0: 3,
    0xC0: 2,
    0xD0: 2,
    0xE0: 3,
}
SUSTAIN: Final = 64
"""The controller of the pedal that holds notes."""

_Held = tuple[int, int, int]
"""Kind (note or controller), channel, number."""


def channel_message(data: object) -> bytes | None:
    """Return what somebody sent as a channel message; None if it is none that is whole."""
    if not isinstance(data, list | tuple | bytes) or not 2 <= len(data) <= 3:
        return None
    if not all(type(byte) is int and 0 <= byte <= 0xFF for byte in data):
        return None
    length = CHANNEL_MESSAGE_LENGTHS.get(data[0] & 0xF0)
    if length != len(data) or any(byte > 0x7F for byte in data[1:]):
        return None
    return bytes(data)


class HeldKeys:
    """Several holders may hold one key; it is let go of when the last of them does."""

    def __init__(self) -> None:
        self._holders: dict[_Held, set[str]] = defaultdict(set)

    def take(self, holder: str, message: bytes) -> bool:
        """Note a message of a holder's; return whether it should be passed on."""
        held, down = _reading(message)
        if held is None:
            return True
        holders = self._holders[held]
        if down:
            holders.add(holder)
            return True
        was_held = holder in holders
        holders.discard(holder)
        if not holders:
            del self._holders[held]
            return True
        return not was_held and held[0] != 0x90

    def leave(self, holder: str) -> list[bytes]:
        """The holder is gone: return what lets go of all that it alone held."""
        left = [held for held, holders in self._holders.items() if holder in holders]
        return [_release(held) for held in sorted(left) if self.take(holder, _release(held))]

    def holders(self) -> Iterable[str]:
        """Return everybody who holds something."""
        return {holder for holders in self._holders.values() for holder in holders}


def _reading(message: bytes) -> tuple[_Held | None, bool]:
    kind, channel = message[0] & 0xF0, message[0] & 0x0F
    if kind in (0x80, 0x90):
        return (0x90, channel, message[1]), kind == 0x90 and message[2] > 0
    if kind == 0xB0 and message[1] == SUSTAIN:
        return (0xB0, channel, SUSTAIN), message[2] >= 64
    return None, False


def _release(held: _Held) -> bytes:
    kind, channel, number = held
    return (
        bytes([0x80 | channel, number, 0]) if kind == 0x90 else bytes([kind | channel, number, 0])
    )
