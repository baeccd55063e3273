"""Keeps midi_io, the improviser and Link's process going: starts, watches, replaces and ends them.

- The improviser begins when midi_io is there to be connected to, and reads its memory back from the
  journal; a midi_io that takes the place of another first ends what that one left sounding. So when
  midi_io dies, the improviser is ended too, and begins anew when midi_io is back.
- A child that does not answer is killed; its end shows as the end of its pipe, as any other does.
- A child is started again three times a minute at most. After that the session goes on without the
  improviser; without midi_io it is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, Final

from live import processes
from live.child import READY_TIMEOUT_S, Child
from live.heartbeat import ASLEEP_S, BEAT_S
from live.link_child import LinkChild
from live.live_settings import LiveSetting, Owner
from live.messages import Begin, Change, Changed, Connect, Failed, Lost, Ready, TakeBegan
from live.present import PresentSettings
from live.restarts import Restarts
from live.takes import Takes
from live.watching import Restarted, Watchers

STOP_TIMEOUT_S: Final = 5.0


class Supervisor:
    """The children of one session."""

    def __init__(
        self,
        present: PresentSettings,
        takes: Takes,
        watchers: Watchers,
        tell: Callable[[str], None],
        take: Callable[[object], None],
    ) -> None:
        """Make ready to ``start``.

        Args:
            present: what each child begins with.
            takes: knows the journal that is being written.
            watchers: are told of restarts, and know what is plugged in.
            tell: for lines to the user.
            take: is called with what children say, but for what has to do with their beginning.
        """
        self._present = present
        self._takes = takes
        self._watchers = watchers
        self._tell = tell
        self._take = take
        self.midi_io: Child | None = None
        """None: it is not there at the moment; likewise the next."""
        self.improviser: Child | None = None
        self._link = LinkChild()
        self._restarts = {"midi_io": Restarts(), "improviser": Restarts()}

    def start(self) -> None:
        """Start midi_io and improviser and wait until they are ready.

        Raises:
            UserError: one of them cannot start; what was started is to be stopped.
        """
        began_s = time.perf_counter()
        midi_io = self._start_midi_io()
        improviser = self._start_improviser()
        ports = midi_io.wait_until_ready(began_s + READY_TIMEOUT_S, self._take)
        model = improviser.wait_until_ready(began_s + READY_TIMEOUT_S, self._take)
        priority = "real-time priority" if ports.realtime else "no real-time priority"
        took_s = time.perf_counter() - began_s
        self._tell(f"{ports.detail} | {model.detail} | {priority} | ready in {took_s:.1f} s")
        midi_io.outbox.send_now(Begin())
        self.follow_clock()

    def watch(self, seconds: float | None, ended: Connection | None = None) -> bool:
        """Take what the children say, and replace those that die.

        Args:
            seconds: for so long; None: without end.
            ended: a message here ends it.

        Returns:
            True: the time is over, or it was ended; False: midi_io cannot be had back.
        """
        end_s = None if seconds is None else time.perf_counter() + seconds
        while self.midi_io is not None:
            left_s = None if end_s is None else end_s - time.perf_counter()
            if left_s is not None and left_s <= 0:
                return True
            children = [c for c in (self.midi_io, self.improviser) if c is not None]
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
                        self._replace(child)
                        break  # the list of children is another now
                    self._hear(child, message)
                elif now_s - asked_s > BEAT_S + ASLEEP_S:
                    child.heartbeat.pardon(now_s)
                elif child.heartbeat.is_lost(now_s):
                    self._tell(f"the process {child.name} does not answer")
                    child.process.kill()
        return False

    def change(self, setting: LiveSetting, value: Any) -> None:
        """Let the process that holds a setting have a value, which the present ones have already.

        One that is being started anew begins with it.
        """
        child = self.improviser if setting.owner == "improviser" else self.midi_io
        if child is not None:
            child.outbox.put(Change(setting.field, value), key=setting.field)
        else:
            self._tell_changes(setting.owner)

    def follow_clock(self) -> None:
        """Start or end Link's process, as the clock that is to lead now says."""
        if self.midi_io is not None:
            self._link.follow(self._present.now.performer, self.midi_io.outbox)

    def stop(self) -> None:
        """End all children, every note first."""
        self._link.end()
        for child in (self.midi_io, self.improviser):
            if child is not None:
                for message in child.stop(STOP_TIMEOUT_S):
                    if isinstance(message, Lost | TakeBegan):
                        self._take(message)
                child.end()
                if child is self.midi_io and child.process.exitcode != 0:
                    self._silence()
        self.midi_io = self.improviser = None

    # -- beginning ------------------------------------------------------------------------------

    def _start_midi_io(self) -> Child:
        midi = self._present.midi_io()
        if self._watchers.ports is not None:
            midi = replace(midi, plugged=self._watchers.ports.plugged)
        header = self._present.journal_header()
        self.midi_io = Child("midi_io", processes.midi_io, midi, self._takes.journal, header)
        self._tell_changes("midi_io")
        return self.midi_io

    def _start_improviser(self) -> Child:
        assert self.midi_io is not None
        settings, journal = self._present.now.performer, self._takes.journal
        midi_end, improviser_end = Pipe()
        self.improviser = Child(
            "improviser", processes.improviser, settings, journal, improviser_end
        )
        with suppress(OSError):  # if it is gone already, its last words or its end say why
            self.midi_io.outbox.send_now(Connect(midi_end, journal))
        for end in (midi_end, improviser_end):
            end.close()  # the death of a child has to show as the end of its pipes
        self._tell_changes("improviser")
        return self.improviser

    def _tell_changes(self, owner: Owner) -> None:
        """Let midi_io know, and whoever watches, what a process was to change and did not live to.

        Its successor begins with these values, to which they are no change; midi_io heeds some of
        the core's as well.
        """
        midi_io = self.midi_io  # which another thread may replace
        if midi_io is not None:
            for setting, value in self._present.unconfirmed(owner):
                midi_io.outbox.put(Changed(time.perf_counter(), setting.field, value))

    def _hear(self, child: Child, message: object) -> None:
        if isinstance(message, Ready):
            self._rejoin(child, message)
        elif isinstance(message, Failed):
            self._tell(message.reason)
        else:
            self._take(message)

    def _rejoin(self, child: Child, ready: Ready) -> None:
        """Let a child that was started again do its part in the session."""
        self._tell(f"{child.name} is back: {ready.detail}")
        if child is self.midi_io:
            with suppress(OSError):  # gone again: the end of its pipe tells
                child.outbox.send_now(Begin())
            self._link.end()  # it spoke to the one before
            self.follow_clock()
        for setting, value in self._present.held_by(child.name):
            # What was changed while it started; what it has already it passes over.
            child.outbox.put(Change(setting.field, value), key=setting.field)
        if self.improviser is None:
            self._start_improviser()  # only now: the journal says which keys it was left with

    # -- the end of one -------------------------------------------------------------------------

    def _replace(self, child: Child) -> None:
        """Start a child that has ended by itself again, or go on without it."""
        again = self._may_restart(child.name)
        child.end()
        if child is self.midi_io:
            self._replace_midi_io(again)
        else:
            self._replace_improviser(again)

    def _replace_improviser(self, again: bool) -> None:
        self.improviser = None
        if again:
            self._tell("the model's process has ended by itself; starting it again")
            self._start_improviser()
        else:
            self._tell(
                "the model's process has ended by itself too often: your notes still go "
                "through and are recorded; start again to have it back"
            )
            self._tell_changes("improviser")

    def _replace_midi_io(self, again: bool) -> None:
        self.midi_io = None
        if self._watchers.health is not None and self._watchers.health.lost_lines:
            self._take(Lost(self._watchers.health.lost_lines))  # they waited in its memory
        self._takes.give_up()
        if self.improviser is not None:
            self.improviser.end()
            self.improviser = None
        if again:
            self._tell("the MIDI process has ended by itself; starting it again")
            self._start_midi_io()
        else:
            self._tell("the MIDI process has ended by itself too often; closing the session")
            self._silence()

    def _may_restart(self, name: str) -> bool:
        allowed = self._restarts[name].allow(time.perf_counter())
        if allowed:
            self._watchers.tell(Restarted(sum(each.count for each in self._restarts.values())))
        return allowed

    def _silence(self) -> None:
        """Let a last midi_io end what the one that died left sounding: it begins with that."""
        last = self._start_midi_io()
        last.stop(READY_TIMEOUT_S)
        last.end()
        self.midi_io = None
