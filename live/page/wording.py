"""Names of settings, values and commands, as the page writes them."""

from __future__ import annotations

import re
from typing import Any, Final

from live.live_settings import LiveSetting
from live.settings import LIVE

STEER_UNIT: Final = "-1 to 1"
PITCH_UNIT: Final = "MIDI note number"
_UNITS: Final = {
    "milliseconds": "ms",
    "seconds": "s",
    "beats per minute": "BPM",
    "MIDI note number": "",
    "General MIDI program, from 0": "",
    "velocity": "",
    "programs": "",
    STEER_UNIT: "",
}
_NAMES: Final = {"bpm": "Tempo", "min_p": "Min-p"}
_SUFFIXES: Final = ("_ms", "_s", "_beats", "_bars", "_db")
"""Units at the end of a setting's key; the page writes them behind the value."""
_SECTIONS: Final = {
    "turns": "Turns",
    "time": "Time",
    "sampling": "Model",
    "midi": "MIDI",
}
_LAST: Final = "midi"
_PITCH: Final = re.compile(r"([A-Ga-g])([♯♭#b]?)(-?\d)")
_LETTERS: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_PITCHES: Final = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


def setting_name(setting: LiveSetting) -> str:
    """Return what a setting is called: ``silence_beats`` is "Silence"."""
    if setting.key in _NAMES:
        return _NAMES[setting.key]
    key = setting.key
    neighbours = {other.key for other in LIVE if other.section == setting.section}
    for suffix in _SUFFIXES:
        if setting.unit and key.endswith(suffix):
            short = key.removesuffix(suffix)
            key = key if short in neighbours else short
    return key.replace("_", " ").capitalize()


def unit_name(setting: LiveSetting) -> str:
    """Return what stands behind a value."""
    return _UNITS.get(setting.unit, setting.unit)


def ends_of(setting: LiveSetting) -> tuple[str, str] | None:
    """Return what is at both ends of a setting that leans one way or the other."""
    low, to, high = setting.help.partition(" to ")
    return (low, high) if setting.unit == STEER_UNIT and to else None


def section_name(section: str) -> str:
    """Return the title of a group of settings."""
    return _SECTIONS.get(section, section.replace("_", " ").capitalize())


def section_order(section: str) -> int:
    """Return the place of a group: what is used most while playing is first, ports are last."""
    known = list(_SECTIONS)
    if section == _LAST:
        return 100
    return known.index(section) if section in known else 50


def value_name(setting: LiveSetting, value: Any) -> str:
    """Return a value as text, without its unit."""
    if setting.unit == PITCH_UNIT and isinstance(value, int):
        return pitch_name(value)
    if setting.spelling == "channel or all" and value == 0:
        return "all"
    if setting.spelling == "channel or none" and value == 0:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def meant_value(setting: LiveSetting, text: str) -> str:
    """Return what somebody wrote into a field as the file spells it; reverses ``value_name``."""
    word = text.strip()
    if word.lower() == {"channel or all": "all", "channel or none": "none"}.get(setting.spelling):
        return "0"
    named = _PITCH.fullmatch(word) if setting.unit == PITCH_UNIT else None
    if named is not None:
        sign = {"♯": 1, "#": 1, "♭": -1, "b": -1, "": 0}[named[2]]
        return str(12 * (int(named[3]) + 1) + _LETTERS[named[1].upper()] + sign)
    return word.replace(",", ".") if setting.kind != "text" else word


def pitch_name(pitch: int) -> str:
    """Return the name of a MIDI note number; 60 is C4."""
    return f"{_PITCHES[pitch % 12]}{pitch // 12 - 1}"


def time_name(seconds: float) -> str:
    """Return a length of time as minutes and seconds, and hours where there are any."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


PROGRAMS: Final = (
    "Acoustic grand piano", "Bright acoustic piano", "Electric grand piano", "Honky-tonk piano",
    "Electric piano 1", "Electric piano 2", "Harpsichord", "Clavinet",
    "Celesta", "Glockenspiel", "Music box", "Vibraphone",
    "Marimba", "Xylophone", "Tubular bells", "Dulcimer",
    "Drawbar organ", "Percussive organ", "Rock organ", "Church organ",
    "Reed organ", "Accordion", "Harmonica", "Tango accordion",
    "Nylon guitar", "Steel guitar", "Jazz guitar", "Clean guitar",
    "Muted guitar", "Overdriven guitar", "Distortion guitar", "Guitar harmonics",
    "Acoustic bass", "Fingered bass", "Picked bass", "Fretless bass",
    "Slap bass 1", "Slap bass 2", "Synth bass 1", "Synth bass 2",
    "Violin", "Viola", "Cello", "Contrabass",
    "Tremolo strings", "Pizzicato strings", "Harp", "Timpani",
    "String ensemble 1", "String ensemble 2", "Synth strings 1", "Synth strings 2",
    "Choir aahs", "Voice oohs", "Synth voice", "Orchestra hit",
    "Trumpet", "Trombone", "Tuba", "Muted trumpet",
    "French horn", "Brass section", "Synth brass 1", "Synth brass 2",
    "Soprano sax", "Alto sax", "Tenor sax", "Baritone sax",
    "Oboe", "English horn", "Bassoon", "Clarinet",
    "Piccolo", "Flute", "Recorder", "Pan flute",
    "Blown bottle", "Shakuhachi", "Whistle", "Ocarina",
    "Square lead", "Sawtooth lead", "Calliope lead", "Chiff lead",
    "Charang lead", "Voice lead", "Fifths lead", "Bass and lead",
    "New age pad", "Warm pad", "Polysynth pad", "Choir pad",
    "Bowed pad", "Metallic pad", "Halo pad", "Sweep pad",
    "Rain", "Soundtrack", "Crystal", "Atmosphere",
    "Brightness", "Goblins", "Echoes", "Sci-fi",
    "Sitar", "Banjo", "Shamisen", "Koto",
    "Kalimba", "Bagpipe", "Fiddle", "Shanai",
    "Tinkle bell", "Agogo", "Steel drums", "Woodblock",
    "Taiko drum", "Melodic tom", "Synth drum", "Reverse cymbal",
    "Guitar fret noise", "Breath noise", "Seashore", "Bird tweet",
    "Telephone ring", "Helicopter", "Applause", "Gunshot",
)  # fmt: skip
"""Of General MIDI, from 0."""
