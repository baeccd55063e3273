"""What a midi_io that died left sounding, by its journal, and how to end it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from live.journal import read_lines
from live.midi_io.ledger import Key, note_off

SUSTAIN_PEDAL: Final = 64
ALL_NOTES_OFF: Final = 123


def keys_left_down(journal: Path) -> dict[str, set[Key]]:
    """Return the keys that were struck and not released.

    Args:
        journal: of the session; it may be missing or empty.

    Returns:
        The player's keys under "in", the model's under "out".

    Raises:
        OSError: the journal cannot be read.
    """
    down: dict[str, set[Key]] = {"in": set(), "out": set()}
    if not journal.exists():
        return down
    for line in read_lines(journal):
        data, keys = line.message, down.get(line.kind)
        if data is None or keys is None:
            continue
        kind, key = data[0] & 0xF0, (data[0] & 0x0F, data[1])
        if kind == 0x90 and data[2] > 0:
            keys.add(key)
        elif kind in (0x80, 0x90):
            keys.discard(key)
    return down


def last_number(journal: Path) -> int:
    """Return the number of the latest message that the improviser was told; 0: there is none.

    Raises:
        OSError: the journal cannot be read.
    """
    if not journal.exists():
        return 0
    return max((line.number or 0 for line in read_lines(journal)), default=0)


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
