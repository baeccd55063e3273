"""The note ledger: every note-on that was sent is owed a note-off.

A key of a channel sounds once, whoever struck it; the player (through thru) and the model may hold
the same key at the same time. It is released when the last of them lets go. The ledger is pure: it
says which messages to send, and the caller sends them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

PLAYER: Final = 0
"""The owner number of the player; the model's notes have numbers of their own, from 1."""

Key = tuple[int, int]
"""Channel and pitch."""


def note_on(key: Key, velocity: int) -> bytes:
    """Return a note-on message."""
    return bytes([0x90 | key[0], key[1], velocity])


def note_off(key: Key) -> bytes:
    """Return a note-off message."""
    return bytes([0x80 | key[0], key[1], 0])


class NoteLedger:
    """Who holds which key down."""

    def __init__(self) -> None:
        self._owners: dict[Key, set[int]] = {}

    @property
    def sounding(self) -> set[Key]:
        """The keys that were struck and not yet released."""
        return set(self._owners)

    @property
    def model_notes(self) -> dict[Key, int]:
        """The keys that notes of the model's hold, with the numbers of those notes."""
        return {key: number for key, owners in self._owners.items() for number in owners - {PLAYER}}

    def strike(self, owner: int, key: Key, velocity: int) -> list[bytes]:
        """Return the messages of a note-on; a key that sounds already is ended first."""
        owners = self._owners.setdefault(key, set())
        messages = [note_off(key)] if owners else []
        # A new note of the model's replaces its older one; the player's hold on the key stays.
        owners &= {PLAYER}
        owners.add(owner)
        return [*messages, note_on(key, velocity)]

    def release(self, owner: int, key: Key) -> list[bytes]:
        """Return the messages of a note-off: none while another holds the key, or if nobody did."""
        owners = self._owners.get(key)
        if owners is None or owner not in owners:
            return []
        owners.discard(owner)
        if owners:
            return []
        del self._owners[key]
        return [note_off(key)]

    def release_model(self) -> list[bytes]:
        """End every note of the model's."""
        owned = [(key, set(owners)) for key, owners in self._owners.items()]
        return self._release_all((o, key) for key, owners in owned for o in owners if o != PLAYER)

    def release_everything(self) -> list[bytes]:
        """End every note."""
        owned = [(key, set(owners)) for key, owners in self._owners.items()]
        return self._release_all((o, key) for key, owners in owned for o in owners)

    def _release_all(self, owned: Iterable[tuple[int, Key]]) -> list[bytes]:
        return [message for owner, key in owned for message in self.release(owner, key)]
