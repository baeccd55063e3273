"""One run of the performer as its users see it: started, steered and watched, recorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, get_args

from live.core.controls import Command
from live.core.view import View
from live.errors import UserError
from live.messages import (
    Changed,
    Do,
    Health,
    Lost,
    NewTake,
    NoNewTake,
    Panic,
    Played,
    PortList,
    Said,
    TakeBegan,
    TurnChanged,
)
from live.midi_io.recall import left_sounding
from live.model_files import models_beside
from live.present import PresentSettings
from live.recording import cut_off
from live.session_settings import SessionSettings
from live.settings import LIVE
from live.signals import signals_ignored
from live.supervisor import Supervisor
from live.tail import what_stands
from live.takes import Takes
from live.watching import SettingChanged, Told, Watcher, Watchers


class Session:
    """One run of the performer, from opened ports to a finished recording.

    ``change``, ``do``, ``play``, ``new_take``, ``values``, ``ports`` and ``watch`` may be called
    from any thread while another one is in ``run``; none of them waits for another process.
    """

    def __init__(self, settings: SessionSettings, tell: Callable[[str], None]) -> None:
        """Make ready to ``start``; sessions that were cut off are recorded beside this one.

        Args:
            settings: all of the session's.
            tell: for lines to the user; may be called on any thread.

        Raises:
            UserError: the folder of the recordings cannot be written to.
        """
        self._watchers = Watchers()
        self._tell_user = tell
        self._disk_refuses = False
        journals = cut_off(settings.folder)
        self.present = PresentSettings(_ending(settings, journals), LIVE)
        self._takes = Takes(settings.folder, self.tell)
        self._takes.recover(journals)
        self._children = Supervisor(
            self.present, self._takes, self._watchers, self.tell, self._take
        )

    @property
    def journal(self) -> Path:
        """The journal that is being written."""
        return self._takes.journal

    def start(self) -> None:
        """Start the processes and wait until they are ready.

        Raises:
            UserError: one of them cannot start; nothing is left behind.
        """
        try:
            self._children.start()
        except BaseException:
            with signals_ignored():
                self._children.stop()
                self.journal.unlink(missing_ok=True)
            raise

    def run(self, seconds: float | None, ended: Connection | None = None) -> bool:
        """Keep the session going, see ``Supervisor.watch``."""
        return self._children.watch(seconds, ended)

    def close(self) -> Path:
        """End the processes, every note first, and write the recording; return its path.

        Raises:
            UserError: the MIDI file cannot be written; the journal is kept.
        """
        with signals_ignored():
            self._children.stop()
            return self._takes.end()

    # -- while it runs, from any thread -----------------------------------------------------------

    def change(self, name: str, value: object) -> None:
        """Let a live setting have another value: full or short name, value as in the file or text.

        Raises:
            UserError: there is no such setting, or the value is wrong; everything stays as it was.
        """
        self._children.change(*self.present.change(name, value))

    def do(self, command: str) -> None:
        """Let a command be obeyed: "your_turn", "my_turn", "again", "keep", "panic" or "tap".

        Raises:
            UserError: there is no such command.
        """
        known: tuple[Command, ...] = get_args(Command)
        found = next((each for each in known if each == command), None)
        if found is None:
            raise UserError(f'there is no command "{command}"; there are: {", ".join(known)}')
        midi_io, improviser = self._children.midi_io, self._children.improviser
        if found == "panic" and midi_io is not None:  # the improviser may hang, or be gone
            midi_io.outbox.put(Panic(time.perf_counter()))
        if improviser is not None:
            improviser.outbox.put(Do(found))

    def play(self, data: bytes) -> None:
        """Take MIDI bytes as if they came from the keyboard."""
        child = self._children.midi_io
        if child is not None:
            child.outbox.put(Played(data))

    def new_take(self) -> None:
        """End the recording and begin another; what is held and goes thru sounds on.

        Raises:
            UserError: the folder cannot be written to; the take goes on.
        """
        child = self._children.midi_io
        if child is not None:
            journal = self._takes.prepare()
            if journal is not None:
                child.outbox.put(NewTake(journal, self.present.journal_header()))

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
        """Tell the user a line, and all who watch."""
        self._tell_user(line)
        self._watchers.tell(Told(line))

    # -- what the children say --------------------------------------------------------------------

    def _take(self, message: object) -> None:
        if isinstance(message, TurnChanged):
            if message.turn == "model":
                self.tell("the model plays")
            else:
                self.tell(f"your turn (the model played {message.notes} notes)")
            self._watchers.tell(message)
        elif isinstance(message, View | Health | PortList):
            self._watchers.tell(message)
            if isinstance(message, Health):
                self._mind_the_disk(message)
        elif isinstance(message, Changed):
            setting = self.present.took(message.name, message.value)
            if setting is not None:
                self._watchers.tell(SettingChanged(setting.name, setting.to_file(message.value)))
            if message.name == "clock":
                self._children.follow_clock()
        elif isinstance(message, Lost):
            self._disk_refuses = False  # what was refused waits no more
            self.tell(
                f"the disk did not take {message.lines} lines of the recording; make room on it"
            )
        elif isinstance(message, TakeBegan):
            self._takes.began(message.journal)
        elif isinstance(message, NoNewTake):
            self._takes.give_up()
            self.tell(message.reason)
        elif isinstance(message, Said):
            self.tell(message.line)

    def _mind_the_disk(self, health: Health) -> None:
        """Tell when the disk begins to refuse the recording, and when it takes all of it again."""
        refuses = health.lost_lines > 0
        if refuses and not self._disk_refuses:
            self.tell("the disk does not take the recording, which waits in memory; make room")
        elif self._disk_refuses and not refuses:
            self.tell("the disk has taken the whole recording now")
        self._disk_refuses = refuses


def _ending(settings: SessionSettings, journals: list[Path]) -> SessionSettings:
    """Return settings that name what sessions which were cut off have left sounding.

    midi_io ends that, as it may be that nobody was left to do so.
    """
    left_down: set[tuple[int, int]] = set()
    for journal in journals:
        with suppress(OSError):
            left_down |= left_sounding(what_stands(journal))
    return replace(settings, midi=replace(settings.midi, left_down=frozenset(left_down)))
