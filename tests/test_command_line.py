"""``python -m live`` as a user runs it: bad input is one line, the demo needs no MIDI."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import mido
import psutil
import pytest

from live.demo import demo_messages
from tests.conftest import PROJECT
from tests.jack import wait_for
from tests.music import moments

MODEL = PROJECT / "exported_models" / "default.onnx"
BPM = 240.0
BEAT = 60.0 / BPM
DEMO = ("--demo", "--bpm", str(BPM), "--seed", "5")
QUICK_DEMO = ("--demo", "--bpm", "400")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sessions of processes are Unix's")


class Run:
    """The program in a session of its own, on a machine without MIDI."""

    def __init__(self, folder: Path, *arguments: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.records = folder / "sessions"
        self._log = folder / "log"
        # JACK alone is asked, by the name of a server that nobody runs: no MIDI, wherever this is.
        config = folder / "config.toml"
        config.write_text(
            f'[midi]\napi = "jack"\n[sampling]\nmodel = "{MODEL.as_posix()}"\n'
            "[page]\nshow = false\n"
        )
        given = list(arguments)
        if arguments[:1] != ("ports",):
            if "--config" not in arguments:
                given += ["--config", str(config)]
            if "--record" not in arguments:
                given += ["--record", str(self.records)]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "live", *given],
                cwd=PROJECT,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "JACK_DEFAULT_SERVER": "continuo-nobody-runs-this"},
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._log.read_text()

    @property
    def lines(self) -> list[str]:
        return self.output.splitlines()

    def wait(self, seconds: float = 40.0) -> int:
        """Return the exit code; by then no process of the session may be left."""
        try:
            code = self.process.wait(seconds)
            wait_for(lambda: not self.left_over(), "the end of all processes", 5.0)
        finally:
            for process in self.left_over():
                process.kill()
        assert "Traceback" not in self.output, self.output
        return code

    def left_over(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(OSError, psutil.Error):
                same = os.getsid(process.pid) == self.process.pid
                if same and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def wait_for_line(self, part: str) -> None:
        wait_for(lambda: part in self.output or self.process.poll() is not None, part, 30.0)
        assert part in self.output, self.output

    def recording(self) -> mido.MidiFile:
        """Return the recording, whose path has to be the last thing that was said."""
        (path,) = self.records.glob("*.mid")
        assert self.lines[-1] == f"recorded {path}"
        return mido.MidiFile(path)


@pytest.fixture
def run(tmp_path):
    """Return a function that starts the program with flags."""
    started: list[Run] = []

    def start(*arguments: str) -> Run:
        started.append(Run(tmp_path / f"run{len(started)}", *arguments))
        return started[-1]

    yield start
    for one in started:
        for process in one.left_over():
            process.kill()
        one.process.wait()


# -- bad input -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bad:
    """Arguments, where {} is a folder with ``FILES``, and what the line has to say."""

    name: str
    arguments: str
    says: tuple[str, ...]


FILES = {
    "key.toml": "[time]\ntempo = 120\n",
    "broken.toml": "[time\n",
    "file": "",
}

BAD = [
    Bad("model missing", "--demo --model {}/none.onnx", ("none.onnx", "--model")),
    Bad("model truncated", "--demo --model {}/cut.onnx", ("cut.onnx", "not a complete ONNX")),
    Bad("config missing", "--demo --config {}/none.toml", ("none.toml", "No such file")),
    Bad("config key", "--demo --config {}/key.toml", ("time.tempo", "bpm")),
    Bad("config broken", "--demo --config {}/broken.toml", ("broken.toml", "TOML")),
    Bad("flag range", "--demo --bpm 5", ("time.bpm = 5.0", "20")),
    Bad("folder below a file", "--demo --record {}/file/x", ("file/x", "--record")),
    Bad("folder is a file", "--demo --record {}/file", ("{}/file", "--record")),
    Bad("no MIDI system", "", ("no MIDI system", "JACK", "--demo")),
    Bad("ports without MIDI", "ports --api jack", ("no MIDI system",)),
    Bad("ports of an unknown system", "ports --api oss", ('"oss"', "alsa", "jack")),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_bad_input_is_one_line_and_exit_code_2_and_nothing_is_left(run, tmp_path, bad):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "cut.onnx").write_bytes(MODEL.read_bytes()[:1_000_000])
    before = sorted(tmp_path.iterdir())
    one = run(*bad.arguments.format(tmp_path).split())
    assert one.wait() == 2, one.output
    assert len(one.lines) == 1, one.output
    assert one.lines[0].startswith("continuo: ")
    for part in bad.says:
        assert part.format(tmp_path) in one.lines[0]
    assert not one.records.exists() or list(one.records.iterdir()) == []
    assert sorted(path for path in tmp_path.iterdir() if path.name != "run0") == before
    assert (tmp_path / "file").read_text() == ""


# -- the demo ------------------------------------------------------------------------------------


def strikes(file, track):
    """Return (onset, release, pitch) in seconds, in the order of the strikes; all balanced."""
    down, notes = {}, []
    for now, message in moments(file, track):
        if message.type == "note_on" and message.velocity > 0:
            assert message.note not in down
            down[message.note] = len(notes)
            notes.append([now, None, message.note])
        elif message.type in ("note_on", "note_off"):
            notes[down.pop(message.note)][1] = now
    assert down == {}
    return [tuple(note) for note in notes]


def on_the_grid(notes):
    """Return notes as the model is told of them, onsets counted from the first."""
    tick = BEAT / 24
    return [(round((on - notes[0][0]) / tick), round((off - on) / tick), p) for on, off, p in notes]


def phrases():
    """Return the demo's two phrases as (onset, pitch)."""
    ons = [(at, data[1]) for at, data in demo_messages(BPM) if data[0] == 0x90]
    half = ons[0][0] + 15 * BEAT
    return [n for n in ons if n[0] < half], [n for n in ons if n[0] >= half]


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """Two demos of the same seed, side by side, and whether both heard and began the same."""
    for attempt in range(2):
        folder = tmp_path_factory.mktemp(f"twins{attempt}")
        both = [Run(folder / name, *DEMO, "--seconds", "6") for name in ("one", "other")]
        for one in both:
            assert one.wait() == 0, one.output
        first, second = (input_of_the_answer(one.recording()) for one in both)
        if first == second:
            return both, True
    return both, False  # the machine is too busy to keep time to a tick


