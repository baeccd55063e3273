"""One bad file never costs the others, nor the run."""

from __future__ import annotations

import io
import json
import os
import random
import struct
import tracemalloc
import zipfile
from pathlib import Path

import mido
import pytest
from rich.console import Console

from live.errors import UserError
from tests.disk import full_disk
from tests.music import musicxml, note, same, write, xml_note
from training.prepare import prepare
from training.prepare_cli import prepare_command
from training.reading import guard, read
from training.reading.isolated import Limits, Reader
from training.report import Report

BOMB = """<?xml version="1.0"?><!DOCTYPE score-partwise [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<score-partwise>&c;</score-partwise>"""
NESTED_BOMB = BOMB.replace("<score-partwise>&c;</score-partwise>", "<container>&c;</container>")
ABROAD = """<?xml version="1.0"?><!DOCTYPE score-partwise [
<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]><score-partwise/>"""
THIEF = """<?xml version="1.0"?><!DOCTYPE score-partwise [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<score-partwise>&x;</score-partwise>"""


LATE = b"\xff\xff\xff\x7f\x90\x3c\x40\xff\xff\xff\x7f\x80\x3c\x40" * 40 + b"\0\xff\x2f\0"
MANY_CENTURIES = struct.pack(">4sIHHH4sI", b"MThd", 6, 1, 1, 1, b"MTrk", len(LATE)) + LATE


def archive(path: Path, name: str, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, content)
    return path


