"""MIDI clock as a state machine: Start, Continue, Stop, Song Position and the clock itself.

By the MIDI 1.0 specification, Start and Continue take effect with the next clock message, a Song
Position counts sixteenths, and there are 24 clock messages a beat, which many devices send while
they are stopped as well.

- Until the first Start or Continue, clock messages lead nobody.
- After it, ticks are counted on for as long as messages come; only where bars begin is moved.
- When no message comes for ``SILENCE_S`` while it runs, it has stopped; when they come again, it
  goes on where it would be, and with Continue where it stopped.
- A Song Position while it runs is believed only on a bar line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from live.core.clock_filter import ClockFilter
from live.events import TICKS_PER_BEAT

SONG_POSITION, CLOCK, START, CONTINUE, STOP = 0xF2, 0xF8, 0xFA, 0xFB, 0xFC
CLOCK_MESSAGES: Final = frozenset({SONG_POSITION, CLOCK, START, CONTINUE, STOP})
TICKS_PER_SIXTEENTH: Final = TICKS_PER_BEAT // 4
SILENCE_S: Final = 0.5
"""The clock has stopped when it was not heard for so long: four ticks at 20 BPM."""
PATIENCE_TICKS: Final = 2 * TICKS_PER_BEAT
"""Clock messages without Start are told of after so many."""

TransportKind = Literal["started", "continued", "stopped"]


@dataclass(frozen=True, slots=True)
class Transport:
    """The clock that is followed began to run, went on, or stopped."""

    time_s: float
    kind: TransportKind


@dataclass(frozen=True, slots=True)
class Place:
    """Where a followed clock is."""

    time_s: float
    tick: int
    """Counted from the first message on, or from wherever its reader likes."""
    seconds_per_tick: float
    first_tick: int
    """The tick of the song's beginning, on which a bar begins."""


