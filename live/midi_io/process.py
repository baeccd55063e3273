"""The midi_io process: ports, and what the other processes ask of them.

Threads: that of RtMidi (``listener``: input, thru), the main one (``player``: deadlines), and those
that read what the other processes say, hand notes on to the improviser, tell how things are, and
write the journal. Only the first two matter to the music.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Final

from live.demo import DemoInput
from live.errors import NoMidiError, UserError
from live.journal import JournalWriter, moment
from live.messages import (
    Begin,
    Change,
    Changed,
    Connect,
    ConnectLink,
    Did,
    Failed,
    LinkSaid,
    Lost,
    Marked,
    NewTake,
    NoNewTake,
    Noted,
    Panic,
    Played,
    PlayNote,
    PortList,
    ProgramChange,
    Pulse,
    Ready,
    Said,
    SetLink,
    Stop,
    TakeBegan,
    TurnChanged,
    Yield,
)
from live.midi_io.echo import EchoFilter
from live.midi_io.health import HealthMeter
from live.midi_io.hot_plug import HotPlug
from live.midi_io.ledger import Key, note_off
from live.midi_io.listener import Listener
from live.midi_io.outlet import Outlet
from live.midi_io.player import Player
from live.midi_io.settings import MidiSettings
from live.outbox import Outbox
from live.quiet import keep_quiet
from live.tail import what_stands

REALTIME_PRIORITY: Final = 70
CLOSE_TIMEOUT_S: Final = 2.0


class MidiIo:
    """Input, output and journal of a session, and what the other processes ask of them."""

    def __init__(
        self,
        settings: MidiSettings,
        journal: JournalWriter,
        parent: Outbox | None = None,
        told: int = 0,
    ) -> None:
        """Put the parts together.

        Args:
            settings: of this process.
            journal: where everything is written down.
            parent: None: nobody asks how it goes.
            told: number of messages that the improviser was told by a midi_io before.
        """
        self.journal = journal
        """Of the present take."""
        self._parent = parent
        self._link: Connection | None = None
        self._link_ended = False
        """Whether it ended while it led the beat; a new take's core has yet to hear of it."""
        self._between_takes = False
        """Whether the improviser has yet to hear of the new take: it speaks of the old one."""
        echo = EchoFilter()
        self.outlet = Outlet(echo)
        """Where everything that sounds is sent to."""
        self.player = Player(self.outlet, journal)
        self.player.latency_s = settings.latency_ms / 1000
        self.player.split_at(settings.split)
        self.player.move_left_hand(settings.left_channel)
        self.listener = Listener(settings, self.player, journal, self._report, echo, told)
        self.hot_plug = HotPlug(settings, self.outlet, self.listener, self.player, self._report)
        self.listener.mean_port = self.hot_plug.mean
        self.begin = threading.Event()
        """Set when the whole session is ready."""

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
                if isinstance(message, Connect):
                    connections.append(message.improviser)
                    self.listener.connect(message.improviser)
                elif isinstance(message, ConnectLink):
                    connections.append(message.link)
                    self._link, self._link_ended = message.link, False
                elif isinstance(message, list):  # what the improviser says comes together or not
                    for each in message:
                        self._obey(each)
                elif not isinstance(message, Stop):
                    self._obey(message)
                elif connection is parent:
                    self.player.stop()
                    return
                elif connection is self._link:
                    connections.remove(connection)
                    self._link, self._link_ended = None, True
                    self.listener.end_link()
                else:
                    connections.remove(connection)
                    self.listener.disconnect(connection)
                    self._between_takes = False
                    self.player.end_model_notes()
                    self.journal.write("gone", time.perf_counter())

    def _obey(self, message: object) -> None:
        if isinstance(message, NewTake):
            self._begin_take(message)
        elif isinstance(message, TakeBegan):
            self._between_takes = False
        elif isinstance(message, PlayNote | Did | Noted) and self._between_takes:
            pass
        elif isinstance(message, PlayNote):
            self.player.play(message)
        elif isinstance(message, ProgramChange):
            self.player.change_program(message.channel, message.program)
        elif isinstance(message, Yield):
            self.player.end_model_notes()
        elif isinstance(message, Panic):
            self.player.end_everything()
        elif isinstance(message, Change) and message.name in ("input", "output"):
            self.hot_plug.mean(message.name, message.value)
        elif isinstance(message, Change):
            self.listener.change(message.name, message.value)
        elif isinstance(message, Played):
            self.listener.on_played(message.data)
        elif isinstance(message, Begin):
            self.begin.set()
        elif isinstance(message, Marked):
            self.journal.write("mark", message.time_s, message.text)
        elif isinstance(message, Noted):
            self.journal.write(message.kind, message.time_s, *message.rest)
        elif isinstance(message, Did):
            self.journal.write("do", message.time_s, message.command)
        elif isinstance(message, LinkSaid):
            self.listener.on_link(message)
        elif isinstance(message, SetLink) and self._link is not None:
            with suppress(OSError):  # its end is noticed when it is read from
                self._link.send(message)
        elif isinstance(message, Pulse):
            self.player.lead(message)
        elif isinstance(message, Changed):
            self._take_change(message)
            self._report(message)
        elif isinstance(message, Said | TurnChanged):
            self._report(message)

    def _take_change(self, changed: Changed) -> None:
        """See to settings of the improviser's that have to do with ports as well."""
        if changed.name == "clock":
            self.listener.follow(changed.value)
            self._link_ended = False  # a Link that is wanted again is started again
        elif changed.name == "latency_ms":
            self.player.latency_s = changed.value / 1000
        elif changed.name == "split":
            self.player.split_at(changed.value)
        elif changed.name == "left_channel":
            self.player.move_left_hand(changed.value)
        elif changed.name == "send_clock" and not changed.value:
            self.player.end_clock()

    def _begin_take(self, wanted: NewTake) -> None:
        """Go on in another journal; the old one is closed by a thread that waits for the disk."""
        try:
            journal = JournalWriter(wanted.journal, wanted.header)
        except OSError as error:
            reason = f"cannot record to {wanted.journal}: {error.strerror}; the take goes on"
            self._report(NoNewTake(reason))
            return
        ended, self.journal = self.journal, journal
        self._between_takes = self.listener.write_to(journal, wanted.journal)
        if self._link_ended:
            self.listener.end_link()
        began = TakeBegan(time.perf_counter(), wanted.journal)

        def close() -> None:
            ended.close()
            if ended.lost_lines:
                self._report(Lost(ended.lost_lines))
            self._report(began)

        threading.Thread(target=close, name="close take").start()

    def _report(
        self, message: Changed | TurnChanged | Said | PortList | Lost | TakeBegan | NoNewTake
    ) -> None:
        if isinstance(message, Changed):
            self.journal.write("set", message.time_s, message.name, message.value)
        elif isinstance(message, TurnChanged) and not self._between_takes:
            self.journal.write("turn", message.time_s, message.turn)
        if self._parent is not None:
            self._parent.put(message)


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
    keep_quiet()  # JACK's library prints from threads of its own
    realtime = _ask_for_realtime()
    try:
        standing = what_stands(journal_path)
        goes_on = journal_path.exists() and journal_path.stat().st_size > 0
        journal = JournalWriter(journal_path, journal_header)
    except OSError as error:
        parent.send(Failed(f"cannot record to {journal_path}: {error.strerror}"))
        return
    now_s, told = moment(time.perf_counter()), standing.number
    for key in standing.down("out"):
        journal.write("out", now_s, note_off(key))
    for key in standing.down("in"):
        told += 1  # the improviser hears of it when it reads the journal
        journal.write("in", now_s, note_off(key), told)
    for channel, pedal in standing.pedals("in"):
        told += 1
        journal.write("in", now_s, bytes([0xB0 | channel, pedal, 0]), told)
    to_parent = Outbox(parent)
    midi_io = MidiIo(settings, journal, to_parent, told)
    midi_io.player.may_sound(
        _on_both_hands(settings, standing.down("in")) | standing.down("out") | settings.left_down,
        _on_both_hands(settings, standing.pedals("in"))
        | standing.pedals("out")
        | settings.left_pedals,
    )
    try:
        source, name = _open_ports(settings, midi_io, wait_for_ports=goes_on)
    except UserError as error:
        journal.close()
        to_parent.send_now(
            Failed(str(error), error.missing if isinstance(error, NoMidiError) else None)
        )
        return
    ended = threading.Event()
    _start_thread(midi_io.listener.forward, ended)
    _start_thread(midi_io.listen, parent)
    gc.collect()
    gc.freeze()  # what is here stays: the collector need not look at it again while playing
    to_parent.send_now(Ready(f"{name} -> {midi_io.hot_plug.name('output')}", realtime))
    meter = HealthMeter(name, midi_io.hot_plug.name("output"), realtime)
    midi_io.player.meter = meter
    _start_thread(meter.tell, lambda: midi_io.journal, to_parent, ended)
    watching = _start_thread(midi_io.hot_plug.watch, meter, ended)
    try:
        midi_io.player.run_schedule()
    finally:
        ended.set()
        midi_io.listener.close()
        if source is not None:
            source.close()
        midi_io.player.end_every_note()
        midi_io.player.end_clock()
        midi_io.journal.close()
        if midi_io.journal.lost_lines:
            with suppress(OSError):
                to_parent.send_now(Lost(midi_io.journal.lost_lines))
        watching.join(CLOSE_TIMEOUT_S)
        midi_io.hot_plug.close()  # last: a server that does not answer lets it wait


def _on_both_hands(settings: MidiSettings, keys: set[Key]) -> set[Key]:
    """Return keys or pedals of the keyboard wherever they may have gone to."""
    left = settings.left_channel
    return keys if left is None else keys | {(left, number) for _, number in keys}


def _start_thread(body: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=body, args=arguments, name=body.__name__, daemon=True)
    thread.start()
    return thread


def _open_ports(
    settings: MidiSettings, midi_io: MidiIo, *, wait_for_ports: bool
) -> tuple[DemoInput | None, str]:
    """Open the ports; return the input of a demo, and the input's name."""
    try:
        midi_io.hot_plug.open(wait_for_ports=wait_for_ports)
    except NoMidiError:
        if settings.demo is None:
            raise
    if settings.demo is None:
        return None, midi_io.hot_plug.name("input")
    source = DemoInput(settings.demo, midi_io.listener.on_input, midi_io.begin)
    return source, source.name


def _ask_for_realtime() -> bool:
    """Ask for SCHED_FIFO, which threads started later inherit; go on without where refused."""
    if not hasattr(os, "sched_setscheduler"):
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REALTIME_PRIORITY))
    except OSError:
        return False
    return True
