"""Keys and pedals that are down, for when their ends will not come."""

from __future__ import annotations

from typing import Final

from live.midi_io.ledger import Key, note_off

PEDALS: Final = (64, 66)
"""Controllers that let notes sound on after their note-off: sustain and sostenuto."""


class HeldKeys:
    """Follows the messages of a player."""

    def __init__(self) -> None:
        self._keys: dict[Key, bytes] = {}
        """With the messages that have put them down; likewise the next."""
        self._pedals: dict[Key, bytes] = {}
        """By channel and controller."""

    def note(self, message: bytes) -> None:
        """Take a whole channel message."""
        kind, key = message[0] & 0xF0, (message[0] & 0x0F, message[1])
        if kind == 0x90 and message[2] > 0:
            self._keys[key] = message
        elif kind in (0x80, 0x90):
            self._keys.pop(key, None)
        elif kind == 0xB0 and message[1] in PEDALS:
            if message[2] >= 64:
                self._pedals[key] = message
            else:
                self._pedals.pop(key, None)

    def put_down(self) -> list[bytes]:
        """Return the messages that have put down what is down."""
        return [*self._keys.values(), *self._pedals.values()]

    def let_go(self) -> list[bytes]:
        """Return the messages that end all of them, and forget them."""
        ends = [note_off(key) for key in sorted(self._keys)]
        ends += [bytes([0xB0 | channel, pedal, 0]) for channel, pedal in sorted(self._pedals)]
        self._keys.clear()
        self._pedals.clear()
        return ends