class MidiClock:
    """Takes clock messages in order of time. Nothing here knows of the performer's own ticks."""

    def __init__(self, bar_ticks: int) -> None:
        self.bar_ticks = bar_ticks
        self._filter = ClockFilter()
        self._base = 0
        """The tick that the filter's tick 0 is."""
        self._state: Literal["unstarted", "armed", "running", "silent", "stopped"] = "unstarted"
        self._armed: TransportKind = "started"
        self._position = 0
        """Song position of the next clock message, in ticks, while it does not run."""
        self._located = False
        """Whether that place was given by a Song Position."""
        self._first_tick = 0
        self._period_s: float | None = None
        """Between two ticks, before it fell silent."""
        self._heard_s: float | None = None
        self._leading = False
        self._begun = False
        """Whether it was told that the song began or went on, and not yet that it stopped: Start
        may come while it runs."""
        self._unstarted = 0
        self._told = False
        self._greeted = False
        """Whether the user was told that it is followed, since it began to run."""

    @property
    def running(self) -> bool:
        """Whether the song runs."""
        return self._state == "running"

    @property
    def leading(self) -> bool:
        """Whether it has been started, whatever came then."""
        return self._leading

    def silent_at_s(self) -> float | None:
        """Return when it will have stopped if nothing is heard; None: it does not run."""
        if not self._begun or self._heard_s is None:
            return None
        return self._heard_s + SILENCE_S

    def place(self, usual_s: float) -> Place | None:
        """Return where it is; None before a message came.

        Args:
            usual_s: the time between two ticks while nothing is known of it.
        """
        if self._filter.time_s is None:
            return None
        period_s = self._filter.period_s or self._period_s or usual_s
        return Place(self._filter.time_s, self._tick, period_s, self._first_tick)

    def hear(self, time_s: float, data: bytes) -> list[Transport | str]:
        """Take a message; return what follows, lines for the user among it."""
        kind = data[0]
        if kind == CLOCK:
            return self._clock(time_s)
        if kind == START:
            self._state, self._armed, self._position = "armed", "started", 0
        elif kind == CONTINUE:
            if self.running:
                return []
            self._state, self._armed = "armed", "continued"
        elif kind == STOP and self._state not in ("unstarted", "stopped"):
            was_begun = self._begun
            self._halt("stopped")
            return [Transport(time_s, "stopped")] if was_begun else []
        elif kind == SONG_POSITION:
            return self._locate(TICKS_PER_SIXTEENTH * (data[1] | data[2] << 7))
        return []

    def advance(self, now_s: float) -> list[Transport | str]:
        """Notice that nothing comes any more."""
        silent_s = self.silent_at_s()
        if silent_s is None or now_s < silent_s:
            return []
        self._halt("silent")
        return [
            Transport(silent_s, "stopped"),
            "the MIDI clock has fallen silent: the music waits for it",
        ]

    def recall(self, position_ticks: int, *, stopped: bool) -> None:
        """Be one that was started before: the next message, or the one after Continue, is there."""
        self._state, self._armed = "stopped" if stopped else "armed", "continued"
        self._position, self._leading = position_ticks, True

    @property
    def _tick(self) -> int:
        return self._base + self._filter.tick

    def _clock(self, time_s: float) -> list[Transport | str]:
        if self._heard_s is not None and time_s - self._heard_s >= SILENCE_S:
            self._begin_anew(time_s)
        self._heard_s = time_s
        self._filter.hear(time_s)
        if self._state == "unstarted":
            return self._wait_for_start()
        news: list[Transport | str] = []
        if self._state == "armed":
            self._first_tick = self._tick - self._position
            self._told = self._greeted = False
            news.append(Transport(time_s, self._armed))
            if self._located and self._position % self.bar_ticks:
                where = self._spelled(self._position)
                news.append(f"the MIDI clock goes on in the middle of a bar, at {where}")
            self._state, self._located, self._leading = "running", False, True
            self._begun = True
        elif self._state == "silent":
            news += [Transport(time_s, "continued"), "the MIDI clock is back"]
            self._state, self._begun = "running", True
        if self._filter.locked and not self._greeted:
            assert self._filter.period_s is not None
            bpm = 60 / self._filter.period_s / TICKS_PER_BEAT
            news.append(f"following the MIDI clock, {bpm:.0f} BPM")
            self._greeted = True
        return news

    def _halt(self, state: Literal["silent", "stopped"]) -> None:
        """Stop; what falls silent between Start and its first message is still to be begun."""
        self._begun = False
        if self.running:
            self._position = self._tick + 1 - self._first_tick
        if self.running or state == "stopped":
            self._state = state

    def _wait_for_start(self) -> list[Transport | str]:
        self._unstarted += 1
        if self._unstarted != PATIENCE_TICKS:
            return []
        return [
            "MIDI clock comes in, but it was not started: the tempo stays as it is until Start or "
            "Continue comes"
        ]

    def _begin_anew(self, time_s: float) -> None:
        """Go on counting as if the silence had been filled with ticks."""
        since_s, period_s = self._filter.time_s, self._filter.period_s
        passed = 1
        if since_s is not None and period_s is not None:
            passed = max(1, round((time_s - since_s) / period_s))
        self._base = self._tick + passed
        self._period_s = period_s or self._period_s
        self._filter = ClockFilter()

    def _locate(self, position: int) -> list[Transport | str]:
        if not self.running:
            self._position, self._located = position, True
            return []
        if position % self.bar_ticks == 0:
            self._first_tick = self._tick + 1 - position
            return []
        if self._told:
            return []
        self._told = True  # a playhead that is dragged sends many
        where = self._spelled(position)
        return [
            f"a Song Position in the middle of a bar ({where}) came while the clock runs: it is "
            "passed over, the bars stay as they are"
        ]

    def _spelled(self, position: int) -> str:
        bar, inside = divmod(position, self.bar_ticks)
        beat = 1 + inside / TICKS_PER_BEAT
        return f"bar {bar + 1}, beat {beat:.4g}"
