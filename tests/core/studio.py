"""A simulated session with a real journal: what midi_io and the improviser do, without a clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from live.core.performer import Performer
from live.core.settings import PerformerSettings
from live.journal import JournalWriter, moment, read_header
from live.messages import Did, Heard, Noted, PlayNote, TakeBegan, TurnChanged, Yield
from live.tail import notes_for, read_tail
from live.transcript import Transcript, recall
from tests.core.room import FlatNetwork

MODEL = SimpleNamespace(path=Path("flat.onnx"), sha256="0" * 64)


class Studio:
    """Tells a core what is played, when the test says so, and writes down all there is to write.

    Times are in seconds from the beginning of the journal.
    """

    def __init__(
        self,
        path: Path,
        settings: PerformerSettings,
        network: Callable[[], object] = FlatNetwork,
    ) -> None:
        self.path = path
        self.settings = settings
        self._network = network
        self._journal = JournalWriter(path, {"bpm": settings.bpm})
        self.origin_s = read_header(path)["origin_s"]
        self._told = 0
        self._waiting: list[Heard] = []
        self._scheduled: list[tuple[int, PlayNote]] = []
        self._sounding: list[tuple[int, PlayNote]] = []
        self.given: list[PlayNote] = []
        """Every note that the core handed out, in order."""
        self.sent: list[PlayNote] = []
        """Those that began to sound."""
        self._begin(0.0)

    @property
    def core(self) -> Performer:
        return self._transcript.performer

    def _at(self, time_s: float) -> float:
        return moment(self.origin_s + time_s)

    def _begin(self, time_s: float) -> None:
        performer = Performer(self.settings, self._network())
        tail = read_tail(self.path, notes_for(self.settings.seed_window))
        self._transcript = Transcript(performer, MODEL, recall(performer, tail, self.origin_s))
        self._obey([self._transcript.beginning(self._at(time_s))])

    def play(self, time_s: float, data: bytes) -> None:
        """The player does something; the improviser has yet to hear of it."""
        self._told += 1
        self._journal.write("in", self._at(time_s), data, self._told)
        self._waiting.append(Heard(self._at(time_s), data, self._told))

    def turn_to(self, time_s: float, *asked: tuple[str, object]) -> None:
        """The improviser wakes up: hears what waits, does what is asked, and what is due."""
        actions = []
        for heard in self._waiting:
            actions += self._transcript.hear(heard)
        self._waiting.clear()
        now_s = self.origin_s + time_s
        for what, how in asked:
            if what == "change":
                actions += self._transcript.change(now_s, how)
            else:
                actions += self._transcript.command(now_s, how)
        self._obey(actions + self._transcript.advance(now_s))

    def restart(self, died_s: float, began_s: float) -> None:
        """The improviser dies, and a new one reads the journal."""
        self._send_until(self._at(died_s))
        self._journal.write("gone", self._at(died_s))
        self._scheduled.clear()
        self._journal.close()
        self._journal = JournalWriter(self.path, {})
        self.settings = self.core.settings
        self._begin(began_s)

    def close(self, time_s: float) -> None:
        self._send_until(self._at(time_s))
        self._journal.close()

    def _obey(self, actions: list) -> None:
        for action in actions:
            if isinstance(action, PlayNote):
                self.given.append(action)
                self._scheduled.append((len(self.given), action))
            elif isinstance(action, Yield):
                self._send_until(action.time_s)
                self._scheduled.clear()
            elif isinstance(action, Noted):
                self._journal.write(action.kind, action.time_s, *action.rest)
            elif isinstance(action, Did):
                self._journal.write("do", action.time_s, action.command)
            elif isinstance(action, TurnChanged):
                self._journal.write("turn", action.time_s, action.turn)
            assert not isinstance(action, TakeBegan)

    def _send_until(self, time_s: float) -> None:
        for number, note in sorted(self._scheduled, key=lambda item: item[1].onset_s):
            if note.onset_s <= time_s:
                on = bytes([0x90 | note.channel, note.pitch, note.velocity])
                self._journal.write("out", note.onset_s, on, number, note.onset_s)
                self.sent.append(note)
                if note.release_s <= time_s:
                    off = bytes([0x80 | note.channel, note.pitch, 0])
                    self._journal.write("out", note.release_s, off, number, note.release_s)
        self._scheduled = [item for item in self._scheduled if item[1].onset_s > time_s]
