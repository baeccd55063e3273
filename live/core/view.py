"""What somebody who looks on may see of the core: a picture of one moment, made on demand."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from itertools import starmap
from operator import attrgetter
from typing import Any, Final, Literal

from live.core.clock import BeatClock
from live.core.ear import HeardNote
from live.core.settings import PerformerSettings
from live.events import TICKS_PER_BEAT
from live.messages import PlayNote

KEPT_S: Final = 10.0
"""Notes that ended longer ago than this are no longer shown."""
MOST_NOTES: Final = 512
"""Of each of the two, that are kept to be shown."""

Who = Literal["player", "model"]


@dataclass(frozen=True, slots=True)
class NoteView:
    """One note."""

    id: str
    """The same from the moment it is planned until it is forgotten."""
    who: Who
    pitch: int
    onset_s: float
    release_s: float | None
    """None: it is held, nobody knows for how long."""
    velocity: int
    committed: bool
    """Whether it can no longer be taken back by new planning; the player's notes always are."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything that is shown. Two views are equal if nothing but the time has changed."""

    time_s: float = field(compare=False)
    turn: Who
    mode: str
    bpm: float
    clock: str
    """Where the beat comes from."""
    running: bool
    """Whether the clock runs; if not, the music waits."""
    beat_time_s: float
    """A moment, and the beat at it: beat(t) = beat + (t - beat_time_s) * bpm / 60."""
    beat: float
    downbeat: float
    """A beat on which a bar begins."""
    beats_per_bar: int
    settings: PerformerSettings
    """As the core spells them; ``LiveSetting.to_file`` gives the spelling of the file."""
    notes: tuple[NoteView, ...]
    """The latest ``KEPT_S`` seconds of both, and what is planned, in order of onset."""
    counters: tuple[tuple[str, int], ...]
    """What was counted since the start, by name."""
    key: str = ""
    """The key that the player played in lately, as "A minor"; "": it cannot be told."""
    model_ms: float | None = None
    """Median time that the network took for an event lately, milliseconds; None: none yet."""
    model_worst_ms: float | None = None
    """And the longest."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as values, the notes field by field: one by one they leave memory in pieces."""
        notes = tuple(zip(*map(_NOTE_VALUES, self.notes), strict=True))
        return _view_of, (notes, *_VIEW_VALUES(self))


_NOTE_VALUES: Final = attrgetter(*(each.name for each in fields(NoteView)))
_BESIDE_NOTES: Final = tuple(each.name for each in fields(View) if each.name != "notes")
_VIEW_VALUES: Final = attrgetter(*_BESIDE_NOTES)


def _view_of(notes: tuple[tuple[Any, ...], ...], *values: Any) -> View:
    """Return the view of values as ``View.__reduce__`` gives them."""
    beside = dict(zip(_BESIDE_NOTES, values, strict=True))
    return View(notes=tuple(starmap(NoteView, zip(*notes, strict=True))), **beside)


class Recent:
    """The notes that are shown: those of the player as heard, those of the model as handed out."""

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._heard: deque[tuple[int, HeardNote]] = deque(maxlen=MOST_NOTES)
        self._given: deque[NoteView] = deque(maxlen=MOST_NOTES)

    def heard(self, note: HeardNote) -> None:
        """Take a note of the player's as it begins; its end is seen on the object."""
        self._counters["heard"] += 1
        self._heard.append((self._counters["heard"], note))

    def given(self, tick: int, note: PlayNote) -> None:
        """Take a note of the model's as it is handed out, with the tick of its onset."""
        self._counters["played"] += 1
        self._given.append(_as_view(tick, note, committed=True))

    def stopped(self, time_s: float) -> None:
        """The model fell silent: what had not begun is forgotten, what sounded ends."""
        kept = [n for n in self._given if n.onset_s <= time_s]
        self._counters["played"] -= len(self._given) - len(kept)
        self._given = deque(
            (replace(n, release_s=min(n.release_s or time_s, time_s)) for n in kept),
            maxlen=MOST_NOTES,
        )

    def notes(self, now_s: float) -> list[NoteView]:
        """Return those of the latest seconds."""
        since_s = now_s - KEPT_S
        shown = [n for n in self._given if n.release_s is None or n.release_s >= since_s]
        for number, heard in self._heard:
            if heard.release_s is None or heard.release_s >= since_s:
                shown.append(
                    NoteView(
                        f"p{number}",
                        "player",
                        heard.pitch,
                        heard.onset_s,
                        heard.release_s,
                        heard.velocity,
                        committed=True,
                    )
                )
        return shown


def planned_notes(notes: Iterable[tuple[int, PlayNote]]) -> list[NoteView]:
    """Return the notes that the model means to play, given with the ticks of their onsets."""
    return [_as_view(tick, note, committed=False) for tick, note in notes]


def _as_view(tick: int, note: PlayNote, *, committed: bool) -> NoteView:
    return NoteView(
        note_id(tick, note.pitch),
        "model",
        note.pitch,
        note.onset_s,
        note.release_s,
        note.velocity,
        committed,
    )


def note_id(tick: int, pitch: int) -> str:
    """Return the name of a note of the model's, by where it stands."""
    return f"m{tick}.{pitch}"


def make_view(
    now_s: float,
    turn: Who,
    settings: PerformerSettings,
    clock: BeatClock,
    notes: Iterable[NoteView],
    counters: Counter[str],
    key: str,
    running: bool,
) -> View:
    """Put the picture together."""
    anchor_s, anchor_tick = clock.anchor
    return View(
        time_s=now_s,
        turn=turn,
        mode=settings.mode,
        bpm=60.0 / clock.seconds_per_beat,
        clock=clock.source,
        running=running,
        beat_time_s=anchor_s,
        beat=anchor_tick / TICKS_PER_BEAT,
        downbeat=clock.downbeat_tick / TICKS_PER_BEAT,
        beats_per_bar=settings.beats_per_bar,
        settings=settings,
        notes=tuple(sorted(notes, key=lambda note: note.onset_s)),
        counters=tuple(sorted(counters.items())),
        key=key,
    )
