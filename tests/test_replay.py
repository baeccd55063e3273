"""A session that was really played, played again: by the command line, onto a port, by another."""

from __future__ import annotations

import json
import shutil

import mido
import pytest
from typer.testing import CliRunner

from live.cli import app
from live.config_file import PROJECT
from live.errors import UserError
from live.journal import read_lines
from live.playback import Timed, play
from tests import jack
from tests.models import write_model
from tests.watched import Watched

BEAT = 60.0 / 200


def live(*arguments):
    """Run the command in this process; a user's error is the exception of what is returned."""
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture(scope="module")
def session(jack_server, tmp_path_factory):
    """A session on JACK with all that makes a replay hard: changes, commands, a process that dies.

    Returns its journal.
    """
    peer = jack.Peer()
    one = Watched(
        tmp_path_factory.mktemp("played") / "sessions",
        virtual_ports=True,
        time={"bpm": 200.0},
        midi={"output_channel": 2},
        turns={"mode": "continue"},
        sampling={"seed": 11},
        controls={"time.bpm": "cc 20"},
    )
    try:
        peer.connect()

        def phrase():
            peer.play([(i * BEAT / 2, (i + 0.8) * BEAT / 2, 60 + 2 * i) for i in range(6)])

        def answer():
            before = len(peer.notes_on(1))
            one.wait_for(lambda: len(peer.notes_on(1)) > before + 2, "an answer")

        phrase()
        answer()
        one.session.change("bpm", 170.0)
        one.session.change("temperature", 0.8)
        answer()
        peer.send(0x90, 50, 70)  # in the middle of the model's notes
        one.session.run(0.1)
        peer.send(0x80, 50, 0)
        one.session.do("your_turn")
        answer()
        one.session.do("again")
        answer()
        for value in (100, 110, 120):  # a knob that passes the tempo, and takes it along
            peer.send(0xB0, 20, value)
        one.session.change("model", "default.float32")  # and goes on with it
        one.wait_for(lambda: any("float32.onnx now" in line for line in one.lines), "the model")
        answer()
        one.kill("improviser")
        one.wait_for(lambda: any("improviser is back" in line for line in one.lines), "it")
        one.session.change("mode", "duet")
        phrase()
        answer()
        one.session.run(0.5)
        one.kill("midi_io")
        one.wait_for(lambda: sum("improviser is back" in line for line in one.lines) == 2, "it")
        one.session.change("mode", "continue")
        one.session.run(0.2)
        peer.connect()
        phrase()
        answer()
    finally:
        one.close()
        peer.close()
    return one.session.journal


pytestmark = pytest.mark.jack


def test_a_session_with_changes_and_deaths_plays_again_to_the_same_notes(session):
    cores = [line for line in read_lines(session) if line.kind == "core"]
    assert len(cores) == 3
    assert [line.kind for line in read_lines(session)].count("model") == 1
    assert [line.rest[0]["model"] for line in cores] == [
        "default.onnx",
        "default.float32.onnx",
        "default.float32.onnx",
    ]
    tempos = [line.rest[1] for line in read_lines(session) if line.rest[:1] == ("bpm",)]
    assert tempos[0] == 170.0
    assert tempos[-1] > 200
    run = live("replay", session.with_suffix(".mid"))
    sent = [x for x in read_lines(session) if x.kind == "out" and x.message[0] & 0xF0 == 0x90]
    assert len(sent) > 15
    assert f"all {len(sent)} notes are as recorded" in run.output, run.exception
    assert run.exit_code == 0


def test_another_version_of_the_model_is_named_and_so_is_the_difference(
    session, tmp_path, monkeypatch
):
    changed = tmp_path / session.name
    lines = session.read_text().splitlines()
    for i, line in enumerate(lines):
        entry = json.loads(line)
        if isinstance(entry, list) and entry[0] == "core":
            entry[2]["sha256"] = "ab" * 32
            entry[2]["model"] = "known.onnx"
            lines[i] = json.dumps(entry)
    changed.write_text("\n".join(lines))
    write_model(tmp_path / "known.onnx")
    (tmp_path / "config.toml").write_text('[sampling]\nmodel = "known.onnx"\n')
    monkeypatch.chdir(tmp_path)
    run = live("replay", changed)
    assert "another version of the session's model" in run.output, run.exception
    assert "abababababab" in run.output
    assert "recorded notes are the same" in run.output
    assert "the first difference is at" in run.output
    assert run.exit_code == 1


