"""How to end what was left sounding."""

from __future__ import annotations

from typing import Final

from live.midi_io.held import PEDALS
from live.midi_io.ledger import Key, note_off
from live.standing import Standing

CHANNELS: Final = range(16)
SUSTAIN_PEDAL: Final = 64
ALL_NOTES_OFF: Final = 123


def left_sounding(standing: Standing) -> set[Key]:
    """Return the keys that may sound where a midi_io was killed, one at least on every channel.

    The player's are down on any channel, as his hands may have been split in any way. And what was
    sent in the last moment nobody has written down: ``silence`` ends all notes of these channels.
    """
    pitches = {0, *(pitch for _, pitch in standing.down("in"))}
    return standing.down("out") | {(channel, pitch) for channel in CHANNELS for pitch in pitches}


def silence_heard(keys: set[Key], channels: list[int]) -> list[bytes]:
    """Return the messages that end keys of some channels for one who will not hear their ends."""
    return [
        *(note_off(key) for key in sorted(keys) if key[0] in channels),
        *(bytes([0xB0 | channel, SUSTAIN_PEDAL, 0]) for channel in channels),
    ]


def silence(keys: set[Key]) -> list[bytes]:
    """Return the messages that end these keys: pedals up, each note off, all notes off."""
    channels = sorted({channel for channel, _ in keys})
    return [
        *(bytes([0xB0 | channel, pedal, 0]) for channel in channels for pedal in PEDALS),
        *(note_off(key) for key in sorted(keys)),
        *(bytes([0xB0 | channel, ALL_NOTES_OFF, 0]) for channel in channels),
    ]
