"""Preparing folders: each file once, duplicates told, works told apart, the same with any jobs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from live.events import Note, encode_piece
from tests.models import write_model
from tests.music import library, musicxml, play, same, tune, xml_note
from training.cli import app
from training.columns import columns_of, encode_columns, notes_of
from training.prepare import music_files, prepare
from training.reading import read
from training.report import Left, Report, show
from training.works import same_works, split


@pytest.fixture
def music(tmp_path):
    return library(tmp_path / "music")


def test_a_corpus_holds_what_the_reader_reads(music, tmp_path):
    (music / "score.musicxml").write_text(musicxml(xml_note("C", 4, 4), xml_note("D", 4, 4)))
    corpus, report = prepare(music, tmp_path / "cache", jobs=2)
    assert (report.files, report.read, report.kept, len(report.skipped)) == (14, 13, 0, 1)
    assert (report.pieces, report.works) == (13, 13)
    assert report.notes == 12 * 120 + 2
    assert list(corpus.sources) == sorted(corpus.sources)
    for index in range(len(corpus)):
        piece = read(Path(corpus.sources[index]))
        assert corpus.piece(index) == piece
        assert np.array_equal(corpus.tokens(index), encode_piece(piece.notes))


def test_one_reader_and_two_give_the_same_corpus(music, tmp_path):
    one, _ = prepare(music, tmp_path / "one", jobs=1)
    two, _ = prepare(music, tmp_path / "two", jobs=2)
    assert same(one, two)


def test_a_second_run_reads_nothing_and_gives_the_same(music, tmp_path, monkeypatch):
    first, _ = prepare(music, tmp_path / "cache", jobs=2)

    def none_may_read(*_):
        raise AssertionError("a file was read again")

    monkeypatch.setattr("training.reading.isolated.Reader.read", none_may_read)
    second, report = prepare(music, tmp_path / "cache", jobs=2)
    assert same(first, second)
    assert (report.read, report.kept, len(report.skipped)) == (0, 12, 1)


def test_the_content_counts_and_not_the_name_or_the_date(music, tmp_path):
    prepare(music, tmp_path / "cache", jobs=2)
    moved = tmp_path / "moved"
    shutil.copytree(music, moved)
    play(moved / "part0" / "00.mid", tune(99))
    _, report = prepare(moved, tmp_path / "cache", jobs=2)
    assert (report.read, report.kept) == (1, 11)


def test_another_version_of_the_reader_reads_everything_again(music, tmp_path, monkeypatch):
    prepare(music, tmp_path / "cache", jobs=2)
    monkeypatch.setattr("training.store.READER_VERSION", 1_000)
    _, report = prepare(music, tmp_path / "cache", jobs=2)
    assert (report.read, report.kept) == (12, 0)


def test_files_that_were_refused_are_read_again_on_request_only(music, tmp_path, monkeypatch):
    prepare(music, tmp_path / "cache", jobs=1)
    reads = []
    monkeypatch.setattr(
        "training.prepare.read_here", lambda paths, *_: reads.extend(paths) or (x for x in ())
    )
    prepare(music, tmp_path / "cache", jobs=1)
    assert reads == []
    with pytest.raises(KeyError):  # nothing came of the file, as reading is cut out here
        prepare(music, tmp_path / "cache", jobs=1, retry=True)
    assert [path.name for path in reads] == ["bad.mid"]


def test_a_run_that_is_killed_goes_on_where_it_was(music, tmp_path):
    cache = tmp_path / "cache"
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "sitecustomize.py").write_text(
        "import time, training.reading as r\n"
        "sound = r.read_all\n"
        "r.read_all = lambda path: (time.sleep(0.3), sound(path))[1]\n"
    )
    code = "import sys; from pathlib import Path; from training.prepare import prepare\n"
    code += "prepare(Path(sys.argv[1]), Path(sys.argv[2]), jobs=1)"
    environment = {**os.environ, "PYTHONPATH": f"{slow}{os.pathsep}{Path.cwd()}"}
    run = subprocess.Popen([sys.executable, "-c", code, music, cache], env=environment)
    until = time.monotonic() + 20
    while time.monotonic() < until and entries(cache) < 3:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    before = entries(cache)
    assert 3 <= before < 13
    resumed, report = prepare(music, cache, jobs=2)
    assert report.read + report.kept + len(report.skipped) == 13
    assert report.read + (1 if not_yet_refused(report, before) else 0) == 13 - before
    assert same(resumed, prepare(music, tmp_path / "other", jobs=1)[0])


def not_yet_refused(report, before: int) -> bool:
    return report.kept == before  # so the bad file is among those of this run


def entries(cache: Path) -> int:
    try:
        with sqlite3.connect(f"file:{cache / 'pieces.sqlite'}?mode=ro", uri=True) as database:
            return database.execute("SELECT count(*) FROM files").fetchone()[0]
    except sqlite3.Error:
        return 0


def test_files_of_music_are_found_in_folders_within(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("a/b/one.MID", "two.mid", "a/three.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in music_files([tmp_path])] == ["one.MID", "two.mid"]


def test_copies_are_counted_and_dropped(music, tmp_path):
    shutil.copy(music / "part0" / "00.mid", music / "copy.mid")
    tempo = play(music / "tempo.mid", tune(1), beat=480)  # other bytes, other beats: other notes
    content = (music / "part2" / "02.mid").read_bytes()
    (music / "twin.mid").write_bytes(content + b"\x00")  # other bytes, the same notes
    corpus, report = prepare(music, tmp_path / "cache", jobs=2)
    told = {Path(left.path).name: left.reason for left in report.duplicated}
    assert str(tempo) in corpus.sources
    assert told.keys() == {"00.mid", "twin.mid"}  # the first in the order of paths stays
    assert "the same file" in told["00.mid"]
    assert "has the notes" in told["twin.mid"]
    assert report.pieces == 13


def test_the_report_and_the_command_line_name_every_file(music, tmp_path):
    report = tmp_path / "report.json"
    result = CliRunner().invoke(
        app,
        ["prepare", "--data", str(music), "--cache", str(tmp_path / "c"), "--report", str(report)],
    )
    assert result.exit_code == 0, result.output
    assert "13 files: 12 read, 0 from the cache, 1 skipped, 0 duplicated" in result.output
    assert "bad.mid: not a readable MIDI file" in result.output
    written = json.loads(report.read_text())
    assert [Path(left["path"]).name for left in written["skipped"]] == ["bad.mid"]
    assert written["notes"] == 12 * 120
    (kept,) = (tmp_path / "c" / "reports").iterdir()
    assert result.output.splitlines()[-1] == f"report: {kept}"
    assert json.loads(kept.read_text()) == written


def test_every_run_leaves_a_report_and_the_same_music_one_only(music, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    _, first = prepare(music, cache, jobs=1)
    (kept,) = (cache / "reports").iterdir()
    assert first.whereabouts == f"report: {kept}"
    (music / "worse.mid").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    _, second = prepare(Path("music"), cache, jobs=1)
    assert second.whereabouts == first.whereabouts
    told = {Path(left["path"]).name for left in json.loads(kept.read_text())["skipped"]}
    assert told == {"bad.mid", "worse.mid"}
    prepare(music / "part0", cache, jobs=1)
    assert len(list((cache / "reports").iterdir())) == 2


def test_of_many_skipped_files_some_are_shown_and_all_are_in_the_report(tmp_path):
    left = [Left(f"{number}.mid", "the file is empty") for number in range(25)]
    report = Report(skipped=left, whereabouts="report: here")
    console = Console(record=True, width=60)
    show(report, console)
    lines = console.export_text().splitlines()
    assert sum(line.startswith("skipped") for line in lines) == 20
    assert "and 5 more that were skipped" in lines
    assert lines[-1] == "report: here"


@pytest.mark.parametrize("command", ["evaluate", "generate"])
def test_what_is_judged_or_continued_is_told_like_what_is_learnt_from(music, tmp_path, command):
    result = CliRunner().invoke(
        app,
        [command, "--data", str(music), "--cache", str(tmp_path / "cache")]
        + ["--model", str(write_model(tmp_path / "known.onnx"))]
        + (["--out", str(tmp_path / "out.mid"), "--notes", "5"] if command == "generate" else [])
        + (["--json", "--continuations", "0"] if command == "evaluate" else []),
    )
    assert result.exit_code == 0, result.output
    (kept,) = (tmp_path / "cache" / "reports").iterdir()
    assert f"report: {kept}" in result.stderr
    assert "bad.mid: not a readable MIDI file" in result.stderr
    assert "report" not in result.stdout


# --- works -----------------------------------------------------------------------------------


def piece(pitches: list[int], step: int = 12):
    return columns_of(Note(i * step, p, 0, step, None, 0) for i, p in enumerate(pitches))


def test_other_keys_note_values_cuts_and_small_changes_are_the_same_work():
    first = tune(1, 400)
    changed = [p + 1 if i % 40 == 17 else p for i, p in enumerate(first)]
    pieces = [
        piece(first),
        piece([p + 5 for p in first]),
        piece(first, step=24),
        piece(first[100:250]),
        piece(changed),
        piece(tune(2, 400)),
    ]
    assert same_works(pieces).tolist() == [0, 0, 0, 0, 0, 1]


def test_a_short_tune_in_another_key_is_the_same_work():
    first, second = [60, 62, 64], [60, 62, 65]
    pieces = [piece(first), piece(second), piece([p - 7 for p in first])]
    assert same_works(pieces).tolist() == [0, 1, 0]


def test_scales_and_repeated_notes_make_no_work():
    scale = [60 + i % 8 for i in range(200)]
    assert same_works([piece([*scale, *tune(1)]), piece([*scale, *tune(2)])]).tolist() == [0, 1]
    assert same_works([piece([60] * 200), piece([60] * 200, step=6), piece([])]).tolist() == [
        0,
        1,
        2,
    ]
    assert same_works([]).tolist() == []


def test_no_work_is_on_two_sides_and_other_works_change_nothing():
    works = np.array([i // 2 for i in range(600)], dtype=np.int32)
    names = [f"{i:04}".encode() for i in range(600)]
    whole = split(works, names, 0.1, 0.1)
    sides = (whole.train, whole.validation, whole.test)
    assert sorted(sum(sides, ())) == list(range(600))
    assert [len(side) for side in sides] == pytest.approx([480, 60, 60], rel=0.35)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not {works[i] for i in sides[one]} & {works[i] for i in sides[other]}
    half = split(works[:300], names[:300], 0.1, 0.1)
    for side, part in zip(sides, (half.train, half.validation, half.test), strict=True):
        assert set(part) == {i for i in side if i < 300}


@pytest.mark.parametrize(("count", "sizes"), [(1, (1, 0, 0)), (2, (1, 1, 0)), (3, (1, 1, 1))])
def test_of_very_few_works_one_is_held_out_if_another_is_left(count, sizes):
    parts = split(np.arange(count, dtype=np.int32), [bytes([i]) for i in range(count)], 1e-9, 1e-9)
    assert tuple(map(len, (parts.train, parts.validation, parts.test))) == sizes


# --- columns ---------------------------------------------------------------------------------

GAPS = st.one_of(st.integers(0, 30), st.integers(90, 800), st.just(0))
ROWS = st.tuples(
    GAPS,
    st.integers(0, 127),
    st.none() | st.integers(0, 128),
    st.none() | st.integers(1, 900),
    st.none() | st.integers(1, 127),
    st.none() | st.integers(0, 600),
)


@given(st.lists(ROWS, max_size=40))
def test_columns_hold_notes_and_spell_the_same_events(rows):
    onset, notes = 0, []
    for gap, *rest in rows:
        onset += gap
        notes.append(Note(onset, *rest))
    columns = columns_of(notes)
    assert notes_of(columns) == tuple(sorted(notes, key=lambda n: n.sort_key))
    assert np.array_equal(encode_columns(columns), encode_piece(notes))
