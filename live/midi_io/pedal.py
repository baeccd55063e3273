"""The sustain pedal as the model uses it: down under its long notes, up when they are over.

As a pianist pedals: it comes down after such a note was struck, and where another one is struck
while it is down, it is changed with it. Every note that holds it has its end, and so has the pedal.
A pedal that the player holds on the same channel stays his.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

SUSTAIN_PEDAL: Final = 64

PlayerHolds = Callable[[int], bool]
"""Whether the player holds the pedal of a channel."""


class ModelPedal:
    """Knows which notes of the model's hold the pedal of which channel. It says what to send."""

    def __init__(self, player_holds: PlayerHolds) -> None:
        self._player_holds = player_holds
        self._notes: dict[int, set[int]] = {}

    def is_down(self, channel: int) -> bool:
        """Whether notes of the model's hold it."""
        return bool(self._notes.get(channel))

    def before(self, channel: int) -> list[bytes]:
        """Return what comes before a note that holds the pedal is struck."""
        return self._up(channel) if self.is_down(channel) else []

    def after(self, channel: int, number: int) -> list[bytes]:
        """Return what comes after a note of that number was struck, which holds it from now on."""
        self._notes.setdefault(channel, set()).add(number)
        return [] if self._player_holds(channel) else [bytes([0xB0 | channel, SUSTAIN_PEDAL, 127])]

    def ended(self, channel: int, number: int) -> list[bytes]:
        """Return what comes after a note has ended, whether it held the pedal or not."""
        notes = self._notes.get(channel)
        if not notes or number not in notes:
            return []
        notes.discard(number)
        return [] if notes else self._up(channel)

    def release(self) -> list[bytes]:
        """Return what lifts it everywhere: no note holds it any more."""
        channels = sorted(channel for channel in self._notes if self.is_down(channel))
        self._notes.clear()
        return [message for channel in channels for message in self._up(channel)]

    def _up(self, channel: int) -> list[bytes]:
        return [] if self._player_holds(channel) else [bytes([0xB0 | channel, SUSTAIN_PEDAL, 0])]
