"""The midi_io process: input callback, scheduler and ledger around one lock.

Threads: RtMidi's (input, thru), the main one (deadlines), one that reads what the other processes
say, one that hands the player's notes to the improviser, and the journal's. Only the first two
matter to the music; they share the lock for no longer than it takes to send a message.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any, Final

from live.core.controls import bound
from live.demo import DemoInput
from live.errors import NoMidiError, UserError
from live.journal import JournalWriter
from live.messages import (
    Begin,
    Change,
    Changed,
    Connect,
    Did,
    Failed,
    Heard,
    Lost,
    Marked,
    Panic,
    Played,
    PlayNote,
    Ready,
    Said,
    Stop,
    TurnChanged,
    Yield,
)
from live.midi_io import ports
from live.midi_io.health import HealthMeter
from live.midi_io.ledger import PLAYER, Key, NoteLedger, note_off
from live.midi_io.parser import MidiParser
from live.midi_io.recall import keys_left_down, silence, silence_heard
from live.midi_io.schedule import Due, Schedule
from live.midi_io.settings import MidiSettings
from live.outbox import Outbox

REALTIME_PRIORITY: Final = 70
SETTLE_S: Final = 0.002
SLICE_S: Final = 0.0001
"""The last moments before a deadline are slept in slices: a processor that was woken just now wakes
up sooner than one that has fallen asleep."""
MAX_WAITING: Final = 20_000
"""Messages for an improviser that does not listen; what comes beyond is not told to it."""
FIRST_SYSTEM_MESSAGE: Final = 0xF0
PEDALS: Final = (64, 66)
"""Controllers that let notes sound on after their note-off: sustain and sostenuto."""


class MidiIo:
    """What is done with messages; it owns no port but the output."""

    def __init__(
        self,
        settings: MidiSettings,
        output: ports.OutputPort,
        journal: JournalWriter,
    ) -> None:
        self._settings = settings
        self._output = output
        self._journal = journal
        self._improviser: Connection | None = None
        self._parser = MidiParser()
        self._page_parser = MidiParser()
        self._input = threading.Lock()
        """Messages of the player's come one after the other, whatever way they come."""
        self._ledger = NoteLedger()
        self._pedals_down: set[tuple[int, int]] = set()
        self._schedule = Schedule()
        self._changed = threading.Condition()
        self._stopping = False
        self.begin = threading.Event()
        """Set when the whole session is ready."""
        self.meter: HealthMeter | None = None
        self.parent: Outbox | None = None
        """Where to tell the parent what happens; None: nobody asks."""
        self._to_improviser: Queue[Heard] = Queue(MAX_WAITING)
        self._told_down: set[Key] = set()
        """Keys that the improviser believes to be held."""

    # -- input, on RtMidi's thread --------------------------------------------------------------

    def on_input(self, data: list[int]) -> None:
        """Take bytes from the keyboard: thru first, then the journal, then the improviser."""
        with self._input:
            self._take_input(self._parser.feed(data))

    def on_played(self, data: bytes) -> None:
        """Take bytes that came another way, as if they came from the keyboard."""
        with self._input:
            self._take_input(self._page_parser.feed(list(data)))

    def _take_input(self, messages: Iterable[bytes]) -> None:
        now_s = time.perf_counter()
        for message in messages:
            if message[0] >= FIRST_SYSTEM_MESSAGE:
                continue
            if bound(message, self._settings.controls):
                self._journal.write("control", now_s, message)
            else:
                if self._settings.thru:
                    with self._changed:
                        self._send_thru(message)
                self._journal.write("in", now_s, message)
            wanted = self._settings.input_channel
            if wanted is None or message[0] & 0x0F == wanted:
                self._tell_improviser(now_s, message)

    def _tell_improviser(self, now_s: float, message: bytes) -> None:
        kind, key = message[0] & 0xF0, (message[0] & 0x0F, message[1])
        if kind == 0x90 and message[2] > 0:
            self._told_down.add(key)
        elif kind in (0x80, 0x90):
            self._told_down.discard(key)
        with suppress(Full):  # if it hangs, thru and the recording go on
            self._to_improviser.put_nowait(Heard(now_s, message))

    # -- settings -------------------------------------------------------------------------------

    def change(self, name: str, value: Any) -> None:
        """Let one of ``MidiSettings`` have another value; keys that are held are let go of."""
        with self._input:
            if getattr(self._settings, name) == value:
                return
            now_s = time.perf_counter()
            self._settings = replace(self._settings, **{name: value})
            if name == "thru" and not value:
                self._end_thru()
            elif name == "input_channel":
                deaf = [channel for channel in range(16) if value not in (None, channel)]
                for message in silence_heard(self._told_down, deaf):
                    self._tell_improviser(now_s, message)
        self._report(Changed(now_s, name, value))

    def _end_thru(self) -> None:
        """End what the player's keys and pedals sound: their ends will not be heard of."""
        with self._changed:
            for key in sorted(self._ledger.sounding):
                for message in self._ledger.release(PLAYER, key):
                    self._output.send(message)
            self._release_pedals()

    def _report(self, message: Changed | TurnChanged | Said) -> None:
        if isinstance(message, Changed):
            self._journal.write("set", message.time_s, message.name, message.value)
        if self.parent is not None:
            self.parent.put(message)

    def _send_thru(self, message: bytes) -> None:
        kind, key = message[0] & 0xF0, (message[0] & 0x0F, message[1])
        if kind == 0x90 and message[2] > 0:
            if key in self._ledger.model_notes:  # it ends here: the player takes its key over
                self._journal_end(key, self._ledger.model_notes[key])
            messages = self._ledger.strike(PLAYER, key, message[2])
        elif kind in (0x80, 0x90):
            messages = self._ledger.release(PLAYER, key)
        else:
            messages = [message]
            if kind == 0xB0 and message[1] in PEDALS:
                change = self._pedals_down.add if message[2] >= 64 else self._pedals_down.discard
                change(key)
        for each in messages:
            self._output.send(each)

    # -- the model's notes ----------------------------------------------------------------------

    def play(self, note: PlayNote) -> None:
        """Schedule a note."""
        with self._changed:
            self._schedule.add(note)
            self._changed.notify()

    def end_model_notes(self) -> None:
        """Forget what is scheduled and end what sounds of the model's."""
        with self._changed:
            self._schedule.clear()
            ended = self._ledger.model_notes
            for message in self._ledger.release_model():
                self._output.send(message)
            for key, number in ended.items():
                self._journal_end(key, number)

    def run_schedule(self) -> None:
        """Send the model's notes at their deadlines until ``stop``."""
        with self._changed:
            while not self._stopping:
                for due in self._schedule.due(time.perf_counter()):
                    self._send_due(due)
                deadline_s = self._schedule.next_deadline_s()
                left_s = None if deadline_s is None else deadline_s - time.perf_counter()
                if left_s is None:
                    self._changed.wait()
                elif left_s > SETTLE_S:
                    self._changed.wait(left_s - SETTLE_S)
                elif left_s > 0:
                    self._changed.wait(min(left_s, SLICE_S))

    def end_every_note(self) -> None:
        """End the model's notes and the player's; call it when no input can follow."""
        self.end_model_notes()
        with self._changed:
            for message in self._ledger.release_everything():
                self._output.send(message)
            self._release_pedals()

    def _release_pedals(self) -> None:
        for channel, pedal in sorted(self._pedals_down):
            self._output.send(bytes([0xB0 | channel, pedal, 0]))
        self._pedals_down.clear()

    def end_everything(self) -> None:
        """End every note, also those that nobody here knows of."""
        self.end_every_note()
        with self._changed:
            for message in silence({(channel, 0) for channel in range(16)}):
                self._output.send(message)

    def stop(self) -> None:
        """End ``run_schedule``."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def _send_due(self, due: Due) -> None:
        key = (due.note.channel, due.note.pitch)
        if not due.is_onset:
            held = self._ledger.model_notes.get(key) == due.number
            for message in self._ledger.release(due.number, key):
                self._output.send(message)
            if held:
                self._journal_end(key, due.number, due.deadline_s)
            return
        if self.meter is not None:
            self.meter.sent(time.perf_counter() - due.deadline_s)
        for message in self._ledger.strike(due.number, key, due.note.velocity):
            self._output.send(message)
            self._journal.write("out", time.perf_counter(), message, due.number, due.deadline_s)

    def _journal_end(self, key: Key, *rest: int | float) -> None:
        """Note that a note of the model's is over, also where the player still holds its key."""
        self._journal.write("out", time.perf_counter(), note_off(key), *rest)

    # -- the other processes --------------------------------------------------------------------

    def forward(self) -> None:
        """Hand the player's messages to the improviser; a thread's body.

        While there is none they are dropped: the next one reads them from the journal.
        """
        while not self._stopping:
            with suppress(Empty, OSError):
                heard = self._to_improviser.get(timeout=0.5)
                if self._improviser is not None:
                    self._improviser.send(heard)

    def listen(self, parent: Connection) -> None:
        """Read what improviser and parent say until the parent ends the session; a thread's body.

        Without the parent the session ends. Without the improviser thru goes on.
        """
        connections = [parent]
        while True:
            for connection in wait(connections):
                assert isinstance(connection, Connection)
                try:
                    message = connection.recv()
                except (EOFError, OSError):
                    message = Stop()
                if isinstance(message, Stop):
                    if connection is parent:
                        self.stop()
                        return
                    if self._improviser is connection:  # and not its successor already
                        self._improviser = None
                    connections.remove(connection)
                    self.end_model_notes()
                elif isinstance(message, Begin):
                    self.begin.set()
                elif isinstance(message, Connect):
                    self._improviser = message.improviser
                    connections.append(message.improviser)
                elif isinstance(message, PlayNote):
                    self.play(message)
                elif isinstance(message, Yield):
                    self.end_model_notes()
                elif isinstance(message, Panic):
                    self.end_everything()
                elif isinstance(message, Marked):
                    self._journal.write("mark", message.time_s, message.text)
                elif isinstance(message, Change):
                    self.change(message.name, message.value)
                elif isinstance(message, Played):
                    self.on_played(message.data)
                elif isinstance(message, Did):
                    self._journal.write("do", message.time_s, message.command)
                elif isinstance(message, Changed | Said):
                    self._report(message)
                elif isinstance(message, TurnChanged):
                    self._journal.write("turn", message.time_s, message.turn)
                    self._report(message)