def test_the_model_is_found_by_its_hash_whatever_it_is_called_now(session, tmp_path, monkeypatch):
    shutil.copy(PROJECT / "exported_models" / "default.onnx", tmp_path / "renamed.onnx")
    (tmp_path / "default.onnx").write_bytes(b"something else")
    (tmp_path / "config.toml").write_text('[sampling]\nmodel = "default.onnx"\n')
    monkeypatch.chdir(tmp_path)
    run = live("replay", session)
    assert "are as recorded" in run.output, run.exception


def test_another_model_is_heard_in_a_file_that_has_the_same_playing(session, tmp_path, monkeypatch):
    other = write_model(tmp_path / "other.onnx", echo=2.0)
    monkeypatch.chdir(tmp_path)
    run = live("replay", session, "--with", other)
    target = tmp_path / f"{session.stem}.other.mid"
    assert run.exit_code == 0, run.output
    assert f"wrote {target.name}" in run.output
    ours, theirs = mido.MidiFile(session.with_suffix(".mid")), mido.MidiFile(target)
    assert list(ours.tracks[1]) == list(theirs.tracks[1])
    assert any(message.type == "note_on" for message in theirs.tracks[2])
    assert list(ours.tracks[2]) != list(theirs.tracks[2])


def test_a_replay_onto_a_port_is_heard_there_in_time(session, jack_server, tmp_path):
    # The first seconds of music are enough; the silence before them is passed over.
    short = tmp_path / session.name
    lines = session.read_text().splitlines()
    first = next(line.time_s for line in read_lines(session) if line.kind == "in")
    short.write_text(
        "\n".join([lines[0], *(x for x in lines[1:] if json.loads(x)[1] < first + 2.2)])
    )
    peer = jack.Peer()
    try:
        run = live("replay", short, "--onto", "peer-ears")
        assert "playing onto" in run.output, run.exception
        jack.wait_for(lambda: peer.sounding() == set(), "the ends of all notes")
        heard = [(at, data) for at, data in peer.heard if data[0] & 0xF0 == 0x90]
    finally:
        peer.close()
    sent = [line for line in read_lines(short) if line.kind in ("in", "out")]
    wanted = [(x.time_s, x.message) for x in sent if x.message[0] & 0xF0 == 0x90 and x.message[2]]
    assert len(wanted) > 6
    offset = heard[0][0] - wanted[0][0]
    late = [heard[i][0] - offset - at for i, (at, _) in enumerate(wanted)]
    assert sorted(late)[len(late) // 2] < 0.05
    assert {data for _, data in wanted} <= {data for _, data in heard}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.mid"], "cannot read the journal"),
        ([PROJECT / "README.md"], "cannot read the journal"),
        (["none.mid", "--out", "x.mid"], "--with"),
    ],
)
def test_what_cannot_be_played_again_is_one_line(arguments, said):
    run = live("replay", *arguments)
    assert isinstance(run.exception, UserError)
    assert len(str(run.exception).splitlines()) == 1
    assert said in str(run.exception)


# -- playing out, on a simulated clock -----------------------------------------------------------


class Ears:
    def __init__(self, stop_at=None):
        self.now = 5.0
        self.heard = []
        self._stop_at = stop_at

    def send(self, data):
        self.heard.append((self.now, data))

    def sleep(self, seconds):
        self.now += seconds
        if self._stop_at is not None and self.now > self._stop_at:
            raise KeyboardInterrupt

    def time(self):
        return self.now


def test_messages_are_played_out_at_their_moments_and_balanced():
    ears = Ears()
    on, off = b"\x90\x3c\x50", b"\x80\x3c\x00"
    play(
        [Timed.of(0.5, off, 1), Timed.of(0.0, on, 1), Timed.of(0.5, on), Timed.of(0.75, off)],
        ears,
        ears.time,
        ears.sleep,
    )
    assert [(round(at - 5, 6), data) for at, data in ears.heard] == [
        (0.0, on),
        (0.5, off),
        (0.5, on),
        (0.75, off),
    ]


def test_playing_out_that_is_stopped_leaves_nothing_sounding():
    ears = Ears(stop_at=6.0)
    messages = [
        Timed.of(0.0, b"\xb0\x40\x7f"),
        Timed.of(0.1, b"\x90\x3c\x50"),
        Timed.of(9.0, b"\x80\x3c\x00"),
    ]
    with pytest.raises(KeyboardInterrupt):
        play(messages, ears, ears.time, ears.sleep)
    assert [data for _, data in ears.heard[2:]] == [b"\x80\x3c\x00", b"\xb0\x40\x00"]
