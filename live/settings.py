"""``config.toml``: every setting of the performer, checked, with flags laid over it."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from live import link_peer
from live.config_file import PROJECT, find_config, read_config
from live.control_settings import Controls, Models, read_controls
from live.core.controls import Control
from live.core.orchestra import parse_channels
from live.core.settings import (
    Answer,
    ClockSource,
    Handover,
    Mode,
    PerformerSettings,
    PhraseEnd,
)
from live.demo import demo_messages
from live.errors import UserError
from live.live_settings import Live, LiveSettings
from live.midi_io.settings import MidiSettings
from live.note_settings import Bounds, Dynamics, Instruments, Steering
from live.osc.settings import OscSettings
from live.page.settings import LOOPBACK, PageSettings
from live.section import Channel, Section
from live.session_settings import SessionSettings

TRAINING: Final = "training"
"""Section of the same file that the performer passes over: the school reads it."""


Name = Annotated[str, Field(min_length=1, max_length=200)]
PathName = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]


class Midi(Section):
    """Ports and channels."""

    input: Annotated[Name, Live("the port that is listened to", owner="midi_io")] = "auto"
    output: Annotated[Name, Live("the port that is played to", owner="midi_io")] = "auto"
    api: Literal["auto", "alsa", "jack", "coremidi", "winmm"] = "auto"
    input_channel: Annotated[
        int,
        Field(ge=0, le=16),
        Live("channel to listen to; 0: all", owner="midi_io", spelling="channel or all"),
    ] = 0
    output_channel: Annotated[Channel, Live("channel of the model's notes", spelling="channel")] = 1
    thru: Annotated[bool, Live("whether what you play goes to the output too", owner="midi_io")] = (
        True
    )


class Time(Section):
    """Tempo and bars."""

    bpm: Annotated[
        float, Field(ge=20, le=400), Live("tempo", "beats per minute", knob=(40, 240), log=True)
    ] = 120.0
    beats_per_bar: Annotated[int, Field(ge=1, le=16), Live("length of a bar", "beats")] = 4
    clock: Annotated[ClockSource, Live("who leads the beat")] = "internal"
    send_clock: Annotated[bool, Live("whether MIDI clock is sent to the output")] = False
    latency_ms: Annotated[
        float,
        Field(ge=-500, le=500),
        Live("how much later everything is sent; below 0: earlier", "milliseconds"),
    ] = 0.0


class Turns(Section):
    """Who plays when."""

    mode: Annotated[Mode, Live("who plays when")] = "call"
    phrase_end: Annotated[PhraseEnd, Live("what ends a phrase of yours")] = "silence"
    silence_beats: Annotated[
        float,
        Field(ge=0.1, le=64),
        Live("silence that ends a phrase", "beats", knob=(0.25, 8), log=True),
    ] = 1.0
    answer: Annotated[Answer, Live("how long an answer is, in mode call")] = "phrase"
    answer_bars: Annotated[
        int, Field(ge=1, le=64), Live('length of an answer, where answer is "bars"', "bars")
    ] = 4
    handover: Annotated[Handover, Live("what the model's turn begins on")] = "beat"
    horizon_ms: Annotated[
        float,
        Field(ge=5, le=1000),
        Live("how far ahead notes are settled", "milliseconds", log=True),
    ] = 100.0


class Sampling(Section):
    """The model, and how notes are drawn from it."""

    model: Annotated[PathName, Live("file of the model that plays", spelling="model")] = (
        "exported_models/default.onnx"
    )
    seed_window: Annotated[int, Field(ge=1, le=1024)] = 128
    temperature: Annotated[
        float,
        Field(ge=0, le=5),
        Live("1: as learned; lower: safer; higher: wilder", knob=(0.25, 2), log=True),
    ] = 1.0
    min_p: Annotated[
        float, Field(ge=0, le=1), Live("least probability of a choice, relative to the likeliest")
    ] = 0.02
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    loop_guard: Annotated[
        bool, Live("whether it draws hotter where it repeats itself more than you do")
    ] = True


class Recording(Section):
    """Where sessions go."""

    folder: PathName = "sessions"


class Page(Section):
    """The page in the browser."""

    show: bool = True
    open: bool = False
    host: Annotated[str, Field(min_length=1, max_length=253)] = LOOPBACK
    port: Annotated[int, Field(ge=0, le=65_000)] = 8600
    token: Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9_-]*$")] = ""


class Settings(Section):
    """The whole file."""

    midi: Midi = Midi()
    time: Time = Time()
    turns: Turns = Turns()
    sampling: Sampling = Sampling()
    bounds: Bounds = Bounds()
    steering: Steering = Steering()
    dynamics: Dynamics = Dynamics()
    instruments: Instruments = Instruments()
    controls: Controls = Controls()
    models: Models = Field(default_factory=dict)
    recording: Recording = Recording()
    page: Page = Page()
    osc: OscSettings = OscSettings()


LIVE: Final = LiveSettings.of(Settings)
"""The settings that may be changed while playing."""


def load(config: Path | None, flags: dict[str, dict[str, Any]]) -> SessionSettings:
    """Read the settings and lay flags over them.

    Args:
        config: the file; None: ``config.toml`` of the working folder, else of the project, else
            the defaults.
        flags: by section and setting; a value of None is no flag.

    Returns:
        The session's settings. Paths in the file are relative to it, paths in flags to the working
        folder. A seed of 0 is replaced by a fresh one.

    Raises:
        UserError: the file cannot be read, or a setting is unknown, of a wrong type or range.
    """
    path = config or find_config()
    raw = read_config(path) if path is not None else {}
    raw.pop(TRAINING, None)
    base = path.resolve().parent if path is not None else PROJECT
    for section, values in flags.items():
        given = {key: value for key, value in values.items() if value is not None}
        table = raw.setdefault(section, {})
        if isinstance(table, dict):
            table.update(given)
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        raise UserError(_explain(error, path, flags)) from error

    def located(value: str, flag: Any, base: Path = base) -> Path:
        try:
            given = Path(value).expanduser()
        except RuntimeError as error:  # the home of a user that is not here
            raise UserError(f"{value} names the home of an unknown user") from error
        return given if flag is not None else base / given

    try:
        controls = read_controls(
            settings.controls, settings.models, LIVE, lambda name: located(name, None)
        )
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    model = located(
        settings.sampling.model,
        flags.get("sampling", {}).get("model"),
        # A file that names none gets the one that comes with the project.
        base if "model" in settings.sampling.model_fields_set else PROJECT,
    )
    performer = _performer_settings(settings, controls, model)
    conflict = performer.conflict()
    if conflict is not None:
        raise UserError(conflict)
    no_link = link_peer.missing() if settings.time.clock == "link" else None
    if no_link is not None:
        raise UserError(no_link)
    return SessionSettings(
        midi=_midi_settings(settings, controls),
        performer=performer,
        folder=located(settings.recording.folder, flags.get("recording", {}).get("folder")),
        page=PageSettings(**settings.page.model_dump()),
        osc=settings.osc,
    )


def with_demo(midi: MidiSettings, bpm: float) -> MidiSettings:
    """Return the settings with the built-in phrase in the place of an input port."""
    return replace(midi, input_channel=None, thru=True, controls=(), demo=demo_messages(bpm))


def without_midi(midi: MidiSettings) -> MidiSettings:
    """Return the settings without an input port: what is played comes from the page."""
    return replace(midi, input_channel=None, thru=True, controls=(), demo=())


def _midi_settings(settings: Settings, controls: tuple[Control, ...]) -> MidiSettings:
    m = settings.midi
    return MidiSettings(
        input=m.input,
        output=m.output,
        api=m.api,
        input_channel=m.input_channel - 1 if m.input_channel else None,
        thru=m.thru,
        controls=controls,
        demo=None,
    )


def _performer_settings(
    settings: Settings, controls: tuple[Control, ...], model: Path
) -> PerformerSettings:
    s = settings
    return PerformerSettings(
        bpm=s.time.bpm,
        beats_per_bar=s.time.beats_per_bar,
        clock=s.time.clock,
        send_clock=s.time.send_clock,
        latency_ms=s.time.latency_ms,
        mode=s.turns.mode,
        handover=s.turns.handover,
        phrase_end=s.turns.phrase_end,
        silence_beats=s.turns.silence_beats,
        answer=s.turns.answer,
        answer_bars=s.turns.answer_bars,
        horizon_ms=s.turns.horizon_ms,
        seed_window=s.sampling.seed_window,
        temperature=s.sampling.temperature,
        min_p=s.sampling.min_p,
        loop_guard=s.sampling.loop_guard,
        **s.bounds.model_dump(),
        **s.steering.model_dump(),
        **s.dynamics.model_dump(),
        instrument=s.instruments.player,
        left_instrument=s.instruments.left,
        split=s.instruments.split,
        left_channel=s.instruments.left_channel - 1 if s.instruments.left_channel else None,
        pedal_out=s.instruments.pedal_out,
        ensemble=s.instruments.ensemble,
        program_changes=s.instruments.program_changes,
        channels=parse_channels(s.instruments.channels),
        player_channel=s.midi.input_channel - 1 if s.midi.input_channel else None,
        output_channel=s.midi.output_channel - 1,
        controls=controls,
        model=str(model),
        seed=s.sampling.seed or 1 + secrets.randbelow(2**31 - 1),
    )


def _explain(error: ValidationError, path: Path | None, flags: dict[str, dict[str, Any]]) -> str:
    """Return one line that names the first wrong setting and what it may be."""
    first = error.errors()[0]
    parts = [str(part) for part in first["loc"] if part != "[key]"]
    name = ".".join(parts)
    if first["type"] == "extra_forbidden":
        known = Settings.model_fields
        if len(parts) == 2 and parts[0] in known:
            section = known[parts[0]].annotation
            assert section is not None
            known = section.model_fields
        return f'{path}: there is no setting "{name}"; there are: {", ".join(known)}'
    flag = len(parts) == 2 and flags.get(parts[0], {}).get(parts[1]) is not None
    where = "a flag gives" if flag else f"{path}:"
    if first["type"] == "model_type":
        return f"{where} {name} = {first['input']!r}; it must be a section: [{name}]"
    must = first["msg"].partition("should ")[2]
    return f"{where} {name} = {first['input']!r}; it must {must}"
