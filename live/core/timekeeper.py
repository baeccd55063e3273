"""Who leads the beat: the performer's own pulse, MIDI clock, or Ableton Link.

The rules, all of which live here:

- ``internal``: the tempo is the setting's, and the first note after a bar of silence is a downbeat
  (while clock is sent to others the beat is theirs too: only the very first note is one).
- ``midi`` and ``link``: the clock leads from the moment it runs; until then the pulse is internal.
- When a clock that leads stops, the music stops, and nothing begins before it runs again.
- Link's tempo is everybody's: to change the setting is to change it for all peers. MIDI clock's
  cannot be changed from here; the setting is kept for when the clock is internal again.
- Ticks are never counted back: a clock that leads only moves where they and the bars stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from live.core.clock import BeatClock
from live.core.link_clock import LinkClock
from live.core.midi_clock import MidiClock, Place, Transport
from live.core.settings import Current
from live.core.tap import TapTempo
from live.messages import Changed, LinkState, Pulse, Said, SetLink

SAME_BPM: Final = 0.01
"""Link counts a beat in whole microseconds, which no setting spells."""

TimeNews = Transport | Said | Changed | SetLink
"""What the timekeeper tells the performer; all but ``Transport`` is to be passed on."""


class Timekeeper:
    """Moves the beat clock as the source that was chosen says."""

    def __init__(self, current: Current, clock: BeatClock) -> None:
        self._current = current
        self._clock = clock
        self._tap = TapTempo()
        self._begun = False
        """Whether the internal pulse has had its first downbeat."""
        self._recalling = False
        self._first_tick = 0
        """Where the song began, for those who follow."""
        self._shift: int | None = None
        """From the MIDI clock's ticks to the performer's own; None: it does not lead."""
        self._waits = False
        """Whether a tempo was set while the MIDI clock led: the user was told that it waits."""
        self._midi: MidiClock | None = None
        self._link: LinkClock | None = None
        self._listen()

    # -- what the performer asks ----------------------------------------------------------------

    @property
    def led(self) -> bool:
        """Whether another clock leads."""
        return self._shift is not None or (self._link is not None and self._link.state is not None)

    @property
    def running(self) -> bool:
        """Whether the music may play."""
        if self._link is not None:  # until it is heard, nobody knows where its bars are
            return self._link.state is not None and self._link.running
        return self._midi is None or self._midi.running or not self._midi.leading

    def silent_at_s(self) -> float | None:
        """Return when ``advance`` should be called if nothing is heard; None: no need."""
        return None if self._midi is None else self._midi.silent_at_s()

    def pulse(self) -> Pulse:
        """Return the beat as others may follow it."""
        time_s, tick = self._clock.anchor
        begun = self.led if self._midi is not None or self._link is not None else self._begun
        return Pulse(
            time_s, tick, self._clock.seconds_per_tick, self._first_tick, begun and self.running
        )

    # -- what happens ---------------------------------------------------------------------------

    def start_bar(self, time_s: float) -> None:
        """Something begins anew, the player or a piece: a downbeat, where nobody else leads."""
        if self.led or (self._begun and self._current.now.send_clock):
            return
        if self._recalling:
            self._begun = True
            return
        self._clock.start_bar(time_s)
        self._begun = True
        self._first_tick = self._clock.downbeat_tick

    def hear_midi(self, time_s: float, data: bytes) -> list[TimeNews]:
        """Take a clock message; one that is not followed changes nothing."""
        if self._midi is None:
            return []
        news = self._midi.hear(time_s, data)
        place = self._midi.place(self._clock.seconds_per_tick)
        if self._midi.leading and place is not None:
            self._follow_midi(place)
        return self._told_of(time_s, news)

    def hear_link(self, time_s: float, state: LinkState) -> list[TimeNews]:
        """Take where Link's timeline is at a moment; ignored where Link is not followed."""
        if self._current.now.clock != "link" or (self._link is None and state.ended):
            return []
        if self._link is None:  # it had ended, and is there again
            self._link = LinkClock()
        if state.ended:
            self._link = None
            said = Said(time_s, "Link has ended: the tempo goes on as it was, from here alone")
            return [said, *self._keep_tempo(time_s)]
        news = self._link.hear(time_s, state)
        place = self._link.place(self._clock.bar_length_ticks, self._clock.tick_at(time_s))
        assert place is not None
        self._follow(place)
        return [*self._told_of(time_s, news), *self._keep_tempo(time_s)]

    def advance(self, now_s: float) -> list[TimeNews]:
        """Notice a clock that has fallen silent."""
        return [] if self._midi is None else self._told_of(now_s, self._midi.advance(now_s))

    def tap(self, time_s: float) -> float | None:
        """Take a tap of the tempo; return the tempo, None if there is none yet."""
        return self._tap.tap(time_s)

    def change(self, time_s: float, changed: Mapping[str, Any]) -> list[TimeNews]:
        """Settings have other values; those that have to do with time are seen to."""
        now = self._current.now
        news: list[TimeNews] = []
        if "clock" in changed:
            was_led, waits = self.led, self._waits
            self._listen()
            if waits:
                self._clock.change_tempo(time_s, now.bpm)
            elif was_led and "bpm" not in changed:
                news += self._keep_tempo(time_s)
        if "beats_per_bar" in changed:
            self._clock.change_bars(time_s, now.beats_per_bar)
            if self._midi is not None:
                self._midi.bar_ticks = self._clock.bar_length_ticks
        if self._link is not None and changed.keys() & {"bpm", "beats_per_bar"}:
            news.append(SetLink(time_s, now.bpm, now.beats_per_bar))
        if "bpm" in changed:
            if not self.led:
                self._clock.change_tempo(time_s, now.bpm)
            elif self._midi is not None and not self._waits:
                self._waits = True
                news.append(
                    Said(
                        time_s, "the tempo is the MIDI clock's; yours waits until it leads no more"
                    )
                )
        return news

    # -- what is put back into a new one ---------------------------------------------------------

    def begin_recall(self) -> None:
        """Until ``end_recall``, where the beat was is told by ``recall_beat``."""
        self._recalling = True

    def end_recall(self, time_s: float) -> None:
        """Go on by oneself, at the tempo of the settings where nobody else leads."""
        self._recalling = False
        if not self.led:
            self._clock.change_tempo(time_s, self._current.now.bpm)

    def recall_beat(
        self, time_s: float, tick: float, seconds_per_tick: float, downbeat_tick: int
    ) -> None:
        """Let the beat and the bars be where they were; ticks stay as they are counted here."""
        if self.led:
            return
        shift = round(self._clock.tick_at(time_s) - tick)
        self._first_tick = downbeat_tick + shift
        self._clock.follow(time_s, tick + shift, seconds_per_tick, self._first_tick)
        self._begun = True

    def recall_clock(self, position_ticks: int, *, stopped: bool) -> None:
        """Know that the MIDI clock was started, if it is followed."""
        if self._midi is not None:
            self._midi.recall(position_ticks, stopped=stopped)

    # -- inside ---------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Begin to listen to the source that is chosen now."""
        source = self._current.now.clock
        self._clock.source = source
        self._shift, self._waits = None, False
        self._midi = MidiClock(self._clock.bar_length_ticks) if source == "midi" else None
        self._link = LinkClock() if source == "link" else None

    def _follow_midi(self, place: Place) -> None:
        if self._shift is None:
            self._shift = round(self._clock.tick_at(place.time_s)) - place.tick
        shift = self._shift
        self._follow(replace(place, tick=place.tick + shift, first_tick=place.first_tick + shift))

    def _follow(self, place: Place) -> None:
        self._first_tick = place.first_tick
        self._clock.follow(place.time_s, place.tick, place.seconds_per_tick, place.first_tick)

    def _keep_tempo(self, time_s: float) -> list[TimeNews]:
        """Let the setting say what the tempo is; one that none can be goes on as the nearest."""
        if self._recalling:  # the settings are those of the present
            return []
        bpm = round(min(max(self._clock.bpm, 20.0), 400.0), 2)
        if not self.led and abs(self._clock.bpm - bpm) >= SAME_BPM:
            self._clock.change_tempo(time_s, bpm)
        if abs(bpm - self._current.now.bpm) < SAME_BPM:
            return []
        self._current.now = replace(self._current.now, bpm=bpm)
        return [Changed(time_s, "bpm", bpm)]

    def _told_of(self, time_s: float, news: list[Transport | str]) -> list[TimeNews]:
        return [Said(time_s, each) if isinstance(each, str) else each for each in news]
