"""Which General MIDI program a part of a score is played with."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from music21 import instrument
from music21.humdrum import instruments as humdrum_instruments

from live.events import DRUMS

PIANO: Final = 0
VOICE: Final = 52
"""Choir Aahs: every singer's program, so that a voice is one instrument in all sources."""
_VOICE_NAMES: Final = re.compile(
    r"canto|cantus|singstimme|gesang|voice|voix|chant|sopran|mezzo|alto\b|altus|tenor|bariton"
    r"|baryton|basso\b|bassus|discant|superius|quint[oau]|sest[oa]|vocal|choir|chorus|coro",
    re.IGNORECASE,
)


def program(part: Any) -> int:
    """Return the program of a music21 instrument; a piano where it says nothing."""
    if isinstance(part, instrument.UnpitchedPercussion) or part.midiChannel == 9:
        return DRUMS
    if isinstance(part, instrument.Vocalist):
        return VOICE
    name = part.partName or part.instrumentName or ""
    if _VOICE_NAMES.search(name) and part.midiProgram in (None, 0, 52, 53, 54):
        return VOICE
    if part.midiProgram is not None:
        return int(part.midiProgram)
    return program_of_name(name) if name else PIANO


@lru_cache(maxsize=1024)
def program_of_name(name: str) -> int:
    """Return the program for the name of a part as printed; a piano where it is none we know."""
    if _VOICE_NAMES.search(name):
        return VOICE
    try:
        found = instrument.fromString(name)
    except instrument.InstrumentException:
        return PIANO
    return PIANO if found.midiProgram is None else program(found)


@lru_cache(maxsize=256)
def program_of_code(code: str) -> int | None:
    """Return the program for a Humdrum instrument code, such as ``violn``; None: unknown."""
    try:
        found = humdrum_instruments.fromHumdrumInstrument(code)
    except humdrum_instruments.HumdrumInstrumentException:
        return None
    return program(found)
