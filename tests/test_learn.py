"""``python -m live learn``: the control that moves is written to the config, and nothing else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tomllib

import pytest
from typer.testing import CliRunner

from live.cli import app
from live.config_file import PROJECT
from live.core.binding import Binding
from live.errors import UserError
from live.learn import bind, full_name, moved
from live.midi_io import ports
from live.settings import load
from tests import jack

CC = Binding("cc", 20, 0)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes((PROJECT / "config.toml").read_bytes())
    return path


def changed_lines(config):
    before = (PROJECT / "config.toml").read_text().splitlines()
    after = config.read_text().splitlines()
    return [line for line in after if line not in before], [x for x in before if x not in after]


@pytest.mark.parametrize(
    ("data", "control"),
    [
        (b"\xb0\x14\x05", "cc 20 channel 1"),
        (b"\x99\x24\x40", "note 36 channel 10"),
        (b"\xc3\x05", "program 5 channel 4"),
        (b"\x99\x24\x00", None),  # a release
        (b"\x89\x24\x40", None),
        (b"\xb0\x00\x01", None),  # bank select: the program change follows
        (b"\xb0\x7b\x00", None),  # all notes off
        (b"\xe0\x00\x40", None),
        (b"\xd0\x40", None),
        (b"\xf8", None),
    ],
)
def test_what_moves_is_told_from_what_sounds_along(data, control):
    found = moved(data)
    assert (None if found is None else str(found)) == control


def test_a_new_line_is_added_and_every_comment_stays(config):
    told = bind(config, "time.bpm", CC, "60 to 180", add=False)
    new, gone = changed_lines(config)
    assert new == ['time.bpm = "cc 20 channel 1: 60 to 180"']
    assert gone == []
    assert "time.bpm is bound to cc 20 channel 1: 60 to 180" in told
    assert str(config) in told
    (control,) = load(config, {}).performer.controls
    assert (control.target, control.scale.low, control.scale.high) == ("bpm", 60, 180)


def test_the_line_of_a_command_keeps_its_comment(config):
    bind(config, "again", CC, "", add=False)
    new, gone = changed_lines(config)
    (line,) = new
    assert line.startswith('again = "cc 20 channel 1"')
    assert line.endswith(gone[0].partition("#")[2])


def test_a_second_control_replaces_the_first_or_is_added(config):
    for number in (20, 21):
        told = bind(config, "turns.mode", Binding("note", number), "", add=False)
    assert "instead of note 20" in told
    told = bind(config, "turns.mode", Binding("note", 36), "duet", add=True)
    assert "as well as note 21" in told
    written = tomllib.loads(config.read_text())["controls"]["turns"]["mode"]
    assert written == ["note 21", "note 36: duet"]


@pytest.mark.parametrize("key", ["bpm", '"time.bpm"', '"time/bpm"'])
def test_a_line_is_found_however_it_is_spelled(tmp_path, key):
    config = tmp_path / "my.toml"
    config.write_text(f'[controls]\n{key} = "cc 1" # the knob\n')
    bind(config, "time.bpm", CC, "", add=False)
    assert config.read_text() == f'[controls]\n{key} = "cc 20 channel 1" # the knob\n'


def test_a_file_without_the_section_gets_it_and_keeps_its_line_ends(tmp_path):
    config = tmp_path / "my.toml"
    config.write_bytes(b"# mine\r\n[time]\r\nbpm = 90\r\n")
    bind(config, "panic", CC, "", add=False)
    assert config.read_bytes().startswith(b"# mine\r\n[time]\r\nbpm = 90\r\n")
    assert [c.target for c in load(config, {}).performer.controls] == ["panic"]


def test_a_link_stays_a_link_and_the_files_rights_stay(config, tmp_path):
    link = tmp_path / "link.toml"
    link.symlink_to(config)
    config.chmod(0o600)
    bind(link, "time.bpm", CC, "", add=False)
    assert link.is_symlink()
    assert config.stat().st_mode & 0o777 == 0o600
    assert "time.bpm" in config.read_text()


@pytest.mark.parametrize(
    ("name", "control", "use", "says"),
    [
        ("sampling.min_p", CC, "", "bound to time.bpm already"),
        ("panic", Binding("cc", 20), "", "bound to time.bpm already"),
        ("time.bpm", Binding("note", 36), "", "VALUE"),
        ("turns.mode", Binding("note", 36), "dance", "'duet'"),
        ("panic", Binding("note", 36), "1", "no value"),
    ],
)
def test_what_cannot_be_bound_leaves_the_file_as_it_was(config, name, control, use, says):
    bind(config, "time.bpm", CC, "", add=False)
    before = config.read_bytes()
    with pytest.raises(UserError, match=says) as caught:
        bind(config, name, control, use, add=False)
    assert "\n" not in str(caught.value)
    assert config.read_bytes() == before
    assert [path.name for path in config.parent.iterdir()] == ["config.toml"]


def test_names_are_full_and_unknown_ones_are_told_with_what_there_is():
    assert full_name("bpm") == "time.bpm"
    assert full_name("/turns/mode") == "turns.mode"
    assert full_name("keep") == "keep"
    with pytest.raises(UserError, match="your_turn"):
        full_name("tempo")


def test_the_line_is_written_before_the_port_is_closed(config, monkeypatch):
    written = []

    class Knob:
        name = "knob"

        def close(self):
            written.append('"cc 20 channel 1"' in config.read_text())

    def open_input(api, wanted, on_input):
        on_input([0xB0, 20, 64])
        return Knob()

    monkeypatch.setattr(ports, "find_api", lambda name: 0)
    monkeypatch.setattr(ports, "open_input", open_input)
    run = CliRunner().invoke(app, ["learn", "bpm", "--config", str(config)])
    assert run.exit_code == 0, run.output
    assert written == [True]


# -- through real ports --------------------------------------------------------------------------


class Learning:
    """The command, on a terminal if it is to ask."""

    def __init__(self, config, *arguments, terminal=False):
        ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "live", "learn", "--config", str(config)),
                *("--virtual", *arguments),
            ],
            cwd=PROJECT,
            stdin=theirs if terminal else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        os.close(theirs)
        self.keyboard = ours

    def read_until(self, word):
        text = ""
        while word not in text:
            character = self.process.stdout.read(1)
            assert character, text
            text += character
        return text

    def end(self):
        rest = self.process.stdout.read()
        os.close(self.keyboard)
        return rest, self.process.wait(20)


@pytest.mark.jack
def test_moving_a_knob_binds_what_is_named_and_a_second_time_is_refused(config, peer):
    learning = Learning(config, "bpm", "--value", "60 to 180")
    learning.read_until("leave all as it is)")
    jack.connect("peer-keys:out", jack.port_named("Continuo In"))
    peer.send(0xFE)
    peer.send(0xB0, 123, 0)
    peer.send(0xB2, 21, 64)
    rest, code = learning.end()
    assert code == 0, rest
    assert "time.bpm is bound to cc 21 channel 3: 60 to 180" in rest
    assert 'time.bpm = "cc 21 channel 3: 60 to 180"' in config.read_text()

    learning = Learning(config, terminal=True)  # it asks
    os.write(learning.keyboard, b"temperature\n")
    learning.read_until("move the control for sampling.temperature")
    jack.connect("peer-keys:out", jack.port_named("Continuo In"))
    peer.send(0xB2, 21, 64)
    rest, code = learning.end()
    assert code == 2
    assert "cc 21 channel 3 is bound to time.bpm already" in rest
    assert 'temperature = "cc' not in config.read_text()


@pytest.mark.jack
def test_no_control_and_no_name_are_one_line_each(config, jack_server):
    rest, code = Learning(config, "bpm", "--seconds", "0.2").end()
    assert code == 2
    assert "within 0.2 s" in rest
    rest, code = Learning(config).end()
    assert code == 2
    assert rest.count("\n") == 1
    assert "name what to bind" in rest