def run(
    settings: MidiSettings,
    journal_path: Path,
    journal_header: dict[str, Any],
    parent: Connection,
) -> None:
    """Be the midi_io process: open the ports, say Ready, play until told to stop.

    A journal that holds something already is that of a midi_io that died: what it left sounding is
    ended first.
    """
    sys.setswitchinterval(0.0005)  # a thread with a deadline must not wait for another's slice
    realtime = _ask_for_realtime()
    try:
        output = _open_output(settings)
    except UserError as error:
        parent.send(_failure(error))
        return
    try:
        left_down = keys_left_down(journal_path)
        journal = JournalWriter(journal_path, journal_header)
    except OSError as error:
        output.close()
        parent.send(Failed(f"cannot record to {journal_path}: {error.strerror}"))
        return
    for message in silence(left_down["in"] | left_down["out"]):
        output.send(message)
    for kind, keys in left_down.items():
        for key in keys:
            journal.write(kind, time.perf_counter(), note_off(key))
    midi_io = MidiIo(settings, output, journal)
    midi_io.parent = Outbox(parent)
    try:
        source = _open_input(settings, midi_io)
    except UserError as error:
        output.close()
        journal.close()
        parent.send(_failure(error))
        return
    threading.Thread(target=midi_io.forward, name="forward", daemon=True).start()
    threading.Thread(target=midi_io.listen, args=(parent,), name="listen", daemon=True).start()
    gc.collect()
    gc.freeze()  # what is here stays: the collector need not look at it again while playing
    midi_io.parent.send_now(Ready(f"{source.name} -> {output.name}", realtime))
    midi_io.meter = HealthMeter(source.name, output.name, realtime)
    ended = threading.Event()
    threading.Thread(
        target=midi_io.meter.tell, args=(journal, midi_io.parent, ended), name="health", daemon=True
    ).start()
    try:
        midi_io.run_schedule()
    finally:
        ended.set()
        source.close()
        midi_io.end_every_note()
        output.close()
        journal.close()
        if journal.lost_lines:
            with suppress(OSError):
                midi_io.parent.send_now(Lost(journal.lost_lines))


def _open_output(settings: MidiSettings) -> ports.OutputPort:
    try:
        return ports.open_output(ports.find_api(settings.api), settings.output)
    except NoMidiError:
        if settings.demo is None:
            raise
        return ports.SilentOutput()


def _open_input(settings: MidiSettings, midi_io: MidiIo) -> ports.InputPort:
    if settings.demo is not None:
        return DemoInput(settings.demo, midi_io.on_input, midi_io.begin)
    return ports.open_input(ports.find_api(settings.api), settings.input, midi_io.on_input)


def _failure(error: UserError) -> Failed:
    return Failed(str(error), isinstance(error, NoMidiError))


def _ask_for_realtime() -> bool:
    """Ask for SCHED_FIFO, which threads started later inherit; go on without where refused."""
    if not hasattr(os, "sched_setscheduler"):
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REALTIME_PRIORITY))
    except OSError:
        return False
    return True
