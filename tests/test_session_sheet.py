"""Sheet music of a session: its tempo and bars are those in which the music begins."""

import json
from xml.etree import ElementTree

import pytest

from training.session_sheet import main, session_sheet

HEADER = {"journal": 1, "bpm": 120.0, "beats_per_bar": 4, "origin_s": 0.0}
IN_THREE_AT_90 = (60 / 90 / 24, 0, 72)
"""Of a beat mark, after its tick: seconds per tick, a downbeat, ticks of a bar."""


def journal_of(folder, lines, header=HEADER):
    path = folder / "session.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in (header, *lines)))
    return path


def notes(kind, begin_s, beat_s, count=6):
    for number in range(count):
        onset = begin_s + number * beat_s
        yield [kind, onset, bytes([0x90, 60 + number, 80]).hex()]
        yield [kind, onset + 0.9 * beat_s, bytes([0x80, 60 + number, 0]).hex()]


def sheet(journal):
    """Return beats per bar, BPM, and of each part the pitches or rests of its first bar."""
    score = ElementTree.fromstring(session_sheet(journal))
    firsts = [
        [f"{n.findtext('pitch/step', 'rest')}" for n in part.find("measure").findall("note")]
        for part in score.findall("part")
    ]
    bpm = score.find(".//sound[@tempo]").get("tempo")
    return int(score.findtext(".//beats")), float(bpm), firsts


@pytest.mark.parametrize("kind", ["in", "out"])
def test_tempo_and_bars_are_those_of_the_mark_in_force_at_the_first_note(tmp_path, kind):
    lines = [
        ["beat", 0.5, 0.0, 60 / 200 / 24, 0, 48],  # that was before
        ["beat", 2.0, 72.0, *IN_THREE_AT_90],
        *notes(kind, 2.0, 60 / 90),
        ["beat", 30.0, 720.0, 60 / 50 / 24, 0, 120],  # and that is later
    ]
    assert sheet(journal_of(tmp_path, lines)) == (3, pytest.approx(90), [["C", "C", "D"]])


def test_music_begins_with_the_bar_of_the_first_note(tmp_path):
    lines = [
        ["beat", 2.0, 24.0, *IN_THREE_AT_90],  # on the second beat of a bar
        *notes("out", 2.0, 60 / 90),
        *notes("in", 2.0 + 4 / 3, 60 / 90),
    ]
    beats, _, firsts = sheet(journal_of(tmp_path, lines))
    assert beats == 3
    assert ["rest", "C", "C"] in firsts


@pytest.mark.parametrize("damage", [0, -4, 10**6, None, "3", 1.5])
def test_damaged_header_makes_a_sheet_in_four(tmp_path, damage):
    header = {**HEADER, "beats_per_bar": damage, "bpm": damage}
    assert sheet(journal_of(tmp_path, notes("in", 1.0, 0.5), header))[:2] == (4, 120.0)


def test_what_goes_wrong_is_one_line(tmp_path, capsys):
    good = journal_of(tmp_path, notes("in", 1.0, 0.5))
    for journal, target in ((good, "gone/s.musicxml"), (tmp_path / "none", "s.musicxml")):
        assert main([str(journal), str(tmp_path / target)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
