"""Instruments: which ones play, on which channels, and with which programs.

An instrument is a General MIDI program counted from 0, or ``DRUMS``; channels are counted from 0.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from live.core.settings import PerformerSettings
from live.events import DRUMS, INSTRUMENT
from live.messages import ProgramChange

DRUM_CHANNEL: Final = 9
"""Where General MIDI has its drums."""
EVEN_SHARE: Final = 0.3
"""Of the notes of an ensemble, that is dealt out evenly among its instruments."""

Floats = npt.NDArray[np.float32]
Channels = tuple[tuple[int, int], ...]
"""Instruments, each with a channel."""
_CHANNEL_NUMBERS: Final = frozenset(map(str, range(1, 17)))
_CHANNELS_MUST: Final = (
    'should be as "0 = 1, 32 = 2, drums = 10": programs from 0 to 127, channels from 1 to 16'
)


def parse_instrument(text: str) -> int:
    """Read a program number from 0, or "drums".

    Raises:
        ValueError: it is neither.
    """
    word = text.strip().lower()
    if word == "drums":
        return DRUMS
    if not word.isdecimal() or int(word) > DRUMS:
        raise ValueError('should be programs from 0 to 127, or "drums", with commas between')
    return int(word)


def parse_ensemble(text: str) -> tuple[int, ...]:
    """Read several: "0, 32, drums"; an empty string is none.

    Raises:
        ValueError: one of them is none.
    """
    words = text.split(",") if text.strip() else []
    return tuple(sorted({parse_instrument(word) for word in words}))


def parse_channels(text: str) -> Channels:
    """Read which instruments have a channel of their own: "32 = 2, drums = 10".

    Returns:
        Instruments with their channels, the lowest instrument first; of an empty string none.

    Raises:
        ValueError: it is spelled otherwise, or names an instrument twice.
    """
    table: dict[int, int] = {}
    for row in text.split(",") if text.strip() else []:
        name, _, channel = (part.strip() for part in row.partition("="))
        try:
            instrument = parse_instrument(name)
        except ValueError as error:
            raise ValueError(_CHANNELS_MUST) from error
        if channel not in _CHANNEL_NUMBERS:
            raise ValueError(_CHANNELS_MUST)
        if instrument in table:
            raise ValueError(f"should name each instrument once; {name} is there twice")
        table[instrument] = int(channel) - 1
    return tuple(sorted(table.items()))


def spell_channels(table: Channels) -> str:
    """Return a table as ``parse_channels`` reads it."""
    names = {DRUMS: "drums"}
    return ", ".join(f"{names.get(each, each)} = {channel + 1}" for each, channel in table)


def ensemble(settings: PerformerSettings) -> tuple[int, ...]:
    """Return what the model may play: what was chosen, else all of the table, else the player's."""
    chosen = parse_ensemble(settings.ensemble)
    return chosen or tuple(sorted(dict(settings.channels))) or (settings.instrument,)


def balance_bias(settings: PerformerSettings, logits: Floats) -> Floats:
    """Return what is added to the logits of the instruments so that each of several is heard.

    A network that has heard a piano alone expects nothing else. A share of all notes is dealt out
    evenly; once it has heard an instrument, it goes on with it by itself.

    Args:
        settings: who plays.
        logits: of the instrument field, as learned, (size,).
    """
    tokens = [INSTRUMENT.encode(each) for each in ensemble(settings)]
    those = logits[tokens].astype(np.float64)
    log_p = those - np.logaddexp.reduce(those)
    dealt = np.log(EVEN_SHARE / len(tokens))
    bias = np.zeros(len(logits), dtype=np.float32)
    bias[tokens] = np.logaddexp(log_p + np.log(1.0 - EVEN_SHARE), dealt) - log_p
    return bias


def channel_of(settings: PerformerSettings, instrument: int) -> int:
    """Return the channel that an instrument of the model's plays on."""
    other = DRUM_CHANNEL if instrument == DRUMS else settings.output_channel
    return dict(settings.channels).get(instrument, other)


def instrument_on(settings: PerformerSettings, channel: int) -> int:
    """Return which of the model's instruments plays on a channel; the first if none does."""
    those = ensemble(settings)
    return next((each for each in those if channel_of(settings, each) == channel), those[0])


def player_instrument(settings: PerformerSettings, pitch: int) -> int:
    """Return what the player plays at a pitch: the left hand may have its own instrument."""
    left = settings.left_instrument
    return left if left >= 0 and pitch < settings.split else settings.instrument


class Programs:
    """Knows which program each channel was told, and what is still to be told."""

    def __init__(self) -> None:
        self._told: dict[int, int] = {}
        self._player_channel: int | None = None

    def player_on(self, channel: int) -> None:
        """The player is heard on this channel."""
        self._player_channel = channel

    def forget(self) -> None:
        """Tell everything again: who listens may have been reset."""
        self._told.clear()

    def due(self, time_s: float, settings: PerformerSettings) -> list[ProgramChange]:
        """Return the program changes that are due; none unless they are asked for."""
        if not settings.program_changes:
            return []
        wanted: dict[int, int] = {}
        heard = settings.player_channel if self._player_channel is None else self._player_channel
        if heard is not None and settings.instrument != DRUMS:
            wanted[heard] = settings.instrument
        if settings.left_channel is not None and 0 <= settings.left_instrument < DRUMS:
            wanted[settings.left_channel] = settings.left_instrument
        for instrument in ensemble(settings):
            if instrument != DRUMS:  # a drum channel has no program of its own
                wanted[channel_of(settings, instrument)] = instrument
        due = {c: program for c, program in wanted.items() if self._told.get(c) != program}
        self._told |= due
        return [ProgramChange(time_s, channel, program) for channel, program in due.items()]
