"""From the journal to the MIDI file: balanced, in time, whole or not there at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import mido
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live.journal import JournalWriter, read_header, read_lines
from live.messages import PlayNote
from live.midi_io.dispatch import MidiIo
from live.midi_io.settings import MidiSettings
from live.recording import write_lines, write_midi_file
from tests.music import moments
from tests.stage import BEGAN_S, Stage

HEADER = {"journal": 1, "bpm": 100.0, "beats_per_bar": 3, "origin_s": 0.0}

messy = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def journal_of(path, lines, header=HEADER):
    path.write_text("".join(json.dumps(line) + "\n" for line in (header, *lines)))
    return path


def record(folder, lines, header=HEADER):
    target = folder / "session.mid"
    write_midi_file(journal_of(folder / "session.jsonl", lines, header), target)
    return mido.MidiFile(target)


def timed(file, track):
    """Return the messages of a track with their times in seconds."""
    return [(at, m) for at, m in moments(file, file.tracks.index(track)) if not m.is_meta]


def notes_of(file, track):
    """Return (onset, release, channel, pitch, velocity) by onset; the track has to be balanced."""
    down, notes = {}, []
    for at, message in timed(file, track):
        if message.type == "note_on" and message.velocity > 0:
            key = (message.channel, message.note)
            assert key not in down, f"{key} is struck while it sounds"
            down[key] = (at, message.velocity)
        elif message.type in ("note_on", "note_off"):
            key = (message.channel, message.note)
            assert key in down, f"{key} is released while it does not sound"
            onset, velocity = down.pop(key)
            notes.append((onset, at, *key, velocity))
    assert down == {}, "notes without an end"
    return sorted(notes)


# -- the file ------------------------------------------------------------------------------------


def test_a_note_whose_end_was_lost_lasts_until_it_was_silenced(tmp_path):
    lines = [["in", 1.0, "903c50", 1], ["hush", 3.0, "803c00", 2], ["hush", 3.0, "b04000", 3]]
    file = record(tmp_path, [*lines, ["in", 9.0, "904050", 4], ["in", 9.5, "804000", 5]])
    assert notes_of(file, file.tracks[1])[0][:2] == (pytest.approx(1), pytest.approx(3))
    assert not any(message.is_cc() for _, message in timed(file, file.tracks[1]))


def test_file_is_of_type_1_with_tempo_player_and_model(tmp_path):
    file = record(
        tmp_path,
        [
            ["in", 1.0, "903c50"],
            ["in", 1.5, "803c00"],
            ["out", 2.0, "914046", 1, 2.0],
            ["out", 2.5, "814000", 1, 2.5],
            ["end", 3.0],
        ],
    )
    assert file.type == 1
    tempo, player, model = file.tracks
    assert [m.tempo for m in tempo if m.type == "set_tempo"] == [mido.bpm2tempo(100)]
    assert [m.numerator for m in tempo if m.type == "time_signature"] == [3]
    assert [track.name for track in (player, model)] == ["Player", "Model"]
    assert all(m.is_meta for m in tempo)
    ((on, off, *player_note),) = notes_of(file, player)
    assert (on, off) == pytest.approx((1.0, 1.5), abs=0.001)
    assert player_note == [0, 60, 80]
    ((on, off, *model_note),) = notes_of(file, model)
    assert (on, off) == pytest.approx((2.0, 2.5), abs=0.001)
    assert model_note == [1, 64, 70]


@given(
    st.lists(
        st.tuples(st.floats(0, 7200), st.floats(0.002, 10), st.integers(0, 127)),
        max_size=12,
        unique_by=lambda n: n[2],
    ),
    st.sampled_from((40.0, 97.3, 120.0, 400.0)),
)
@messy
def test_times_are_right_to_a_millisecond_through_hours(tmp_path, notes, bpm):
    lines = []
    for onset, length, pitch in notes:
        lines.append(["in", onset, bytes([0x90, pitch, 80]).hex()])
        lines.append(["in", onset + length, bytes([0x80, pitch, 0]).hex()])
    file = record(tmp_path, sorted(lines, key=lambda line: line[1]), {**HEADER, "bpm": bpm})
    found = {pitch: (on, off) for on, off, _, pitch, _ in notes_of(file, file.tracks[1])}
    assert len(found) == len(notes)
    for onset, length, pitch in notes:
        assert found[pitch] == pytest.approx((onset, onset + length), abs=0.001)


@pytest.mark.parametrize("bpm", [None, "fast", 0, -3, float("nan"), 1e9, [120]])
def test_header_without_a_tempo_makes_a_file_at_120(tmp_path, bpm):
    file = record(tmp_path, [["in", 1.0, "903c50"]], {"bpm": bpm})
    assert [m.tempo for m in file.tracks[0] if m.type == "set_tempo"] == [mido.bpm2tempo(120)]


def test_pedals_programs_and_bends_are_recorded_too(tmp_path):
    sent = ["b0407f", "c005", "e00040", "d040", "a03c20", "b04000"]
    file = record(tmp_path, [["in", n / 10, text] for n, text in enumerate(sent)])
    assert [bytes(m.bytes()).hex() for _, m in timed(file, file.tracks[1])] == sent


def test_session_in_which_nothing_was_played_is_a_file_too(tmp_path):
    file = record(tmp_path, [["end", 4.0]])
    assert len(file.tracks) == 3


def test_silence_of_a_week_can_be_spelled(tmp_path):
    week = 7 * 24 * 3600.0
    lines = [["in", 1.0, "903c50"], ["in", 2.0, "803c00"]]
    lines += [["in", week, "903e50"], ["in", week + 1, "803e00"]]
    file = record(tmp_path, lines)
    assert max(m.time for m in file.tracks[1]) <= 0x0FFFFFFF  # four bytes, the most there may be
    assert notes_of(file, file.tracks[1])[1][0] == pytest.approx(week, abs=0.001)


# -- what is not balanced ------------------------------------------------------------------------

keys = st.integers(60, 62)
hexed = st.one_of(
    st.tuples(st.integers(0x90, 0x91), keys, st.integers(0, 127)).map(bytes),
    st.tuples(st.integers(0x80, 0x81), keys, st.integers(0, 127)).map(bytes),
    st.binary(max_size=4),
).map(bytes.hex)
times = st.integers(0, 1000).map(lambda n: n / 100) | st.floats() | st.none()
lines = st.lists(
    st.tuples(st.sampled_from(("in", "out")), times, hexed | st.none() | st.text(max_size=4)).map(
        list
    ),
    max_size=60,
)


@given(lines)
@messy
def test_notes_are_balanced_whatever_the_journal_says(tmp_path, lines):
    file = record(tmp_path, lines)
    for track in file.tracks[1:]:
        for onset, release, *_ in notes_of(file, track):
            assert release >= onset
        for message in track:
            assert 0 <= message.time <= 0x0FFFFFFF


def test_key_struck_twice_and_release_of_nothing_are_balanced(tmp_path):
    lines = [["in", 0.5, "803e00"], ["in", 1.0, "903c50"], ["in", 2.0, "903c40"]]
    lines += [["in", 3.0, "903c00"], ["in", 4.0, "803c00"]]
    file = record(tmp_path, lines)
    found = [
        (round(on, 2), round(off, 2), v) for on, off, _, _, v in notes_of(file, file.tracks[1])
    ]
    assert found == [(1.0, 2.0, 80), (2.0, 3.0, 64)]


def test_cut_off_session_keeps_all_until_then_and_ends_its_notes_there(tmp_path):
    journal = journal_of(
        tmp_path / "session.jsonl",
        [
            ["in", 1.0, "903c50"],
            ["out", 2.0, "904046", 1, 2.0],
            ["turn", 5.0, "player"],
        ],
    )
    with journal.open("ab") as file:
        file.write(b'["in", 9.0, "80')
    target = tmp_path / "session.mid"
    write_midi_file(journal, target)
    file = mido.MidiFile(target)
    assert [round(n[1], 2) for t in file.tracks[1:] for n in notes_of(file, t)] == [5.0, 5.0]


# -- nothing half-written ------------------------------------------------------------------------


def some_journal(folder, count=2):
    return journal_of(
        folder / "session.jsonl", [["in", float(n), f"90{n % 128:02x}50"] for n in range(count)]
    )


def test_missing_folder_leaves_nothing(tmp_path):
    journal = some_journal(tmp_path)
    with pytest.raises(OSError, match="No such file"):
        write_midi_file(journal, tmp_path / "missing" / "session.mid")
    assert list(tmp_path.iterdir()) == [journal]


def test_folder_that_is_a_file_leaves_nothing(tmp_path):
    journal = some_journal(tmp_path)
    with pytest.raises(OSError, match="Not a directory"):
        write_midi_file(journal, journal / "session.mid")
    assert list(tmp_path.iterdir()) == [journal]


def test_missing_journal_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_midi_file(tmp_path / "session.jsonl", tmp_path / "session.mid")
    assert list(tmp_path.iterdir()) == []


def test_target_that_cannot_be_replaced_stays_and_nothing_is_left_beside_it(tmp_path):
    journal = some_journal(tmp_path)
    target = tmp_path / "session.mid"
    target.mkdir()
    with pytest.raises(OSError):  # noqa: PT011 - which one, systems disagree about
        write_midi_file(journal, target)
    assert sorted(tmp_path.iterdir()) == sorted([journal, target])


SMALL_DISK = """
import resource, signal, sys
from pathlib import Path
from live.recording import write_lines, write_midi_file
from tests.music import moments
from tests.stage import BEGAN_S, Stage

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_midi_file(Path(sys.argv[1]), Path(sys.argv[2]))
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_disk_that_fills_up_keeps_the_old_file_and_leaves_nothing_half_written(tmp_path):
    journal = some_journal(tmp_path, 2000)
    target = tmp_path / "session.mid"
    target.write_bytes(b"the old one")
    run = subprocess.run(
        [sys.executable, "-c", SMALL_DISK, str(journal), str(target)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert run.stdout.strip() == os.strerror(27), run.stderr  # EFBIG
    assert target.read_bytes() == b"the old one"
    assert sorted(tmp_path.iterdir()) == sorted([journal, target])


# -- what midi_io writes down is what was heard --------------------------------------------------


class Room:
    """The real midi_io at work with an output that listens, without ports."""

    def __init__(self, folder):
        self.heard: list[bytes] = []
        self.name = "room"
        self.journal = folder / "session.jsonl"
        self.writer = JournalWriter(self.journal, {"bpm": 120.0})
        wanted = MidiSettings("auto", "auto", "auto", None, True, (), None)
        self.midi_io = MidiIo(wanted, self.writer)
        self.midi_io.outlet.exchange(self)

    def send(self, data):
        self.heard.append(data)

    def close(self):
        """Nothing to close."""

    def run_schedule(self, seconds):
        import threading

        self.midi_io.player._stopping = False
        thread = threading.Thread(target=self.midi_io.player.run_schedule)
        thread.start()
        time.sleep(seconds)
        self.midi_io.player.stop()
        thread.join()

    def recorded(self, folder):
        self.midi_io.player.end_every_note()
        self.writer.close()
        target = folder / "session.mid"
        write_midi_file(self.journal, target)
        return mido.MidiFile(target)


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)


def test_models_note_ends_in_the_recording_when_the_player_takes_its_key(room, tmp_path):
    now = time.perf_counter()
    room.midi_io.player.play(PlayNote(now, now + 0.3, 0, 60, 70))
    room.run_schedule(0.05)
    room.midi_io.listener.on_input([0x90, 60, 90])  # the same key of the same channel
    room.midi_io.player.end_model_notes()
    time.sleep(0.2)
    room.midi_io.listener.on_input([0x80, 60, 0])
    file = room.recorded(tmp_path)
    ((on, off, *_),) = notes_of(file, file.tracks[2])
    assert 0.03 < off - on < 0.15
    ((_, _, *players),) = notes_of(file, file.tracks[1])
    assert players == [0, 60, 90]


def test_after_a_standstill_late_notes_do_not_come_in_a_heap(room, tmp_path):
    now = time.perf_counter()
    for number in range(20):  # a second was slept through, or the notes come from one who slept
        onset = now - 1.0 + number * 0.05
        room.midi_io.player.play(PlayNote(onset, onset + 0.04, 0, 40 + number, 70))
    room.midi_io.player.play(PlayNote(now + 0.1, now + 0.15, 0, 80, 70))
    room.run_schedule(0.3)
    struck = [data[1] for data in room.heard if data[0] == 0x90]
    assert struck[-1] == 80
    assert len(struck) <= 8  # one of those before, and those of the last quarter of a second
    assert {d[1] for d in room.heard if d[0] == 0x80} == set(struck)
    file = room.recorded(tmp_path)
    assert len(notes_of(file, file.tracks[2])) == len(struck)


def test_model_that_is_late_all_the_time_is_heard_all_the_same(room, tmp_path):
    began = time.perf_counter()

    def slow_model():
        for number in range(5):
            time.sleep(max(0.0, began + number * 0.08 - time.perf_counter()))
            onset = began - 0.5 + number * 0.08
            room.midi_io.player.play(PlayNote(onset, onset + 1.0, 0, 60 + number, 70))

    thread = threading.Thread(target=slow_model)
    thread.start()
    room.run_schedule(0.6)
    thread.join()
    assert [data[1] for data in room.heard if data[0] == 0x90] == [60, 61, 62, 63, 64]


@pytest.mark.parametrize("by", ["its end", "the turn"])
def test_models_note_ends_in_the_recording_though_the_player_holds_its_key(room, tmp_path, by):
    room.midi_io.listener.on_input([0x90, 60, 90])
    now = time.perf_counter()
    room.midi_io.player.play(PlayNote(now, now + (0.05 if by == "its end" else 0.5), 0, 60, 70))
    room.run_schedule(0.1)
    if by == "the turn":
        room.midi_io.player.end_model_notes()
    time.sleep(0.2)
    assert room.heard == [bytes([0x90, 60, 90]), bytes([0x80, 60, 0]), bytes([0x90, 60, 70])]
    room.midi_io.listener.on_input([0x80, 60, 0])
    assert room.heard[-1] == bytes([0x80, 60, 0])
    file = room.recorded(tmp_path)
    ((on, off, *_),) = notes_of(file, file.tracks[2])
    assert off - on < 0.19


def test_older_note_of_the_same_key_does_not_end_the_newer_one(room, tmp_path):
    now = time.perf_counter()
    room.midi_io.player.play(PlayNote(now, now + 0.3, 0, 60, 70))
    room.midi_io.player.play(PlayNote(now + 0.15, now + 0.8, 0, 60, 71))
    room.run_schedule(0.95)
    file = room.recorded(tmp_path)
    lengths = [(off - on, velocity) for on, off, _, _, velocity in notes_of(file, file.tracks[2])]
    assert lengths == [(pytest.approx(0.15, abs=0.12), 70), (pytest.approx(0.65, abs=0.25), 71)]


def test_pedal_that_is_down_at_the_end_is_let_up(room, tmp_path):
    room.midi_io.listener.on_input([0xB2, 64, 127, 0xB2, 66, 127, 0xB2, 66, 0, 0x92, 60, 80])
    room.midi_io.player.end_every_note()
    assert room.heard[-2:] == [bytes([0x82, 60, 0]), bytes([0xB2, 64, 0])]
    room.recorded(tmp_path)
    assert room.heard[-1] == bytes([0xB2, 64, 0])


def test_recording_holds_the_session_that_was_just_closed(room, tmp_path):
    room.midi_io.listener.on_input([0x90, 60, 80, 60, 0, 62, 80, 62, 0])  # running status
    file = room.recorded(tmp_path)
    assert [n[3] for n in notes_of(file, file.tracks[1])] == [60, 62]
    assert read_header(room.journal)["bpm"] == 120.0
    assert [line.kind for line in read_lines(room.journal)][-1] == "end"


# -- its bars ------------------------------------------------------------------------------------

BEAT_TICKS = 960


def play_notes(stage, pitches, beat_s):
    """Play notes of nine tenths of a beat; return their onsets."""
    onsets = []
    for pitch in pitches:
        onsets.append(stage.now_s - BEGAN_S)
        stage.play(bytes([0x90, pitch, 80]))
        stage.wake()
        stage.pass_until(stage.now_s + 0.9 * beat_s)
        stage.play(bytes([0x80, pitch, 0]))
        stage.wake()
        stage.pass_until(stage.now_s + 0.1 * beat_s)
    return onsets


def struck(track):
    """Return the ticks at which notes begin."""
    at, found = 0, []
    for message in track:
        at += message.time
        if message.type == "note_on" and message.velocity > 0:
            found.append(at)
    return found


def test_bars_and_tempi_of_the_file_are_those_of_the_session(monkeypatch, tmp_path):
    stage = Stage(monkeypatch, bpm=120)
    stage.pass_until(stage.now_s + 3.217)
    first = play_notes(stage, [60, 62, 64, 65], 0.5)
    stage.pass_until(stage.now_s + 8.4)  # the answer, and then silence
    stage.wake(changes={"bpm": 90.0})
    second = play_notes(stage, [67, 65, 64, 62], 60 / 90)
    stage.wake(changes={"bpm": 60.0})
    second += play_notes(stage, [60, 62], 1.0)
    stage.pass_until(stage.now_s + 6.0)
    stage.end()
    write_lines({"bpm": 120.0, "beats_per_bar": 4}, stage.lines, tmp_path / "session.mid")
    file = mido.MidiFile(tmp_path / "session.mid")

    _, player, model = file.tracks
    bars = [at / BEAT_TICKS for at in struck(player)]
    for phrase in (bars[:4], bars[4:]):
        assert phrase[0] % 4 == 0
        assert [at - phrase[0] for at in phrase] == pytest.approx(range(len(phrase)), abs=0.01)
    answers = struck(model)
    assert answers
    assert all(at % 40 in (0, 1, 39) for at in answers), "the model plays on the grid"
    sounded = [at for at, m in timed(file, player) if m.type == "note_on" and m.velocity > 0]
    assert sounded == pytest.approx([*first, *second], abs=1e-3)
    heard = [line.time_s for line in stage.lines if line.kind == "out" and line.message[0] >= 0x90]
    kept = [at for at, m in timed(file, model) if m.type == "note_on" and m.velocity > 0]
    assert kept == pytest.approx(heard, abs=1e-3)


def file_of(stage, folder):
    stage.end()
    write_lines({"bpm": 120.0, "beats_per_bar": 4}, stage.lines, folder / "session.mid")
    return mido.MidiFile(folder / "session.mid")


def test_pedal_before_the_first_note_does_not_cost_the_bars(monkeypatch, tmp_path):
    stage = Stage(monkeypatch, bpm=120)
    stage.pass_until(stage.now_s + 3.0)
    stage.play(bytes([0xB0, 64, 127]))
    stage.wake()
    stage.pass_until(stage.now_s + 0.1)
    play_notes(stage, [60, 62], 0.5)
    file = file_of(stage, tmp_path)
    assert struck(file.tracks[1])[0] % (4 * BEAT_TICKS) == 0


def test_model_that_begins_by_itself_stands_on_the_beat_of_the_file(monkeypatch, tmp_path):
    stage = Stage(monkeypatch, bpm=120)
    stage.pass_until(stage.now_s + 2.345)
    stage.wake(command="your_turn")
    stage.pass_until(stage.now_s + 6.0)
    onsets = struck(file_of(stage, tmp_path).tracks[2])
    assert len(onsets) > 1
    assert onsets[0] % BEAT_TICKS in (0, 1, BEAT_TICKS - 1)
    assert all(at % 40 in (0, 1, 39) for at in onsets)


def test_bars_are_told_anew_by_a_core_that_was_born_again(monkeypatch, tmp_path):
    stage = Stage(monkeypatch, bpm=120, mode="continue")
    stage.pass_until(stage.now_s + 1.7)
    play_notes(stage, [60, 62, 64, 65], 0.5)
    stage.pass_until(stage.now_s + 3.1)
    stage.die()
    stage.pass_until(stage.now_s + 1.234)
    stage.restart()
    before = len(stage.lines)
    stage.pass_until(stage.now_s + 4.0)
    assert any(line.kind == "beat" for line in stage.lines[before:])
    onsets = struck(file_of(stage, tmp_path).tracks[2])
    assert all(at % 40 in (0, 1, 39) for at in onsets)


@pytest.mark.parametrize("damage", [[1e308, 0.02, 3, 96], [3.0, 0.9, 3, 96]])
def test_damaged_beat_costs_nothing_but_itself(tmp_path, damage):
    lines = [["beat", 0.5, *damage], ["in", 1.0, "903c50", 1], ["in", 2.0, "803c00", 2]]
    file = record(tmp_path, lines)
    assert notes_of(file, file.tracks[1]) == [(pytest.approx(1.0), pytest.approx(2.0), 0, 60, 80)]
