"""What comes in: bytes of the keyboard to messages, and where each of them goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any, Final

from live.core.controls import Controls, Wanted
from live.core.midi_clock import CLOCK_MESSAGES
from live.core.settings import ClockSource
from live.journal import JournalWriter, moment
from live.messages import Changed, Heard, LinkSaid, LinkState, Said, TakeBegan
from live.midi_io.clock_input import ClockInput
from live.midi_io.echo import EchoFilter
from live.midi_io.held import HeldKeys
from live.midi_io.ledger import Key, note_off
from live.midi_io.parser import MidiParser
from live.midi_io.player import Player
from live.midi_io.recall import silence_heard
from live.midi_io.settings import MidiSettings
from live.standing import Run

MAX_WAITING: Final = 20_000
"""Messages for an improviser that does not listen; what comes beyond is not told to it."""
FIRST_SYSTEM_MESSAGE: Final = 0xF0
ENDING_ALL: Final = frozenset({120, *range(123, 128)})
"""Controllers that end all notes of a channel: All Sound Off, All Notes Off and what implies it."""
ECHO_LINE: Final = (
    "what is played comes back at the input (a DAW's monitor, or another performer's thru); "
    "the echo is left out, so that the model does not hear itself"
)


class Listener:
    """Takes the player's messages: thru first, then the journal, then the improviser."""

    def __init__(
        self,
        settings: MidiSettings,
        player: Player,
        journal: JournalWriter,
        report: Callable[[Changed | Said], None],
        echo: EchoFilter,
        told: int = 0,
    ) -> None:
        """``told`` is the number of the latest message that was told before, see ``Heard``."""
        self._settings = settings
        self._player = player
        self._journal = journal
        self._report = report
        self._controls = Controls(settings.controls, "midi_io")
        self._panic = Controls(tuple(c for c in settings.controls if c.target == "panic"))
        self.mean_port: Callable[[str, str], None] = lambda *_: None
        """Lets "input" or "output" mean another port; see ``HotPlug.mean``."""
        self._echo = echo
        self._echo_told = False
        self._closed = False
        self._parser = MidiParser()
        self._page_parser = MidiParser()
        self._lock = threading.Lock()
        """Messages of the player's come one after the other, whatever way they come."""
        self._improviser: Connection | None = None
        self._to_improviser: Queue[Heard | TakeBegan] = Queue(MAX_WAITING)
        self._told = told
        self._clock = ClockInput(settings.clock)
        self._told_down: set[Key] = set()
        """Keys that the improviser believes to be held."""
        self._has_missed = False
        """Whether it was not told of everything."""
        self._held = HeldKeys()
        """Of the keyboard."""
        self._down = HeldKeys()
        """Of all that is played, whatever way it comes."""

    def on_input(self, data: list[int]) -> None:
        """Take bytes from the keyboard, on the input's thread."""
        with self._lock:
            if self._closed:
                return
            for message in self._parser.feed(data):
                if message[0] >= FIRST_SYSTEM_MESSAGE or not self._is_echo(message):
                    self._take([message])

    def let_go(self) -> None:
        """Let go of the keys and pedals of a keyboard that is gone: their ends will not come."""
        with self._lock:
            self._parser = MidiParser()
            self._echo.let_go()
            self._take(self._held.let_go())

    def close(self) -> None:
        """Take nothing more from the keyboard."""
        with self._lock:
            self._closed = True

    def on_played(self, data: bytes) -> None:
        """Take bytes that came another way, as if they came from the keyboard."""
        with self._lock:
            self._take(self._page_parser.feed(list(data)))

    def change(self, name: str, value: Any) -> None:
        """Let one of ``MidiSettings`` have another value; keys that are held are let go of."""
        with self._lock:
            self._change(name, value)

    def write_to(self, journal: JournalWriter) -> Path | None:
        """Write to another journal from now on, and so does the player.

        The journal begins with what is down: it sounds in that take as well, and if this process is
        killed in it, somebody has to know.

        Returns:
            The journal, if the improviser will be told, after all that it has yet to hear of the
            old take; else None.
        """
        with self._lock:
            self._player.write_to(journal)
            self._journal = journal
            for message in self._down.put_down():
                journal.write("in", moment(time.perf_counter()), message)
            self._clock.newcomer()
            return None if self._improviser is None else self._tell_of_take()

    def _tell_of_take(self) -> Path | None:
        began = TakeBegan(moment(time.perf_counter()), self._journal.path, self._told)
        try:
            self._to_improviser.put_nowait(began)
        except Full:
            return None
        return began.journal

    def follow(self, source: ClockSource) -> None:
        """Let another clock lead."""
        with self._lock:
            self._clock.follow(source)

    def resume_clock(
        self, run: Run, position: int, place_in_bar: Callable[[float], int] | None
    ) -> None:
        """Know what the MIDI clock did before this process; see ``ClockInput.go_on``."""
        with self._lock:
            self._clock.go_on(run, position, place_in_bar)

    def on_link(self, said: LinkSaid) -> None:
        """Take what Link says: it is told as of now."""
        with self._lock:
            now_s = moment(time.perf_counter())
            beat = said.state.beat + (now_s - said.time_s) * said.state.bpm / 60
            self._number("link", now_s, replace(said.state, beat=beat))

    def end_link(self) -> None:
        """Link has ended."""
        with self._lock:
            ended = LinkState(0.0, 120.0, playing=False, peers=0, ended=True)
            self._number("link", moment(time.perf_counter()), ended)

    def connect(self, improviser: Connection, journal: Path) -> Path | None:
        """Tell this improviser from now on, whose memory is of that journal.

        Returns:
            The present journal, if it is another one; the improviser will be told.
        """
        with self._lock:
            self._improviser = improviser
            return None if journal == self._journal.path else self._tell_of_take()

    def disconnect(self, improviser: Connection) -> bool:
        """This one is gone; return whether its successor is not here already."""
        gone = self._improviser is improviser
        if gone:
            self._improviser = None
        return gone

    def forward(self, stopping: threading.Event) -> None:
        """Hand the player's messages to the improviser; a thread's body.

        While there is none they are dropped: the next one reads them from the journal.
        """
        while not stopping.is_set():
            with suppress(Empty, OSError):
                heard = self._to_improviser.get(timeout=0.5)
                if self._improviser is not None:
                    self._improviser.send(heard)
            if self._has_missed and self._to_improviser.empty():
                self.hush()

    def _is_echo(self, message: bytes) -> bool:
        """Whether a channel message of the keyboard's is only our own output that comes back."""
        now_s = time.perf_counter()
        if not self._echo.heard(now_s, message):
            self._held.note(message)
            return False
        self._journal.write("echo", now_s, message)
        if self._echo.is_open and not self._echo_told:
            self._echo_told = True
            self._report(Said(now_s, ECHO_LINE))
        return True

    def _change(self, name: str, value: Any) -> None:
        if getattr(self._settings, name) == value:
            return
        now_s = time.perf_counter()
        self._settings = replace(self._settings, **{name: value})
        if name == "thru" and not value:
            self._player.end_thru()
        elif name == "input_channel":
            deaf = [channel for channel in range(16) if value not in (None, channel)]
            for message in silence_heard(self._told_down, deaf):
                self._tell_improviser("hush", moment(now_s), message)
        self._report(Changed(now_s, name, value))

    def _take(self, messages: Iterable[bytes]) -> None:
        now_s = moment(time.perf_counter())
        for message in messages:
            if message[0] >= FIRST_SYSTEM_MESSAGE:
                self._take_clock(now_s, message)
                continue
            if self._controls.consumes(message):  # on whatever channel it is
                self._tell_improviser("control", now_s, message)
                if self._panic.ask(message, lambda _: None) is not None:
                    self._end_everything()
                asked = self._controls.ask(message, lambda name: getattr(self._settings, name))
                if isinstance(asked, Wanted) and asked.name in ("input", "output"):
                    self.mean_port(asked.name, asked.value)
                elif isinstance(asked, Wanted):
                    self._change(asked.name, asked.value)
                continue
            if self._settings.thru:
                self._player.thru(message)
            self._down.note(message)
            wanted = self._settings.input_channel
            if wanted is None or message[0] & 0x0F == wanted:
                self._tell_improviser("in", now_s, message)
                if message[0] & 0xF0 == 0xB0 and message[1] in ENDING_ALL:
                    self._tell_ends(now_s, message[0] & 0x0F)
            else:
                self._journal.write("in", now_s, message)

    def _tell_ends(self, now_s: float, channel: int) -> None:
        """Let a channel's keys be up for the improviser: one message has ended them all."""
        for key in sorted(self._told_down):
            if key[0] == channel:
                self._tell_improviser("hush", now_s, note_off(key))

    def _take_clock(self, now_s: float, message: bytes) -> None:
        if message[0] not in CLOCK_MESSAGES:
            return
        hint = self._clock.hint(message)
        if hint is not None:
            self._report(Said(now_s, hint))
        for told in self._clock.relay(now_s, message):
            self._number("clock", now_s, told)

    def _tell_improviser(self, line: str, now_s: float, message: bytes) -> None:
        kind, key = message[0] & 0xF0, (message[0] & 0x0F, message[1])
        if not self._number(line, now_s, message):
            return
        if kind == 0x90 and message[2] > 0:
            self._told_down.add(key)
        elif kind in (0x80, 0x90):
            self._told_down.discard(key)

    def _number(self, line: str, now_s: float, message: bytes | LinkState) -> bool:
        """Let journal and improviser have the next message, under the same number.

        Returns:
            Whether the improviser will hear of it: thru and the recording go on if it hangs.
        """
        self._told += 1
        self._journal.write(line, now_s, message, self._told)
        try:
            self._to_improviser.put_nowait(Heard(now_s, message, self._told))
        except Full:
            self._journal.write("missed", now_s, self._told)
            self._has_missed = True
            return False
        return True

    def panic(self) -> None:
        """End everything that might sound; to the improviser all keys and pedals are up."""
        with self._lock:
            self._end_everything()

    def hush(self) -> None:
        """Let all keys and pedals be up for an improviser that will not hear of their ends."""
        with self._lock:
            self._hush()

    def _end_everything(self) -> None:
        self._player.end_everything()  # at once: the improviser may hang, or be gone
        self._hush()

    def _hush(self) -> None:
        self._has_missed = False
        now_s = moment(time.perf_counter())
        for message in silence_heard(self._told_down, list(range(16))):
            self._tell_improviser("hush", now_s, message)