def input_of_the_answer(file):
    """Return the first phrase as the model is told of it, and the tick on which it began."""
    played, answer = strikes(file, 1), strikes(file, 2)
    phrase = on_the_grid(played[: len(phrases()[0])])
    return phrase, on_the_grid([played[0], *answer[:1]])[1:2]


def test_demo_needs_no_midi_and_is_recorded(twins):
    one = twins[0][0]
    file = one.recording()
    assert file.type == 1
    assert [m.tempo for m in file.tracks[0] if m.type == "set_tempo"][-1] == mido.bpm2tempo(BPM)
    first, second = phrases()
    played = strikes(file, 1)
    assert [pitch for _, _, pitch in played] == [p for _, p in first + second][: len(played)]
    assert len(played) >= len(first)
    for (on, _, _), (wanted, _) in zip(played, first, strict=False):
        assert on - played[0][0] == pytest.approx(wanted - first[0][0], abs=0.05)
    assert strikes(file, 2), "the model played nothing"
    assert "no output" in one.lines[0]
    assert "the model plays" in one.output


def test_answer_of_the_demo_comes_after_the_phrase_and_is_as_long(twins):
    file = twins[0][0].recording()
    played = strikes(file, 1)
    phrase_ended = played[len(phrases()[0]) - 1][1]
    answer = strikes(file, 2)
    assert answer[0][0] > phrase_ended + 0.9 * BEAT  # and not too late: see the tests on JACK
    assert max(off for _, off, _ in answer) - answer[0][0] < 10 * BEAT


def test_same_seed_and_playing_give_the_same_notes(twins):
    both, same_input = twins
    if not same_input:
        pytest.skip("this machine is too busy for two runs to hear the same")
    first, second = ([n[2] for n in strikes(one.recording(), 2)] for one in both)
    assert len(first) >= 2
    assert first == second


def test_without_midi_and_page_says_so_in_one_sentence_and_plays(run):
    one = run("--or-page", "--no-page", "--seconds", "1", "--bpm", str(BPM))
    assert one.wait() == 0
    assert one.lines[0] == "There is no MIDI to play with here, so this is the demo."
    assert strikes(one.recording(), 1)
    assert len(list(one.records.glob("*.jsonl"))) == 1  # nothing of the attempt is left


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_during_the_demo_ends_every_note_and_writes_the_file(run, number):
    one = run(*QUICK_DEMO)
    one.wait_for_line("the model plays")
    time.sleep(0.3)  # it says so a tenth of a second ahead
    one.process.send_signal(number)
    assert one.wait() == 0
    file = one.recording()
    assert strikes(file, 1)
    assert strikes(file, 2)


