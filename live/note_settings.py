"""Sections of ``config.toml`` about what the model's notes are like."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from live.core.keys import spelled_lock
from live.core.orchestra import parse_channels, parse_ensemble, spell_channels
from live.core.settings import VelocitySource
from live.events import DRUMS
from live.live_settings import Live
from live.section import Pitch, Section


class Bounds(Section):
    """What the model's notes always keep to."""

    lowest_pitch: Annotated[Pitch, Live("lowest note of the model", "MIDI note number")] = 21
    highest_pitch: Annotated[Pitch, Live("highest note of the model", "MIDI note number")] = 108
    notes_per_beat: Annotated[
        int, Field(ge=0, le=64), Live("most notes that begin within a beat; 0: no bound")
    ] = 0
    voices: Annotated[
        int, Field(ge=0, le=64), Live("most notes that sound at once; 0: no bound")
    ] = 0
    key: Annotated[
        str,
        Field(max_length=40),
        AfterValidator(spelled_lock),
        Live('a scale or a chord; "follow": the key that you play in; "": all notes'),
    ] = ""


Steer = Annotated[float, Field(ge=-1, le=1)]


class Steering(Section):
    """What leans the model one way."""

    density: Annotated[Steer, Live("sparser to denser", "-1 to 1")] = 0.0
    pitch: Annotated[Steer, Live("lower to higher than you play", "-1 to 1")] = 0.0
    loudness: Annotated[Steer, Live("softer to louder", "-1 to 1")] = 0.0
    length: Annotated[Steer, Live("shorter to longer notes", "-1 to 1")] = 0.0


Velocity = Annotated[int, Field(ge=1, le=127)]


class Dynamics(Section):
    """How loud the model's notes are."""

    velocity: Annotated[VelocitySource, Live("whose dynamics its notes have")] = "auto"
    lowest_velocity: Annotated[Velocity, Live("softest note of the model", "velocity")] = 1
    highest_velocity: Annotated[Velocity, Live("loudest note of the model", "velocity")] = 127
    velocity_curve: Annotated[
        float,
        Field(ge=0.1, le=10),
        Live("from your velocity to its; 1: straight, above: softer", knob=(0.25, 4), log=True),
    ] = 1.0


Instrument = Annotated[int, Field(ge=0, le=DRUMS)]


def _ensemble(text: str) -> str:
    parse_ensemble(text)
    return text


def _rows(given: object) -> object:
    """A table of the file is the same as its rows in one text."""
    if not isinstance(given, dict):
        return given
    return ", ".join(f"{name} = {channel}" for name, channel in given.items())


def _channels(text: str) -> str:
    return spell_channels(parse_channels(text))


class Instruments(Section):
    """Who plays what, and on which channel."""

    player: Annotated[
        Instrument,
        Live("what you play", "General MIDI program, from 0; 128: drums", held_as="instrument"),
    ] = 0
    left: Annotated[
        int,
        Field(ge=-1, le=DRUMS),
        Live("what your left hand plays; -1: the same", "program", held_as="left_instrument"),
    ] = -1
    split: Annotated[Pitch, Live("lowest note of the right hand", "MIDI note number")] = 60
    left_channel: Annotated[
        int,
        Field(ge=0, le=16),
        Live(
            "channel of your left hand, as it goes thru; 0: as it comes", spelling="channel or none"
        ),
    ] = 0
    channels: Annotated[
        str,
        Field(max_length=2000),
        BeforeValidator(_rows),
        AfterValidator(_channels),
        Live(
            'channels of instruments, as "32 = 2, drums = 10"; others play on midi.output_channel',
            spelling="instruments and channels",
        ),
    ] = ""
    ensemble: Annotated[
        str,
        Field(max_length=400),
        AfterValidator(_ensemble),
        Live('what the model may play; "": all that have a channel, or what you play', "programs"),
    ] = ""
    program_changes: Annotated[
        bool, Live("whether each channel is told its instrument's program")
    ] = False
    pedal_out: Annotated[
        bool, Live("whether the model's notes of a beat and more hold the sustain pedal")
    ] = False
