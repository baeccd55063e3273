"""Ableton Link's timeline, seen as a clock: its beats, its tempo, and whether it plays.

Link's beats are shared by all peers up to whole bars ("phase is quantum-aligned"), and its tempo is
everybody's to set. Whether it plays is shared only where peers use it, so that only a change of it
means something.
"""

from __future__ import annotations

from live.core.midi_clock import Place, Transport
from live.events import TICKS_PER_BEAT
from live.messages import LinkState


class LinkClock:
    """Takes what Link says in order of time."""

    def __init__(self) -> None:
        self._state: LinkState | None = None
        self._time_s = 0.0
        """The moment of that state."""
        self._stopped = False

    @property
    def running(self) -> bool:
        """Whether the song runs: it does unless a peer has stopped it."""
        return not self._stopped

    @property
    def state(self) -> LinkState | None:
        """Return what Link said last; None: nothing yet."""
        return self._state

    def place(self, bar_ticks: int, near_tick: float) -> Place | None:
        """Return where it is, in ticks that are whole bars of Link's away from a given one.

        Args:
            bar_ticks: length of a bar, which is Link's quantum.
            near_tick: the performer's own tick at the moment of Link's latest word.
        """
        state = self._state
        if state is None:
            return None
        ticks = state.beat * TICKS_PER_BEAT
        # Link's beat has a fraction; the place is given at the tick before it.
        whole = int(ticks // 1)
        seconds_per_tick = 60 / state.bpm / TICKS_PER_BEAT
        shift = round(near_tick - ticks)
        return Place(
            self._time_s - (ticks - whole) * seconds_per_tick,
            whole + shift,
            seconds_per_tick,
            shift - bar_ticks * (shift // bar_ticks),
        )

    def hear(self, time_s: float, state: LinkState) -> list[Transport | str]:
        """Take what Link says; return what follows, lines for the user among it."""
        before, self._state, self._time_s = self._state, state, time_s
        news: list[Transport | str] = []
        if before is None or before.peers != state.peers:
            peers = {0: "no other peer yet", 1: "1 other peer"}.get(
                state.peers, f"{state.peers} other peers"
            )
            news.append(f"Link, {state.bpm:.1f} BPM, {peers}")
        if before is not None and before.playing and not state.playing:
            self._stopped = True
            news.append(Transport(time_s, "stopped"))
        elif state.playing and self._stopped:
            self._stopped = False
            news.append(Transport(time_s, "started"))
        return news
