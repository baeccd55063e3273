"""What goes out: thru, the model's notes at their deadlines, and the ledger between them.

The main thread sleeps to deadlines here while thru is sent by the thread of the input; they share
one lock for no longer than it takes to send a message.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Set
from typing import Final

from live.journal import JournalWriter
from live.messages import PlayNote, Pulse
from live.midi_io.clock_sender import ClockSender
from live.midi_io.health import HealthMeter
from live.midi_io.held import PEDALS
from live.midi_io.ledger import PLAYER, Key, NoteLedger, note_off
from live.midi_io.pedal import SUSTAIN_PEDAL, ModelPedal
from live.midi_io.ports import Sender
from live.midi_io.recall import CHANNELS, silence
from live.midi_io.schedule import Due, Schedule
from live.midi_io.split import Split

SETTLE_S: Final = 0.002
SLICE_S: Final = 0.0001
"""The last moments before a deadline are slept in slices: a processor that was woken just now wakes
up sooner than one that has fallen asleep."""

TOO_LATE_S: Final = 0.25
"""After a standstill, onsets that are later than this would come in a heap: one that would follow
the one before it in less than half the time that was planned between them is left out."""


class Player:
    """Owns the output port: whatever sounds was sent here, and is ended here."""

    def __init__(self, output: Sender, journal: JournalWriter) -> None:
        self._output = output
        self._journal = journal
        self._ledger = NoteLedger()
        self._pedals_down: set[tuple[int, int]] = set()
        self._split = Split(0, None)
        self._pedal = ModelPedal(lambda channel: (channel, SUSTAIN_PEDAL) in self._pedals_down)
        self._schedule = Schedule()
        self._clock = ClockSender()
        self.latency_s = 0.0
        """How much later than its moment everything with a deadline is sent; may be negative."""
        self._latest_onset = (-math.inf, 0.0)
        """When an onset of the model's was sent last, and its deadline."""
        self._changed = threading.Condition()
        self._stopping = False
        self._struck: set[Key] = set()
        """Keys that were ever struck: an output that comes back may sound them still, as the latest
        note-offs may not have reached it."""
        self._pressed: set[tuple[int, int]] = set()
        """And channel and controller of pedals that were ever pressed."""
        self._programs: dict[int, int] = {}
        """By channel: what it was told to sound with last."""
        self.meter: HealthMeter | None = None

    # -- the player's own notes, on the input's thread -------------------------------------------

    def thru(self, message: bytes) -> None:
        """Send a channel message of the player's on, there and then."""
        with self._changed:
            for routed in self._split.route(message):
                self._send_thru(routed)

    def split_at(self, lowest_right: int) -> None:
        """Let the right hand's notes begin at this pitch."""
        with self._changed:
            self._split.lowest_right = lowest_right

    def move_left_hand(self, channel: int | None) -> None:
        """Let the left hand go thru on a channel of its own, or, with None, where it comes from."""
        with self._changed:
            for left, pedal in sorted(self._pedals_down):
                if left == self._split.left_channel != channel:
                    self._send_thru(bytes([0xB0 | left, pedal, 0]))
            self._split.left_channel = channel

    def end_thru(self) -> None:
        """End what the player's keys and pedals sound: their ends will not be heard of."""
        with self._changed:
            for key in sorted(self._ledger.sounding):
                for message in self._ledger.release(PLAYER, key):
                    self._output.send(message)
            self._split.forget()
            self._release_pedals()

    def _send_thru(self, message: bytes) -> None:
        kind, key = message[0] & 0xF0, (message[0] & 0x0F, message[1])
        if kind == 0x90 and message[2] > 0:
            if key in self._ledger.model_notes:  # it ends here: the player takes its key over
                self._journal_end(key, self._ledger.model_notes[key])
            messages = self._ledger.strike(PLAYER, key, message[2])
            self._struck.add(key)
        elif kind in (0x80, 0x90):
            messages = self._ledger.release(PLAYER, key)
        else:
            messages = [message]
            if kind == 0xC0:
                self._programs[message[0] & 0x0F] = message[1]
            if kind == 0xB0 and message[1] in PEDALS:
                if message[2] >= 64:
                    self._pedals_down.add(key)
                    self._pressed.add(key)
                else:
                    self._pedals_down.discard(key)
                if message[2] < 64 and message[1] == SUSTAIN_PEDAL and self._pedal.is_down(key[0]):
                    messages = []
        for each in messages:
            self._output.send(each)

    def change_program(self, channel: int, program: int) -> None:
        """Let a channel sound with another program, there and then."""
        message = bytes([0xC0 | channel, program])
        with self._changed:
            self._programs[channel] = program
            self._output.send(message)
            self._journal.write("out", time.perf_counter(), message)

    # -- the model's notes ----------------------------------------------------------------------

    def play(self, note: PlayNote) -> None:
        """Schedule a note."""
        with self._changed:
            self._schedule.add(note)
            self._changed.notify()

    def end_model_notes(self) -> None:
        """Forget what is scheduled and end what sounds of the model's."""
        with self._changed:
            self._end_model_notes()

    def _end_model_notes(self) -> None:
        self._schedule.clear()
        ended = self._ledger.model_notes
        for message in self._ledger.release_model():
            self._output.send(message)
        for key, number in ended.items():
            self._journal_end(key, number)
        self._send_pedal(self._pedal.release())

    def _send_pedal(self, messages: list[bytes]) -> None:
        for message in messages:
            if message[2] >= 64:
                self._pressed.add((message[0] & 0x0F, message[1]))
            self._output.send(message)
            self._journal.write("out", self._heard_s(), message)

    def write_to(self, journal: JournalWriter) -> None:
        """End the model's notes and write to another journal from now on; thru sounds on."""
        with self._changed:
            self._end_model_notes()
            self._journal = journal

    def run_schedule(self) -> None:
        """Send the model's notes at their deadlines until ``stop``."""
        with self._changed:
            while not self._stopping:
                deadline_s = self.send_due()
                left_s = None if deadline_s is None else deadline_s - self._heard_s()
                if left_s is None:
                    self._changed.wait()
                elif left_s > SETTLE_S:
                    self._changed.wait(left_s - SETTLE_S)
                elif left_s > 0:
                    self._changed.wait(min(left_s, SLICE_S))

    def send_due(self) -> float | None:
        """Send what is due now; return the next deadline, as it is heard, None if there is none."""
        with self._changed:
            now_s = self._heard_s()
            for message in self._clock.due(now_s):
                self._output.send(message)
            for due in self._schedule.due(now_s):
                self._send_due(due)
            deadlines = (self._schedule.next_deadline_s(), self._clock.next_deadline_s())
            return min((s for s in deadlines if s is not None), default=None)

    # -- the clock for others -------------------------------------------------------------------

    def lead(self, pulse: Pulse) -> None:
        """Send MIDI clock with this pulse from now on."""
        with self._changed:
            self._clock.lead(pulse, self._heard_s())
            self._changed.notify()

    def end_clock(self) -> None:
        """Send no MIDI clock any more."""
        with self._changed:
            for message in self._clock.stop():
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
            self._send_pedal(self._pedal.ended(key[0], due.number))
            return
        late_s = self._heard_s() - due.deadline_s
        if self.meter is not None:
            self.meter.sent(late_s)
        sent_s, deadline_s = self._latest_onset
        planned_s = due.deadline_s - deadline_s
        if late_s > TOO_LATE_S and self._heard_s() - sent_s < planned_s / 2:
            return
        self._latest_onset = self._heard_s(), due.deadline_s
        self._struck.add(key)
        if due.note.pedal:
            self._send_pedal(self._pedal.before(key[0]))
        for message in self._ledger.strike(due.number, key, due.note.velocity):
            self._output.send(message)
            self._journal.write("out", self._heard_s(), message, due.number, due.deadline_s)
        if due.note.pedal:
            self._send_pedal(self._pedal.after(key[0], due.number))

    def _journal_end(self, key: Key, *rest: int | float) -> None:
        """Note that a note of the model's is over, also where the player still holds its key."""
        self._journal.write("out", self._heard_s(), note_off(key), *rest)

    def _heard_s(self) -> float:
        """Return the moment at which what is sent now is heard; the journal tells what is heard."""
        return time.perf_counter() - self.latency_s

    # -- an output that goes away and comes back --------------------------------------------------

    def output_lost(self) -> None:
        """End what sounds; what the model is yet to play is played."""
        with self._changed:
            ended = self._ledger.model_notes
            for message in self._ledger.release_everything():
                self._output.send(message)
            self._release_pedals()
            for key, number in ended.items():
                self._journal_end(key, number)
            self._send_pedal(self._pedal.release())

    def may_sound(self, keys: Set[Key]) -> None:
        """Take note of keys that were struck before and may sound still, as may their pedals."""
        with self._changed:
            self._struck |= keys
            self._pressed |= {(channel, pedal) for channel, _ in keys for pedal in PEDALS}

    def output_back(self) -> None:
        """Silence what it may have been left sounding with, and tell it the programs it had.

        What sounds by now is left alone, as another output may be there that has heard it begin.
        """
        with self._changed:
            held = self._ledger.sounding
            channels = {channel for channel, _ in held | self._pedals_down}
            for message in silence(self._struck - held):
                if message[0] & 0xF0 == 0x80 or message[0] & 0x0F not in channels:
                    self._output.send(message)
            for channel, pedal in sorted(self._pressed - self._pedals_down):
                if pedal != SUSTAIN_PEDAL or not self._pedal.is_down(channel):
                    self._output.send(bytes([0xB0 | channel, pedal, 0]))
            for channel, program in sorted(self._programs.items()):
                self._output.send(bytes([0xC0 | channel, program]))

    # -- the end --------------------------------------------------------------------------------

    def end_every_note(self) -> None:
        """End the model's notes and the player's; call it when no input can follow."""
        self.end_model_notes()
        with self._changed:
            for message in self._ledger.release_everything():
                self._output.send(message)
            self._release_pedals()

    def end_everything(self) -> None:
        """End every note, also those that nobody here knows of."""
        self.end_every_note()
        with self._changed:
            for message in silence({(channel, 0) for channel in CHANNELS}):
                self._output.send(message)

    def _release_pedals(self) -> None:
        for channel, pedal in sorted(self._pedals_down):
            self._output.send(bytes([0xB0 | channel, pedal, 0]))
        self._pedals_down.clear()
