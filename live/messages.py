"""What the performer's processes say to each other.

Times are in seconds of ``time.perf_counter``, which all processes of one machine share. Channels
are counted from 0 here, as on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Literal

from live.core.controls import Command
from live.errors import Missing


@dataclass(frozen=True, slots=True)
class LinkState:
    """Where Ableton Link's shared timeline is at some moment."""

    beat: float
    """A multiple of the bar's beats is a bar line."""
    bpm: float
    playing: bool
    peers: int
    """Other peers than this one."""
    ended: bool = False
    """There is no Link any more; nothing else means anything then."""


@dataclass(frozen=True, slots=True)
class Heard:
    """midi_io to improviser: the player did something."""

    time_s: float
    """A ``journal.moment``."""
    data: bytes | LinkState
    number: int
    """Of the messages that are told, from 1: those of the journal have the same numbers."""


@dataclass(frozen=True, slots=True)
class PlayNote:
    """improviser to midi_io: play this note. It carries its own end, so it cannot hang.

    The times are those at which it should be heard: what is sent to a synth that is slow, or to one
    that has to wait for others, is sent ``latency_ms`` later.
    """

    onset_s: float
    release_s: float
    channel: int
    pitch: int
    velocity: int
    pedal: bool = False
    """Whether it holds the sustain pedal while it sounds."""


@dataclass(frozen=True, slots=True)
class Yield:
    """improviser to midi_io: drop every note not yet sounding, end every one that sounds."""

    time_s: float
    """As those of ``PlayNote``: notes from then on were not sent yet."""


@dataclass(frozen=True, slots=True)
class TurnChanged:
    """improviser to midi_io and parent: who has the word from this moment on."""

    time_s: float
    turn: str
    """"model" or "player"."""
    notes: int
    """How many notes of the model's sounded in the turn that ends."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A child to the parent: it can start; ``detail`` is what it would tell the user."""

    detail: str
    realtime: bool = False
    """Whether the system granted it real-time priority."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A child to the parent: it cannot go on; ``reason`` is one line for the user."""

    reason: str
    missing: Missing | None = None
    """What of MIDI is not here, if that is the reason."""


@dataclass(frozen=True, slots=True)
class Begin:
    """The parent to midi_io: everybody is ready; a demo may begin to play."""


@dataclass(frozen=True, slots=True)
class Lost:
    """midi_io to the parent, at the end of a take: the disk did not take all of the recording.

    Of a midi_io that died the parent says so itself.
    """

    lines: int


@dataclass(frozen=True, slots=True)
class NewTake:
    """The parent to midi_io: close the journal and go on in this one."""

    journal: Path
    header: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TakeBegan:
    """midi_io to improviser and parent: what was heard from this moment on is in a new journal.

    The improviser sends it back: what it says from then on belongs to the new take.
    """

    time_s: float
    journal: Path
    number: int = 0
    """Of the latest message before, for the improviser, whether it was there to hear it or not."""


@dataclass(frozen=True, slots=True)
class NoNewTake:
    """midi_io to the parent: the new journal cannot be written, so the old one goes on."""

    reason: str
    """One line for the user."""


@dataclass(frozen=True, slots=True)
class Connect:
    """The parent to midi_io: the improviser, first or anew, is at the other end of this pipe."""

    improviser: Connection
    journal: Path
    """Of the take whose end is its memory; the parent may not have heard yet of the next one."""


@dataclass(frozen=True, slots=True)
class ConnectLink:
    """The parent to midi_io: Link's process is at the other end of this pipe."""

    link: Connection


@dataclass(frozen=True, slots=True)
class Stop:
    """The parent to a child: end every note, close everything, leave."""


@dataclass(frozen=True, slots=True)
class Marked:
    """improviser to midi_io: the user marks this moment of the recording."""

    time_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Panic:
    """parent to midi_io: end everything that might sound, on every channel."""

    time_s: float


@dataclass(frozen=True, slots=True)
class ProgramChange:
    """improviser to midi_io: let a channel sound with another program from now on."""

    time_s: float
    channel: int
    program: int


@dataclass(frozen=True, slots=True)
class Change:
    """The parent to improviser or midi_io: let a setting have another value, checked already."""

    name: str
    """As in ``PerformerSettings`` or ``MidiSettings``."""
    value: Any


@dataclass(frozen=True, slots=True)
class Changed:
    """A child to the parent (the improviser's through midi_io): a setting has another value."""

    time_s: float
    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class ModelWanted:
    """The core to its shell: the player asks for another model, which has to be loaded first."""

    time_s: float
    model: str


@dataclass(frozen=True, slots=True)
class Do:
    """The parent to improviser: a command of the user's that came another way than by MIDI."""

    command: Command


@dataclass(frozen=True, slots=True)
class Did:
    """improviser to midi_io, for the journal: such a command was taken at this moment."""

    time_s: float
    command: Command


@dataclass(frozen=True, slots=True)
class Noted:
    """improviser to midi_io: a line for the journal, see there."""

    time_s: float
    kind: str
    rest: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """A child to the parent (the improviser's through midi_io): one line for the user."""

    time_s: float
    line: str


@dataclass(frozen=True, slots=True)
class LinkSaid:
    """Link's process to midi_io: where the timeline was at a moment."""

    time_s: float
    state: LinkState


@dataclass(frozen=True, slots=True)
class SetLink:
    """improviser to midi_io, and on to Link's process: tempo and bars that all peers shall have."""

    time_s: float
    bpm: float
    beats_per_bar: int


@dataclass(frozen=True, slots=True)
class Pulse:
    """improviser to midi_io: the beat, for those who follow it."""

    time_s: float
    tick: float
    """At that moment; there are 24 a beat."""
    seconds_per_tick: float
    first_tick: int
    """Where the song began."""
    running: bool
    """Whether the music plays; if not, the beat goes on all the same."""


@dataclass(frozen=True, slots=True)
class Played:
    """The parent to midi_io: bytes to be taken as if they came from the keyboard."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Health:
    """midi_io to the parent, twice a second: how it is."""

    time_s: float
    input: str
    """Names of the ports."""
    output: str
    input_connected: bool
    output_connected: bool
    realtime: bool
    late_notes: int
    """Notes of the model's that were sent later than ``LATE_S``, since the start."""
    worst_late_ms: float
    recorded_s: float
    """Length of the recording so far."""
    lost_lines: int
    """Lines of the recording that the disk did not take."""


@dataclass(frozen=True, slots=True)
class Alive:
    """improviser to the parent, when it has said nothing else for a while."""


@dataclass(frozen=True, slots=True)
class PortList:
    """midi_io to the parent, when something has changed: which ports there are."""

    inputs: tuple[str, ...]
    """Those that can be listened to, as the MIDI system calls them."""
    outputs: tuple[str, ...]
    """Those that can be played to."""
    plugged: tuple[tuple[Literal["input", "output"], str], ...]
    """What our ports are connected to."""


LATE_S: Final = 0.005
"""A note that leaves later than this after its moment is late."""

Action = (
    PlayNote | Yield | TurnChanged | Marked | ProgramChange | Changed | ModelWanted | Said | SetLink
)
"""What the core may ask for."""