@pytest.fixture
def music(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    write(folder / "good.mid", note(0, 480), note(480, 960, 64))
    (folder / "good.musicxml").write_text(musicxml(xml_note("C", 4, 4)))
    return folder


def skipped(report) -> dict[str, str]:
    assert all("\n" not in left.reason for left in report.skipped)
    return {Path(left.path).name: left.reason for left in report.skipped}


def test_every_kind_of_bad_file_is_skipped_with_its_reason(music, tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "MAX_FILE_BYTES", 200_000)
    whole = archive(music / "whole.mxl", "a.xml", musicxml(xml_note("D", 4, 4)).encode())
    (music / "cut.mxl").write_bytes(whole.read_bytes()[:-60])
    whole.unlink()
    (music / "empty.mid").touch()
    (music / "noise.mid").write_bytes(bytes(range(256)))
    (music / "cut.mid").write_bytes((music / "good.mid").read_bytes()[:-9])
    (music / "huge.krn").write_bytes(b"!" * 300_000)
    (music / "cut.musicxml").write_text(musicxml(xml_note("C", 4, 4))[:-40])
    (music / "bomb.xml").write_text(BOMB)
    (music / "thief.xml").write_text(THIEF)
    (music / "abroad.xml").write_text(ABROAD)
    (music / "wide.xml").write_bytes(BOMB.encode("utf-16"))
    archive(music / "inner.mxl", "META-INF/container.xml", NESTED_BOMB.encode())
    with zipfile.ZipFile(music / "many.mxl", "w") as packed:
        for number in range(guard.MAX_ENTRIES + 1):
            packed.writestr(f"{number}.xml", "")
    (music / "late.mid").write_bytes(MANY_CENTURIES)
    (music / "beatless.musicxml").write_text(musicxml(xml_note("C", 4, 1), beats=0))
    (music / "page.xml").write_text("<html/>")
    (music / "noise.krn").write_bytes(os.urandom(500))
    (music / "noise.abc").write_bytes(os.urandom(500))
    archive(music / "none.mxl", "readme.txt", b"no music")
    archive(music / "zeros.mxl", "a.xml", bytes(guard.MAX_XML_BYTES + 1))
    (music / "gone.mid").symlink_to(tmp_path / "nowhere")

    corpus, report = prepare(music, tmp_path / "cache", jobs=2)

    assert sorted(corpus.names) == ["good", "good"]
    reasons = skipped(report)
    expected = {
        "cut.mxl": "archive",
        "empty.mid": "empty",
        "noise.mid": "MIDI",
        "cut.mid": "MIDI",
        "huge.krn": "more than",
        "cut.musicxml": "not well-formed",
        "bomb.xml": "entity",
        "thief.xml": "entity",
        "abroad.xml": "entity",
        "wide.xml": "entity",
        "inner.mxl": "entity",
        "many.mxl": "too large inside",
        "late.mid": "beyond all music",
        "beatless.musicxml": "0/4",
        "page.xml": "html",
        "noise.krn": "",
        "noise.abc": "",
        "none.mxl": "no score",
        "zeros.mxl": "too large inside",
        "gone.mid": "No such file",
    }
    assert reasons.keys() == expected.keys()
    assert all(part in reasons[name] for name, part in expected.items()), reasons


def test_a_name_of_more_than_one_line_is_told_in_one(music, tmp_path, capsys):
    (music / "two\nlines\x1b[31m.mid").touch()
    prepare_command(data=[music], cache=tmp_path / "cache", jobs=1)
    assert "two?lines?[31m.mid: the file is empty" in capsys.readouterr().out


def test_a_name_that_is_no_text_is_in_the_report(music, tmp_path):
    name = os.fsdecode(b"caf\xe9.mid")
    try:
        (music / name).touch()
    except OSError:
        pytest.skip("this system's names of files are always text")
    _, report = prepare(music, tmp_path / "cache", jobs=1)
    (kept,) = (tmp_path / "cache" / "reports").iterdir()
    assert json.loads(kept.read_bytes())["skipped"][0]["path"] == str(music / name)
    assert skipped(report) == {name: "the file is empty"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are Unix's")
def test_a_pipe_that_is_named_like_music_is_not_waited_for(music, tmp_path):
    os.mkfifo(music / "pipe.mid")
    _, report = prepare(music, tmp_path / "cache", jobs=1)
    assert skipped(report) == {"pipe.mid": "the file is empty"}


ODD_SCORES = {
    "no length": musicxml(xml_note("C", 4, 0) + xml_note("D", 4, 1)),
    "negative length": musicxml(xml_note("C", 4, 1) + xml_note("D", 4, -1)),
    "no tempo": musicxml('<direction><sound tempo="0"/></direction>' + xml_note("C", 4, 1)),
}


@pytest.mark.parametrize("odd", ODD_SCORES)
def test_odd_numbers_in_a_score_leave_notes_that_can_be_played(tmp_path, odd):
    (tmp_path / "a.musicxml").write_text(ODD_SCORES[odd])
    assert_playable(read(tmp_path / "a.musicxml").notes)


def set_tempo(microseconds):
    return [(0, mido.MetaMessage("set_tempo", tempo=microseconds))]


ODD_MIDI = {
    "no length": [*note(0, 0), *note(480, 960)],
    "no tempo": [*set_tempo(0), *note(0, 480)],
    "no meter": [(0, mido.MetaMessage("time_signature", numerator=0)), *note(0, 480)],
    "overlapping": sorted(note(0, 960) + note(480, 1440), key=lambda timed: timed[0]),
}


@pytest.mark.parametrize("odd", ODD_MIDI)
def test_odd_numbers_in_midi_leave_notes_that_can_be_played(tmp_path, odd):
    assert_playable(read(write(tmp_path / "a.mid", ODD_MIDI[odd])).notes)


def assert_playable(notes):
    """Notes have lengths, and a key is up before it is struck again."""
    assert notes
    ends: dict[int, int] = {}
    for n in notes:
        assert n.duration_ticks >= 1
        assert n.onset_ticks >= ends.get(n.pitch, 0)
        ends[n.pitch] = n.onset_ticks + n.duration_ticks


def test_an_archive_that_lies_about_its_size_unpacks_no_more_than_it_says(tmp_path):
    path = archive(tmp_path / "liar.mxl", "a.xml", b" " * 50_000_000)
    path.write_bytes(path.read_bytes().replace((50_000_000).to_bytes(4, "little"), b"\n\0\0\0"))
    tracemalloc.start()
    try:
        with pytest.raises(guard.UnreadableError, match="archive"):
            guard.unzipped_score(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


DEEDS = {
    "crash": "import os; os.abort()",
    "hang": "import time; time.sleep(60)",
    "memory": "bytearray(2**33)",
    "depth": "exec('def f(): f()\\nf()', {})",
    "surprise": "1 / 0",
    "chatter": "print('x' * 100_000, flush=True)",
}


@pytest.fixture
def bad_reader(tmp_path, monkeypatch):
    """Readers whose files can do harm: as a parser with a bug would, at the parser's place."""
    (tmp_path / "sitecustomize.py").write_text(
        "import training.reading as r\n"
        "sound = r.read_all\n"
        f"deeds = {DEEDS!r}\n"
        "def read_all(path):\n"
        "    exec(deeds.get(path.stem, ''))\n"
        "    return sound(path)\n"
        "r.read_all = read_all\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{Path.cwd()}")


def test_a_file_that_crashes_hangs_or_eats_memory_costs_only_itself(music, tmp_path, bad_reader):
    (music / "good.musicxml").unlink()  # music21 takes its time to load on a busy machine
    for index, deed in enumerate(DEEDS):
        write(music / f"{deed}.mid", note(0, 480, 50 + index))
    limits = Limits(seconds=4, megabytes=2_000)
    corpus, report = prepare(music, tmp_path / "cache", jobs=2, limits=limits)
    assert sorted(corpus.names) == ["chatter", "good"]
    assert skipped(report) == {
        "crash.mid": "reading it ended the process that read it",
        "hang.mid": "it was not read within 4 s",
        "memory.mid": "reading it takes more than 2000 MB",
        "depth.mid": "it is nested too deep to be music",
        "surprise.mid": "it cannot be read (ZeroDivisionError: division by zero)",
    }


def test_a_reader_that_is_closed_leaves_no_process_behind(music):
    reader = Reader(Limits())
    assert reader.read(music / "good.mid").reason is None
    process = reader._process
    assert process is not None
    reader.close()
    assert process.poll() is not None


def test_a_folder_without_music_is_refused_in_one_line(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match=r"no music in .*\.mid"):
        prepare(tmp_path, tmp_path / "cache")


def test_a_missing_folder_is_refused_in_one_line(tmp_path):
    with pytest.raises(UserError, match="there is no folder"):
        prepare(tmp_path / "nowhere", tmp_path / "cache")


def test_a_folder_of_nothing_but_bad_files_is_refused_with_a_reason(tmp_path):
    (tmp_path / "a.mid").touch()
    with pytest.raises(
        UserError, match=r"none of 1 files could be read; .*a\.mid: .*empty"
    ) as told:
        prepare(tmp_path, tmp_path / "cache")
    (kept,) = (tmp_path / "cache" / "reports").iterdir()
    assert str(told.value).endswith(f"report: {kept}")


def test_a_cache_that_cannot_be_written_is_refused_in_one_line(music, tmp_path):
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(UserError, match="cannot write to the cache"):
        prepare(music, tmp_path / "cache")
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "pieces.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(UserError, match="not a database"):
        prepare(music, folder)


@pytest.fixture
def much_music(tmp_path):
    """Twenty pieces, of which not all go into a cache of 40 kB."""
    folder = tmp_path / "much"
    folder.mkdir()
    chance = random.Random(1)
    for number in range(20):
        begins = sorted(chance.sample(range(0, 48_000, 20), 200))
        tune = (note(begin, begin + 20, chance.randrange(30, 90)) for begin in begins)
        write(folder / f"{number}.mid", *tune)
    return folder


@pytest.mark.parametrize("room", [40_000, 0])
def test_a_disk_that_is_full_costs_the_cache_and_not_the_run(much_music, tmp_path, room):
    """Full after some files have been read, and from the beginning."""
    screen = io.StringIO()
    with full_disk(room):
        console = Console(file=screen, width=300)
        corpus, report = prepare(much_music, tmp_path / "cache", jobs=2, console=console)
    assert (report.read, len(report.skipped)) == (20, 0)
    told = [line for line in screen.getvalue().splitlines() if "takes no more" in line]
    assert len(told) == 1
    assert "kept in memory" in told[0]
    assert "--cache" in told[0]

    again, report = prepare(much_music, tmp_path / "cache", jobs=2)
    assert same(corpus, again)
    assert report.kept + report.read == 20
    assert (report.kept > 0) == (room > 0)  # what was written by then is in the cache
    assert prepare(much_music, tmp_path / "cache", jobs=2)[1].kept == 20


def test_a_report_that_cannot_be_written_is_told_in_one_line(tmp_path):
    with pytest.raises(UserError, match=r"cannot write .*nowhere/report\.json"):
        Report().write(tmp_path / "nowhere" / "report.json")


def test_a_report_that_cannot_be_kept_ends_no_run(music, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "reports").touch()
    corpus, report = prepare(music, tmp_path / "cache", jobs=1)
    assert len(corpus) == 2
    assert report.whereabouts.startswith(f"no report: cannot make {tmp_path / 'cache'}")
