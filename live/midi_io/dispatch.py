"""The parts of midi_io put together, and what the other processes ask of them."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

from live.journal import JournalWriter
from live.messages import (
    Begin,
    Change,
    Changed,
    Connect,
    ConnectLink,
    Did,
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
    Said,
    SetLink,
    Stop,
    TakeBegan,
    TurnChanged,
    Yield,
)
from live.midi_io.echo import EchoFilter
from live.midi_io.hot_plug import HotPlug
from live.midi_io.listener import Listener
from live.midi_io.outlet import Outlet
from live.midi_io.player import Player
from live.midi_io.settings import MidiSettings
from live.outbox import Outbox


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
        self._unheard_take: Path | None = None
        """Journal of a take that the improviser has yet to hear of: it speaks of one before."""
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
                    self._unheard_take = self.listener.connect(message.improviser, message.journal)
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
                    if self.listener.disconnect(connection):
                        self._unheard_take = None
                    self.player.end_model_notes()
                    self.journal.write("gone", time.perf_counter())

    def _obey(self, message: object) -> None:
        if isinstance(message, NewTake):
            self._begin_take(message)
        elif isinstance(message, TakeBegan):
            if message.journal == self._unheard_take:  # else there is a later one to hear of
                self._unheard_take = None
        elif isinstance(message, PlayNote | Did | Noted) and self._unheard_take is not None:
            pass
        elif isinstance(message, PlayNote):
            self.player.play(message)
        elif isinstance(message, ProgramChange):
            self.player.change_program(message.channel, message.program)
        elif isinstance(message, Yield):
            self.player.end_model_notes()
        elif isinstance(message, Panic):
            self.listener.panic()
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
        self._unheard_take = self.listener.write_to(journal)
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
        elif isinstance(message, TurnChanged) and self._unheard_take is None:
            self.journal.write("turn", message.time_s, message.turn)
        if self._parent is not None:
            self._parent.put(message)
