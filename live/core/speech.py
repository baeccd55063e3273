"""What the model says in one go: a run of notes, from a first beat on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from live.core.guard import Repetition
from live.core.score import Entry


@dataclass(eq=False, slots=True)
class Planned:
    """A note of the model's: its place in the score, and whether it was handed out."""

    entry: Entry
    onset_tick: int
    end_tick: int
    committed: bool = False


@dataclass(eq=False, slots=True)
class Speech:
    """What the model says in one go."""

    start_tick: int
    end_tick: int | None
    """No note begins from here on; None: it goes on until it is stopped."""
    may_end_tick: int | None
    """From here on the network may end it; None: never."""
    number: int
    notes: list[Planned] = field(default_factory=list)
    """In order of onset; those that have ended are let go."""
    entries: list[Entry] = field(default_factory=list)
    """All its notes in the score, while it is short enough to be taken back."""
    count: int = 0
    """Number of notes planned and not dropped, those let go included."""
    revision: int = 0
    """How often the plan was made anew."""
    drawn: int = 0
    """Notes drawn since then."""
    earliest_tick: int | None = None
    """No new note may stand before this; None: no bound."""
    last_tick: int = 0
    """Where the latest end of a note stands."""
    last_release_s: float = -math.inf
    """When the latest end of a note that was handed out is due, whatever the tempo became."""
    begins: bool = True
    """Whether the next note has to stand on its start."""
    complete: bool = False
    repetition: Repetition = field(default_factory=Repetition)
    """Of its notes."""
    looping: bool = False
    """Whether it repeated itself beyond what the player does when the latest note was drawn."""
    announced: bool = False
    """Whether it was told that the model has the word."""

    @property
    def waiting(self) -> list[Planned]:
        """Return the notes that are planned and were not handed out."""
        return [note for note in self.notes if not note.committed]


@dataclass(eq=False, slots=True)
class Given:
    """A note as it was handed out: it sounds so, whatever becomes of the tempo."""

    onset_tick: int
    onset_s: float
    release_s: float
