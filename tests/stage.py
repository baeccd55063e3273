"""A whole session in one thread, on a simulated clock: midi_io's parts, a core, a synth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from live.core.performer import Performer
from live.core.settings import PerformerSettings
from live.journal import _plain
from live.journal_line import Line, as_line
from live.messages import Change, ModelWanted, Panic, PlayNote, TakeBegan, Yield
from live.midi_io import listener, outlet, player, process
from live.midi_io.settings import MidiSettings
from live.past_take import Take
from live.standing import SUM, Standing
from live.tail import Tail, choose_tail, notes_for
from live.transcript import Transcript, recall
from tests.core.room import FlatNetwork

MODEL = SimpleNamespace(path=Path("flat.onnx"), sha256="0" * 64)
BEGAN_S = 1000.0
SECTION_LINES = 60
"""So few that a tail is not all there was."""


@dataclass
class Synth:
    """Hears everything; a key struck twice, or released while it does not sound, is an error."""

    sounding: set[tuple[int, int]] = field(default_factory=set)
    pedals: set[tuple[int, int]] = field(default_factory=set)
    strikes: int = 0
    unheard: set[tuple[int, int]] = field(default_factory=set)
    """Keys that were struck while it was unplugged, and are held."""
    panicking: bool = False
    """A panic ends notes that nobody knows of as well."""

    def send(self, data: bytes) -> None:
        kind, channel = data[0] & 0xF0, data[0] & 0x0F
        if kind == 0x90 and data[2] > 0:
            assert (channel, data[1]) not in self.sounding, "struck while it sounds"
            self.sounding.add((channel, data[1]))
            self.unheard.discard((channel, data[1]))
            self.strikes += 1
        elif kind in (0x80, 0x90):
            known = (channel, data[1]) in self.sounding | self.unheard
            assert known or self.panicking, "released while it does not sound"
            self.sounding.discard((channel, data[1]))
            self.unheard.discard((channel, data[1]))
        elif kind == 0xB0 and data[1] in (64, 66):
            change = self.pedals.add if data[2] >= 64 else self.pedals.discard
            change((channel, data[1]))

    def close(self) -> None:
        pass


class Journal:
    """A take in memory, in sections as on the disk."""

    lost_lines = 0

    def __init__(self, path: Path, origin_s: float, keep_lines: bool = True) -> None:
        self.path = path
        self.origin_s = origin_s
        self.lines: list[Line] = []
        self.standing = Standing()
        self.given: list[PlayNote] = []
        """Notes that midi_io was given for it."""
        self._keep_lines = keep_lines

    def write(self, kind: str, time_s: float, *rest: object) -> None:
        if self._keep_lines:
            entry = [kind, max(0.0, round(time_s - self.origin_s, 6)), *rest]
            kind, time_s, *rest = json.loads(json.dumps(entry, default=_plain))
            self.lines.append(Line(kind, time_s, tuple(rest)))
            self.standing.take(self.lines[-1])
            if len(self.lines) % SECTION_LINES == 0:
                summed = as_line(json.loads(json.dumps(self.standing.summary(time_s))))
                assert summed is not None
                self.lines.append(summed)

    def tail(self, notes: int) -> Tail:
        return choose_tail(self._sections(), notes)

    def take(self) -> Take:
        return Take({"origin_s": self.origin_s}, tuple(self.lines))

    def close(self) -> None:
        pass

    def _sections(self) -> Iterator[list[Line]]:
        end = len(self.lines)
        for begin in reversed([0, *(i for i, x in enumerate(self.lines) if x.kind == SUM)]):
            yield self.lines[begin:end]
            end = begin


class Stage:
    """Time passes only in ``pass_until``; the improviser hears of things when it wakes up."""

    def __init__(
        self,
        patch: pytest.MonkeyPatch,
        network: Callable[[], object] = FlatNetwork,
        keep_lines: bool = True,
        echo: bool = False,
        **settings: object,
    ) -> None:
        self.now_s = BEGAN_S
        for module in (listener, outlet, player, process):
            patch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: self.now_s))
        self.journal = Journal(Path("0"), BEGAN_S, keep_lines)
        self.synth = Synth()
        self._network = network
        midi = MidiSettings("virtual", "virtual", "auto", None, True, (), None)
        self.midi_io = process.MidiIo(midi, self.journal)
        self.midi_io.outlet.exchange(self.synth)
        if not echo:  # who strikes at random may look like one
            patch.setattr(self.midi_io.listener._echo, "heard", lambda *_: False)
        self.settings = PerformerSettings(**{"model": "flat.onnx", "seed": 3, **settings})
        self.given: list[PlayNote] = []
        self.actions: list[object] = []
        """What the core said when it was last awake."""
        self.transcript: Transcript | None = None
        self.restart()

    @property
    def core(self) -> Performer:
        assert self.transcript is not None
        return self.transcript.performer

    @property
    def lines(self) -> list[Line]:
        return self.journal.lines

    def take(self) -> Take:
        return self.journal.take()

    # -- what happens -----------------------------------------------------------------------------

    def play(self, data: bytes) -> None:
        self.midi_io.listener.on_input(list(data))

    def change_midi(self, name: str, value: object) -> None:
        self.midi_io._obey(Change(name, value))

    def die(self) -> None:
        """The improviser ends by itself."""
        assert self.transcript is not None
        self.settings = self.core.settings
        self.transcript = None
        self.midi_io.player.end_model_notes()
        self.midi_io.journal.write("gone", self.now_s)

    def restart(self) -> None:
        self._begin_core(self.journal)

    def _begin_core(self, journal: Journal) -> None:
        """Let a core begin whose memory is of a journal."""
        performer = Performer(self.settings, self._network())
        tail = journal.tail(notes_for(self.settings.seed_window))
        self.transcript = Transcript(performer, MODEL, recall(performer, tail, journal.origin_s))
        self._obey([self.transcript.beginning(self.now_s)])

    def wake(self, changes: dict[str, object] | None = None, command: str | None = None) -> None:
        """The improviser wakes up: hears what waits, does what is asked, and what is due.

        A panic is midi_io's as well, whether there is an improviser or not.
        """
        if command == "panic":
            self.synth.panicking = True
            self.midi_io._obey(Panic(self.now_s))
            self.synth.panicking = False
        waiting, actions = self.midi_io.listener._to_improviser, []
        while not waiting.empty():
            heard = waiting.get_nowait()
            if self.transcript is None:
                continue
            if isinstance(heard, TakeBegan):
                actions += self.transcript.begin_take(heard)
            else:
                actions += self.transcript.hear(heard)
        if self.transcript is None:
            return
        if changes:
            actions += self.transcript.change(self.now_s, changes)
        if command is not None:
            actions += self.transcript.command(self.now_s, command)
        self._obey(actions + self.transcript.advance(self.now_s))

    def pass_until(self, time_s: float) -> None:
        """Let deadlines come, and let the core wake up when it wants to."""
        awake = 0
        while True:
            deadline_s = self.midi_io.player.send_due()
            sent_s = None if deadline_s is None else deadline_s + self.midi_io.player.latency_s
            wake_s = None if self.transcript is None else self.core.wake_at()
            due_s = min((s for s in (sent_s, wake_s) if s is not None), default=time_s)
            if due_s >= time_s:
                break
            before_s = self.now_s
            self.now_s = max(self.now_s, due_s + 2e-6)  # nobody wakes up before the moment
            if wake_s is not None and wake_s <= self.now_s:
                self.wake()
            awake = awake + 1 if self.now_s - before_s < 1e-5 else 0
            assert awake < 1000, "the core wants to be asked without end"
        self.now_s = max(self.now_s, time_s)
        self.midi_io.player.send_due()

    def end(self) -> None:
        self.midi_io.player.end_every_note()

    def _obey(self, actions: list) -> None:
        self.actions = actions
        for action in actions:
            if isinstance(action, ModelWanted):
                continue
            if isinstance(action, PlayNote):
                self.given.append(action)
            self.midi_io._obey(action)
            if isinstance(action, Yield):
                assert self.midi_io.player._ledger.model_notes == {}
