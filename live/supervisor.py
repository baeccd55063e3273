"""The parent process: starts the others, watches them, and ends the session in good order."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, get_args

from live import processes
from live.core.controls import Command
from live.core.view import View
from live.errors import NoMidiError, UserError
from live.heartbeat import ASLEEP_S, BEAT_S, Heartbeat
from live.link_child import LinkChild
from live.messages import (
    Begin,
    Change,
    Changed,
    Connect,
    Do,
    Failed,
    Health,
    Lost,
    NewTake,
    NoNewTake,
    Played,
    PortList,
    Ready,
    Said,
    Stop,
    TakeBegan,
    TurnChanged,
)
from live.model_files import models_beside
from live.outbox import Outbox
from live.present import PresentSettings
from live.recording import recover
from live.session_settings import SessionSettings
from live.settings import LIVE
from live.signals import signals_ignored
from live.tail import what_stands
from live.takes import Takes
from live.watching import Restarted, SettingChanged, Told, Watcher, Watchers

READY_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 5.0
MOST_RESTARTS: Final = 3
"""In a minute, of one child."""


@dataclass(eq=False)
class _Child:
    """A process, and the parent's end of the pipe to it."""

    process: BaseProcess
    pipe: Connection
    heartbeat: Heartbeat = field(init=False)
    outbox: Outbox = field(init=False)
    """What is sent through the pipe goes here, as threads of the session's users may send."""

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.pipe)
        pid, began_s = self.process.pid or 0, time.perf_counter()
        self.heartbeat = Heartbeat(pid, began_s, READY_TIMEOUT_S)


