"""How to end what was left sounding."""

from __future__ import annotations

from typing import Final

from live.midi_io.ledger import Key, note_off

SUSTAIN_PEDAL: Final = 64
ALL_NOTES_OFF: Final = 123


def silence_heard(keys: set[Key], channels: list[int]) -> list[bytes]:
    """Return the messages that end keys of some channels for one who will not hear their ends."""
    return [
        *(note_off(key) for key in sorted(keys) if key[0] in channels),
        *(bytes([0xB0 | channel, SUSTAIN_PEDAL, 0]) for channel in channels),
    ]


def silence(keys: set[Key]) -> list[bytes]:
    """Return the messages that end these keys: pedal up, each note off, all notes off."""
    channels = sorted({channel for channel, _ in keys})
    return [
        *(bytes([0xB0 | channel, SUSTAIN_PEDAL, 0]) for channel in channels),
        *(note_off(key) for key in sorted(keys)),
        *(bytes([0xB0 | channel, ALL_NOTES_OFF, 0]) for channel in channels),
    ]
