"""A take that begins while processes are busy, die or come back."""

from __future__ import annotations

import threading
import time
from multiprocessing import Pipe

import mido
import pytest

from live.core.performer import Performer
from live.core.settings import PerformerSettings
from live.journal import JournalWriter, read_lines
from live.messages import Connect, NewTake, TakeBegan
from live.midi_io.dispatch import MidiIo
from live.midi_io.settings import MidiSettings
from live.takes import Takes
from live.transcript import Remembered, Transcript
from tests.core.room import FlatNetwork
from tests.core.studio import MODEL
from tests.jack import wait_for

MIDI = MidiSettings("virtual", "virtual", "auto", None, True, (), None)


class Running:
    """midi_io's parts that have to do with takes, and whoever speaks to them."""

    def __init__(self, folder):
        self.folder = folder
        self.midi_io = MidiIo(MIDI, JournalWriter(self.journal(1), {}))
        theirs, self.parent = Pipe()
        ended = threading.Event()
        self.threads = [
            threading.Thread(target=self.midi_io.listen, args=(theirs,), daemon=True),
            threading.Thread(target=self.midi_io.listener.forward, args=(ended,), daemon=True),
        ]
        self.ended = ended
        for thread in self.threads:
            thread.start()

    def journal(self, number):
        return self.folder / f"take{number}.jsonl"

    def begin_take(self, number):
        self.parent.send(NewTake(self.journal(number), {}))
        wait_for(lambda: self.midi_io.journal.path == self.journal(number), "the take")

    def start_improviser(self, number):
        """Start one that reads its memory back from that take."""
        midi_end, improviser_end = Pipe()
        self.parent.send(Connect(midi_end, self.journal(number)))
        core = Transcript(Performer(PerformerSettings(), FlatNetwork()), MODEL, Remembered())
        improviser_end.send([core.beginning(time.perf_counter())])
        return core, improviser_end

    def close(self):
        if self.ended.is_set():
            return
        self.parent.close()
        self.ended.set()
        for thread in self.threads:
            thread.join(10)
        self.midi_io.journal.close()

    def kinds(self, number):
        return [line.kind for line in read_lines(self.journal(number))]


@pytest.fixture
def running(tmp_path):
    one = Running(tmp_path)
    yield one
    one.close()


def hear_of_a_take(improviser):
    assert improviser.poll(10)
    began = improviser.recv()
    assert isinstance(began, TakeBegan)
    return began


def test_take_that_is_over_before_the_model_heard_of_it_has_no_word_in_the_next(running):
    core, improviser = running.start_improviser(1)
    wait_for(lambda: running.kinds(1) == ["core"], "the core")
    running.begin_take(2)
    running.begin_take(3)
    second, third = hear_of_a_take(improviser), hear_of_a_take(improviser)
    improviser.send(core.begin_take(second))
    improviser.send(core.advance(second.time_s + 0.1))
    improviser.send(core.begin_take(third))
    improviser.send(core.advance(third.time_s + 0.1))
    improviser.close()
    wait_for(lambda: "gone" in running.kinds(3), "its end")
    running.close()
    assert running.kinds(1) == ["core", "end"]
    assert "core" not in running.kinds(2)
    assert running.kinds(3) == ["core", "step", "gone", "end"]


def test_improviser_that_came_back_with_the_memory_of_the_take_before_hears_of_the_new_one(running):
    _, improviser = running.start_improviser(1)
    improviser.close()
    wait_for(lambda: "gone" in running.kinds(1), "its end")
    running.begin_take(2)
    running.midi_io.listener.on_input([0x90, 60, 80, 0x80, 60, 0])  # which it does not hear
    core, improviser = running.start_improviser(1)  # the parent had not heard of it yet
    improviser.send(core.begin_take(hear_of_a_take(improviser)))
    improviser.close()
    wait_for(lambda: "gone" in running.kinds(2), "its end")
    running.close()
    assert running.kinds(2) == ["in", "in", "core", "gone", "end"]
    about = next(x for x in read_lines(running.journal(2)) if x.kind == "core").rest[0]
    assert (about["since"], about["lines"], about["heard"]) == (0, 0, 2)


@pytest.fixture
def takes(tmp_path):
    told = []
    takes = Takes(tmp_path, told.append)
    takes.told = told
    return takes


def write(journal, pitch):
    writer = JournalWriter(journal, {})
    writer.write("in", time.perf_counter(), bytes([0x90, pitch, 80]))
    writer._queue.put(None)
    writer._thread.join()
    writer._disk.close()


def pitches(journal):
    return [m.note for m in mido.MidiFile(journal.with_suffix(".mid")) if m.type == "note_on"]


def test_take_whose_beginning_nobody_could_tell_any_more_goes_on(takes):
    first, second = takes.journal, takes.prepare()
    write(first, 60)
    write(second, 62)
    takes.give_up()  # as midi_io has died
    assert takes.journal == second
    assert takes.prepare() is not None
    assert takes.end() == second.with_suffix(".mid")
    assert pitches(first) == [60]
    assert pitches(second) == [62]


def test_take_that_did_not_begin_leaves_nothing_behind(takes):
    first, second = takes.journal, takes.prepare()
    write(first, 60)
    takes.give_up()
    assert takes.journal == first
    assert not second.exists()