class Session:
    """One run of the performer, from opened ports to a finished recording.

    A child that dies is started again, three times a minute at most: the improviser with its memory
    read back from the journal, midi_io with an output that it silences first.

    ``change``, ``do``, ``play``, ``new_take``, ``values``, ``ports`` and ``watch`` may be called
    from any thread while another one is in ``run``; none of them waits for another process.
    """

    def __init__(self, settings: SessionSettings, tell: Callable[[str], None]) -> None:
        self.present = PresentSettings(settings, LIVE)
        self._watchers = Watchers()
        self._tell_user = tell
        self._context = multiprocessing.get_context("spawn")
        self._midi_io: _Child | None = None
        self._improviser: _Child | None = None
        self._link = LinkChild(self._start_process)
        self._restarts: dict[str, list[float]] = {"midi_io": [], "improviser": []}
        self._disk_refuses = False
        left_down: set[tuple[int, int]] = set()
        left_pedals: set[tuple[int, int]] = set()
        for path in recover(settings.folder):
            self._tell(f"an earlier session had been cut off; recorded {path}")
            with suppress(OSError):
                standing = what_stands(path.with_suffix(".jsonl"))
                left_down |= standing.down("in") | standing.down("out")
                left_pedals |= standing.pedals("in") | standing.pedals("out")
        self._left_down, self._left_pedals = frozenset(left_down), frozenset(left_pedals)
        """What sessions that were cut off left sounding, if nobody was left to end it."""
        self._takes = Takes(settings.folder, self._tell)

    @property
    def journal(self) -> Path:
        """The journal that is being written."""
        return self._takes.journal

    def start(self) -> None:
        """Start both processes and wait until they are ready.

        Raises:
            UserError: one of them cannot start; nothing is left behind.
        """
        began_s = time.perf_counter()
        try:
            midi_io = self._start_midi_io()
            improviser = self._start_improviser()
            ports = self._wait_until_ready(midi_io, began_s)
            model = self._wait_until_ready(improviser, began_s)
            priority = "real-time priority" if ports.realtime else "no real-time priority"
            took_s = time.perf_counter() - began_s
            self._tell(f"{ports.detail} | {model.detail} | {priority} | ready in {took_s:.1f} s")
            midi_io.outbox.send_now(Begin())
            self._link.follow(self.present.now.performer, midi_io.outbox)
        except BaseException:
            with signals_ignored():
                self._stop_children()
                self.journal.unlink(missing_ok=True)
            raise

    def run(self, seconds: float | None, ended: Connection | None = None) -> bool:
        """Watch the session.

        Args:
            seconds: for so long; None: without end.
            ended: a message here ends it.

        Returns:
            Whether it was ended so, and not by a process that cannot be had back.
        """
        end_s = None if seconds is None else time.perf_counter() + seconds
        while self._midi_io is not None:
            left_s = None if end_s is None else end_s - time.perf_counter()
            if left_s is not None and left_s <= 0:
                return True
            children = [c for c in (self._midi_io, self._improviser) if c is not None]
            asked_s = time.perf_counter()
            ready = wait(
                [*(child.pipe for child in children), *([] if ended is None else [ended])],
                BEAT_S if left_s is None else min(left_s, BEAT_S),
            )
            if ended in ready:
                return True
            now_s = time.perf_counter()
            for child in children:
                if child.pipe in ready:
                    child.heartbeat.heard(now_s)
                    try:
                        message = child.pipe.recv()
                    except (EOFError, OSError):
                        self._take_death(child)
                        break  # the list of children is another now
                    self._take(child, message)
                elif now_s - asked_s > BEAT_S + ASLEEP_S:
                    child.heartbeat.pardon(now_s)
                elif child.heartbeat.is_lost(now_s):
                    self._tell(f"the process {child.process.name} does not answer")
                    child.process.kill()  # its end shows as the end of its pipe
        return False

    def close(self) -> Path:
        """End both processes, every note first, and write the recording; return its path.

        Raises:
            UserError: the MIDI file cannot be written; the journal is kept.
        """
        with signals_ignored():
            self._stop_children()
            return self._takes.end()

    # -- while it runs, from any thread -----------------------------------------------------------

    def change(self, name: str, value: object) -> None:
        """Let a live setting have another value: full or short name, value as in the file or text.

        Raises:
            UserError: there is no such setting, or the value is wrong; everything stays as it was.
        """
        setting, changed = self.present.change(name, value)
        child = self._improviser if setting.owner == "improviser" else self._midi_io
        if child is not None:  # one that is being started anew gets the present settings
            child.outbox.put(Change(setting.field, changed), key=setting.field)

    def do(self, command: str) -> None:
        """Let a command be obeyed: "your_turn", "my_turn", "again", "keep", "panic" or "tap".

        Raises:
            UserError: there is no such command.
        """
        known: tuple[Command, ...] = get_args(Command)
        found = next((each for each in known if each == command), None)
        if found is None:
            raise UserError(f'there is no command "{command}"; there are: {", ".join(known)}')
        child = self._improviser
        if child is not None:
            child.outbox.put(Do(found))

    def play(self, data: bytes) -> None:
        """Take MIDI bytes as if they came from the keyboard."""
        child = self._midi_io
        if child is not None:
            child.outbox.put(Played(data))

    def new_take(self) -> None:
        """End the recording and begin another; what is held and goes thru sounds on.

        Raises:
            UserError: the folder cannot be written to; the take goes on.
        """
        child = self._midi_io
        if child is not None:
            journal = self._takes.prepare()
            if journal is not None:
                child.outbox.put(NewTake(journal, self._journal_header()))

    def values(self) -> dict[str, Any]:
        """Return the live settings that hold now, by full name, as the file spells them."""
        return self.present.values()

    def models(self) -> list[str]:
        """Return the models to choose from, as values of ``sampling.model``."""
        return [str(path) for path in models_beside(self.present.now.model)]

    def ports(self) -> PortList | None:
        """Return which ports there are and what is plugged in; None: nobody has told yet."""
        return self._watchers.ports

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Hand news to a watcher, see ``Watchers.add``; return a function that ends it."""
        return self._watchers.add(watcher)

    def tell(self, line: str) -> None:
        """Tell the user a line, as the session's own are told."""
        self._tell(line)

    def _tell(self, line: str) -> None:
        self._tell_user(line)
        self._watchers.tell(Told(line))

    # -- children -------------------------------------------------------------------------------

    def _start_midi_io(self) -> _Child:
        p = self.present.now.performer
        midi = replace(
            self.present.now.midi,
            clock=p.clock,
            latency_ms=p.latency_ms,
            split=p.split,
            left_channel=p.left_channel,
            left_down=self._left_down,
            left_pedals=self._left_pedals,
        )
        if self._watchers.ports is not None:
            midi = replace(midi, plugged=self._watchers.ports.plugged)
        header = self._journal_header()
        self._midi_io = self._spawn("midi_io", processes.midi_io, midi, self.journal, header)
        return self._midi_io

    def _journal_header(self) -> dict[str, Any]:
        s = self.present.now
        return {
            "started": datetime.now().astimezone().isoformat(timespec="seconds"),
            "bpm": s.performer.bpm,
            "beats_per_bar": s.performer.beats_per_bar,
            "model": s.model.name,
            "performer": asdict(s.performer),
        }

    def _start_improviser(self) -> _Child:
        assert self._midi_io is not None
        s = self.present.now
        midi_end, improviser_end = self._context.Pipe()
        self._improviser = self._spawn(
            "improviser",
            processes.improviser,
            s.performer,
            self.journal,
            improviser_end,
        )
        with suppress(OSError):  # if it is gone already, its last words or its end say why
            self._midi_io.outbox.send_now(Connect(midi_end))
        for end in (midi_end, improviser_end):
            end.close()  # the death of a child has to show as the end of its pipes
        return self._improviser

    def _spawn(self, name: str, body: Callable[..., None], *arguments: object) -> _Child:
        return _Child(*self._start_process(name, body, *arguments))

    def _start_process(
        self, name: str, body: Callable[..., None], *arguments: object
    ) -> tuple[BaseProcess, Connection]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=body, args=(*arguments, theirs), name=name)
        with signals_ignored():  # inherited: the parent alone decides how a session ends
            process.start()
        theirs.close()
        return process, ours

    def _wait_until_ready(self, child: _Child, began_s: float) -> Ready:
        until_s = began_s + READY_TIMEOUT_S
        with suppress(EOFError, OSError):
            while child.pipe.poll(max(0.0, until_s - time.perf_counter())):
                message = child.pipe.recv()
                if isinstance(message, Ready):
                    return message
                if isinstance(message, Failed):
                    if message.missing is not None:
                        raise NoMidiError(message.reason, message.missing)
                    raise UserError(message.reason)
                self._take(child, message)  # of what came in while it started
        raise UserError(f"the process {child.process.name} did not start; try again")

    def _take(self, child: _Child, message: object) -> None:
        if isinstance(message, TurnChanged):
            if message.turn == "model":
                self._tell("the model plays")
            else:
                self._tell(f"your turn (the model played {message.notes} notes)")
            self._watchers.tell(message)
        elif isinstance(message, View | Health | PortList):
            self._watchers.tell(message)
            if isinstance(message, Health):
                self._mind_the_disk(message)
        elif isinstance(message, Changed):
            setting = self.present.took(message.name, message.value)
            if setting is not None:
                self._watchers.tell(SettingChanged(setting.name, setting.to_file(message.value)))
            if message.name == "clock" and self._midi_io is not None:
                self._link.follow(self.present.now.performer, self._midi_io.outbox)
        elif isinstance(message, Lost):
            self._tell(
                f"the disk did not take {message.lines} lines of the recording; make room on it"
            )
        elif isinstance(message, TakeBegan):
            self._takes.began(message.journal)
        elif isinstance(message, NoNewTake):
            self._takes.give_up()
            self._tell(message.reason)
        elif isinstance(message, Said):
            self._tell(message.line)
        elif isinstance(message, Ready):
            self._tell(f"{child.process.name} is back: {message.detail}")
            if child is self._midi_io:
                with suppress(OSError):  # gone again: the end of its pipe tells
                    child.outbox.send_now(Begin())
                self._link.end()  # it spoke to the one before
                self._link.follow(self.present.now.performer, child.outbox)
            for setting, value in self.present.held_by(child.process.name):
                # What was changed while it started; what it has already it passes over.
                child.outbox.put(Change(setting.field, value), key=setting.field)
            if self._improviser is None:
                self._start_improviser()  # only now: the journal says which keys it was left with
        elif isinstance(message, Failed):
            self._tell(message.reason)

    def _mind_the_disk(self, health: Health) -> None:
        """Tell when the disk begins to refuse the recording, and when it takes all of it again."""
        refuses = health.lost_lines > 0
        if refuses and not self._disk_refuses:
            self._tell("the disk does not take the recording, which waits in memory; make room")
        elif self._disk_refuses and not refuses:
            self._tell("the disk has taken the whole recording now")
        self._disk_refuses = refuses

    def _take_death(self, child: _Child) -> None:
        """Start a child that has ended by itself again, or go on without it."""
        name = child.process.name
        again = self._may_restart(name)
        self._end(child)
        if child is self._improviser:
            self._improviser = None
            if again:
                self._tell("the model's process has ended by itself; starting it again")
                self._start_improviser()
            else:
                self._tell(
                    "the model's process has ended by itself too often: your notes still go "
                    "through and are recorded; start again to have it back"
                )
            return
        self._midi_io = None
        self._takes.give_up()
        if self._improviser is not None:
            self._end(self._improviser)
            self._improviser = None
        if again:
            self._tell("the MIDI process has ended by itself; starting it again")
            self._start_midi_io()
        else:
            self._tell("the MIDI process has ended by itself too often; closing the session")
            self._silence()

    def _may_restart(self, name: str) -> bool:
        now_s = time.perf_counter()
        recent = [at_s for at_s in self._restarts[name] if now_s - at_s < 60.0]
        self._restarts[name] = [*recent, now_s]
        if len(recent) >= MOST_RESTARTS:
            return False
        before = self._watchers.restarted
        self._watchers.tell(Restarted(1 if before is None else before.times + 1))
        return True

    def _stop_children(self) -> None:
        self._link.end()
        for child in (self._midi_io, self._improviser):
            if child is not None:
                child.outbox.put(Stop())
                child.process.join(STOP_TIMEOUT_S)
                with suppress(EOFError, OSError):
                    while child.pipe.poll():
                        message = child.pipe.recv()
                        if isinstance(message, Lost | TakeBegan):
                            self._take(child, message)
                self._end(child)
                if child is self._midi_io and child.process.exitcode != 0:
                    self._silence()
        self._midi_io = self._improviser = None

    def _silence(self) -> None:
        """Let a last midi_io end what the one that died left sounding: it begins with that."""
        last = self._start_midi_io()
        last.outbox.put(Stop())
        last.process.join(READY_TIMEOUT_S)
        self._end(last)
        self._midi_io = None

    def _end(self, child: _Child) -> None:
        child.outbox.close()
        child.process.kill()
        child.process.join()
        child.outbox.join()
        child.pipe.close()
