"""Thru for two hands: what lies below a split point goes to a channel of its own."""

from __future__ import annotations

from typing import Final

from live.midi_io.ledger import Key

NOTE_OFF: Final = 0x80
NOTE_ON: Final = 0x90
KEY_PRESSURE: Final = 0xA0
PROGRAM_CHANGE: Final = 0xC0


class Split:
    """Says on which channels the player's messages go thru."""

    def __init__(self, lowest_right: int, left_channel: int | None) -> None:
        """Split below a pitch; ``left_channel`` None: both hands stay where they are."""
        self.lowest_right = lowest_right
        self.left_channel = left_channel
        self._struck: dict[Key, int] = {}
        """Channels of the keys that are held, by the keys as the keyboard has them."""

    def route(self, message: bytes) -> list[bytes]:
        """Return what a channel message becomes. A key ends on the channel that it was struck on.

        Pedals, bends and the like go to both hands; a program is the right hand's.
        """
        kind, key = message[0] & 0xF0, (message[0] & 0x0F, message[1])
        if kind in (NOTE_OFF, NOTE_ON, KEY_PRESSURE):
            if kind == NOTE_ON and message[2] > 0:
                channel = self._struck.setdefault(key, self._hand(key))
            elif kind == KEY_PRESSURE:
                channel = self._struck.get(key, key[0])
            else:
                channel = self._struck.pop(key, key[0])
            return [_on(channel, message)]
        if self.left_channel in (None, key[0]) or kind == PROGRAM_CHANGE:
            return [message]
        assert self.left_channel is not None
        return [message, _on(self.left_channel, message)]

    def forget(self) -> None:
        """Let no key be held: the ends of those that are will not be heard of."""
        self._struck.clear()

    def _hand(self, key: Key) -> int:
        """Return the channel that a key is struck on."""
        if self.left_channel is None or key[1] >= self.lowest_right:
            return key[0]
        return self.left_channel


def _on(channel: int, message: bytes) -> bytes:
    return bytes([message[0] & 0xF0 | channel, *message[1:]])