def test_signal_as_soon_as_it_is_ready_is_heeded_too(run):
    one = run(*QUICK_DEMO)
    one.wait_for_line("ready in")
    one.process.send_signal(signal.SIGTERM)
    code = one.wait(10)
    assert code in (0, 130)
    assert len(list(one.records.iterdir())) == (2 if code == 0 else 0)


def test_signal_while_it_starts_leaves_nothing(run):
    one = run(*QUICK_DEMO)
    wait_for(lambda: len(spawned(one)) == 2, "both processes")
    time.sleep(0.05)
    one.process.send_signal(signal.SIGTERM)
    code = one.wait(10)
    # On a machine so slow that it was ready by then, it is a session like any other.
    assert code == (0 if "ready in" in one.output else 130), one.output
    if code == 130:
        assert list(one.records.iterdir()) == []


def spawned(one):
    found = []
    for process in one.left_over():
        with suppress(psutil.Error):
            if any("spawn_main" in part for part in process.cmdline()):
                found.append(process)
    return found


def test_recording_that_cannot_be_written_keeps_the_journal(run):
    one = run(*QUICK_DEMO)
    one.wait_for_line("the model plays")
    (journal,) = one.records.glob("*.jsonl")
    journal.with_suffix(".mid").mkdir()  # in the way of the recording
    one.process.send_signal(signal.SIGTERM)
    assert one.wait() == 2
    assert one.lines[-1].startswith("continuo: cannot write")
    assert str(journal) in one.lines[-1]
    assert '"in"' in journal.read_text()
    assert not list(one.records.glob("*.partial"))


# -- what is loaded ------------------------------------------------------------------------------

SCHOOL = {"tensorflow", "keras", "music21", "training", "symusic", "onnx"}


def loaded_by(statement):
    """Return the top-level modules that a fresh interpreter has after a statement."""
    code = f"{statement}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_performer_loads_nothing_of_the_school():
    loaded = loaded_by("import live.cli, live.improviser, live.midi_io.process")
    assert loaded & SCHOOL == set()
    assert {"onnxruntime", "rtmidi"} <= loaded


def test_parent_loads_neither_the_model_nor_midi():
    assert loaded_by("import live.cli") & {"onnxruntime", "rtmidi", *SCHOOL} == set()


def test_core_knows_neither_ports_nor_what_runs_the_model():
    modules = ", ".join(
        f"live.core.{path.stem}" for path in Path(PROJECT, "live/core").glob("*.py")
    )
    assert loaded_by(f"import {modules}") & {"onnxruntime", "rtmidi", "mido", *SCHOOL} == set()


def test_improviser_opens_no_ports_and_midi_io_no_model():
    assert "rtmidi" not in loaded_by("import live.improviser")
    assert "onnxruntime" not in loaded_by("import live.midi_io.process")


# -- nobody reads what it says -------------------------------------------------------------------


@pytest.mark.parametrize("reader", ["a full disk", "one who has gone"])
def test_session_goes_on_though_its_lines_cannot_be_printed(tmp_path, reader):
    config = tmp_path / "config.toml"
    config.write_text(f'[midi]\napi = "jack"\n[sampling]\nmodel = "{MODEL.as_posix()}"\n')
    flags = [*QUICK_DEMO, "--seed", "5", "--config", str(config), "--record", str(tmp_path)]
    device = Path("/dev/full" if reader == "a full disk" else os.devnull)
    if not device.exists():
        pytest.skip(f"needs {device}")
    with device.open("w") as nobody:
        process = subprocess.Popen(
            [sys.executable, "-m", "live", *flags, "--no-page", "--seconds", "4"],
            cwd=PROJECT,
            stdout=nobody if reader == "a full disk" else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "JACK_DEFAULT_SERVER": "continuo-nobody-runs-this"},
        )
        if process.stdout is not None:
            process.stdout.close()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    (path,) = tmp_path.glob("*.mid")
    assert strikes(mido.MidiFile(path), 2), "the model played nothing"
