"""Notation: ties, grace notes, repeats, pick-ups, dynamics, instruments; MusicXML, Humdrum, ABC."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from music21 import corpus

from live.events import DRUMS
from tests.music import musicxml, xml_note
from training.reading import UnreadableError, read, read_all

CORPUS = Path(corpus.__file__).parent


def grace(step: str, octave: int) -> str:
    return f"<note><grace/><pitch><step>{step}</step><octave>{octave}</octave></pitch></note>"


def repeat(direction: str) -> str:
    side = "left" if direction == "forward" else "right"
    return f'<barline location="{side}"><repeat direction="{direction}"/></barline>'


def heard(path: Path) -> list[tuple[int, int, int | None]]:
    return [(n.onset_ticks, n.pitch, n.duration_ticks) for n in read(path).notes]


@pytest.fixture
def score(tmp_path):
    def write(*measures: str, suffix: str = ".musicxml", **options) -> Path:
        path = tmp_path / f"score{suffix}"
        path.write_text(musicxml(*measures, **options))
        return path

    return write


def test_notes_chords_and_rests_stand_where_they_are_written(score):
    rest = "<note><rest/><duration>24</duration></note>"
    chord = xml_note("E", 4, 2).replace("<note>", "<note><chord/>")
    path = score(rest + xml_note("C", 4, 2) + chord + xml_note("G", 4, 1))
    assert heard(path) == [(24, 60, 48), (24, 64, 48), (72, 67, 24)]


def test_tied_notes_are_one_note_even_across_a_bar(score):
    path = score(
        xml_note("C", 4, 4, '<tie type="start"/>'),
        xml_note("C", 4, 4, '<tie type="stop"/>', '<tie type="start"/>'),
        xml_note("C", 4, 1, '<tie type="stop"/>') + xml_note("C", 4, 3),
    )
    assert heard(path) == [(0, 60, 216), (216, 60, 72)]


def test_grace_notes_are_short_notes_just_before_theirs(score):
    path = score(xml_note("C", 4, 2) + grace("E", 4) + grace("F", 4) + xml_note("G", 4, 2))
    assert heard(path) == [(0, 60, 48), (42, 64, 3), (45, 65, 3), (48, 67, 48)]


def test_grace_notes_before_the_first_beat_move_the_piece_and_not_its_bars(score):
    path = score(grace("E", 4) + xml_note("G", 4, 4))
    assert [(n.onset_ticks, n.bar_ticks) for n in read(path).notes] == [(0, 93), (3, 0)]


def test_tuplets_lie_on_the_grid(score):
    triplet = [xml_note("C", 4, 1 / 3), xml_note("D", 4, 1 / 3), xml_note("E", 4, 1 / 3)]
    assert [n[0] for n in heard(score("".join(triplet) + xml_note("F", 4, 3)))] == [0, 8, 16, 24]


def test_repeats_and_endings_are_played_out(score):
    def ending(number: int, kind: str, inside: str = "") -> str:
        side = "left" if kind == "start" else "right"
        sign = f'<ending number="{number}" type="{kind}"/>{inside}'
        return f'<barline location="{side}">{sign}</barline>'

    again = '<repeat direction="backward"/>'
    path = score(
        xml_note("C", 4, 4),
        ending(1, "start") + xml_note("D", 4, 4) + ending(1, "stop", again),
        ending(2, "start") + xml_note("E", 4, 4) + ending(2, "stop"),
        repeat("forward") + xml_note("F", 4, 4) + repeat("backward"),
    )
    assert [n[1] for n in heard(path)] == [60, 62, 60, 64, 65, 65]


def test_da_capo_al_fine_ends_at_the_fine(score):
    words = "<direction><direction-type><words>{}</words></direction-type></direction>"
    path = score(
        xml_note("C", 4, 4) + words.format("Fine"),
        xml_note("D", 4, 4) + words.format("D.C. al Fine"),
    )
    assert [n[1] for n in heard(path)] == [60, 62, 60]


def test_repeats_without_bound_do_not_explode(score):
    again = '<barline location="right"><repeat direction="backward" times="100000"/></barline>'
    assert len(heard(score(xml_note("C", 4, 4) + again))) == 1


def test_a_pick_up_counts_from_the_end_of_its_bar(score):
    path = score(xml_note("G", 4, 1), xml_note("C", 5, 4))
    assert [(n.onset_ticks, n.bar_ticks) for n in read(path).notes] == [(0, 72), (24, 0)]


def test_a_bar_that_a_repeat_cuts_in_two_goes_on_after_it(score):
    path = score(
        xml_note("G", 4, 1),
        xml_note("C", 5, 4),
        xml_note("C", 5, 3) + repeat("backward"),
        repeat("forward") + xml_note("E", 5, 1),
        xml_note("F", 5, 4),
    )
    assert [n.bar_ticks for n in read(path).notes] == [72, 0, 0, 72, 0, 0, 72, 0]


def test_dynamics_are_velocities_from_where_they_begin(score):
    mark = "<direction><direction-type><dynamics><{}/></dynamics></direction-type></direction>"
    path = score(
        xml_note("C", 4, 1)
        + mark.format("p")
        + xml_note("D", 4, 1)
        + mark.format("sfz")
        + xml_note("E", 4, 1)
        + xml_note("F", 4, 1),
        mark.format("ff") + xml_note("G", 4, 4),
    )
    before, soft, accent, after, loud = (n.velocity for n in read(path).notes)
    assert before is None
    assert soft is not None
    assert loud is not None
    assert soft == after < 64 < loud
    assert accent > soft


def test_without_dynamics_velocities_are_unknown(score):
    assert read(score(xml_note("C", 4, 4))).notes[0].velocity is None


def test_a_transposing_instrument_is_read_as_it_sounds(score):
    clarinet = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    path = score(xml_note("D", 4, 4), name="Clarinet in Bb", first=clarinet)
    assert [(n.pitch, n.instrument) for n in read(path).notes] == [(60, 71)]


@pytest.mark.parametrize(
    ("name", "program"),
    [("Soprano", 52), ("Singstimme", 52), ("Violin 2", 40), ("Klavier", 0), ("", 0)],
)
def test_parts_are_played_by_the_instruments_they_name(score, name, program):
    assert read(score(xml_note("C", 4, 4), name=name)).notes[0].instrument == program


def test_unpitched_notes_are_drums_where_the_score_says_which(score, tmp_path):
    hit = (
        "<note><unpitched><display-step>C</display-step><display-octave>5</display-octave>"
        "</unpitched><duration>96</duration>{}</note>"
    )
    path = score(hit.format('<instrument id="P1-I39"/>'))
    path.write_text(
        path.read_text().replace(
            "</part-name>",
            '</part-name><score-instrument id="P1-I39"><instrument-name>Snare</instrument-name>'
            '</score-instrument><midi-instrument id="P1-I39"><midi-channel>10</midi-channel>'
            "<midi-unpitched>39</midi-unpitched></midi-instrument>",
        )
    )
    assert [(n.pitch, n.instrument) for n in read(path).notes] == [(38, DRUMS)]
    with pytest.raises(UnreadableError, match="no notes"):
        read(score(hit.format("")))


def test_a_compressed_score_is_the_same_music(score, tmp_path):
    plain = score(xml_note("C", 4, 4))
    packed = tmp_path / "packed.mxl"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(plain, "score.xml")
    assert read(packed).notes == read(plain).notes
    assert read(score(xml_note("C", 4, 4), suffix=".xml")).notes == read(plain).notes


def test_abc_with_repeats_chords_and_a_pick_up(tmp_path):
    path = tmp_path / "tune.abc"
    # music21 makes measures of a tune only if it has a few bar lines.
    path.write_text("X:1\nT:A tune\nM:3/4\nL:1/4\nK:G\nG|:G2[GB]|d3:|g3|d3|G3|]\n")
    assert [(n.onset_ticks, n.pitch, n.bar_ticks) for n in read(path).notes[:9]] == [
        (0, 67, 48),
        (24, 67, 0),
        (72, 67, 48),
        (72, 71, 48),
        (96, 74, 0),
        (168, 67, 0),
        (216, 67, 48),
        (216, 71, 48),
        (240, 74, 0),
    ]


def test_a_tune_book_is_read_tune_by_tune(tmp_path):
    path = tmp_path / "book.abc"
    path.write_text("".join(f"X:{i}\nT:No. {i}\nM:4/4\nL:1/4\nK:C\nCDEF|\n\n" for i in (1, 2, 3)))
    assert [piece.name for piece in read_all(path)] == ["book 1", "book 2", "book 3"]


def test_a_chorale_has_the_notes_that_music21_finds_in_it():
    path = CORPUS / "bach" / "bwv66.6.mxl"
    flat = corpus.parse(path).stripTies().flatten().notes
    expected = sorted({(round(n.offset * 24), p.midi) for n in flat for p in n.pitches})
    assert sorted({(n.onset_ticks, n.pitch) for n in read(path).notes}) == expected
    assert read(path).notes[0].bar_ticks == 72


def test_two_editions_in_two_formats_agree():
    krn = read(CORPUS / "beethoven" / "opus18no1" / "movement1.krn")
    mxl = read(CORPUS / "beethoven" / "opus18no1" / "movement1.mxl")
    onsets = [{(n.onset_ticks, n.pitch) for n in piece.notes} for piece in (krn, mxl)]
    assert len(onsets[0] & onsets[1]) > 0.98 * max(map(len, onsets))
    assert {n.instrument for n in krn.notes} == {n.instrument for n in mxl.notes} == {40, 41, 42}


def test_another_ending_is_no_music(tmp_path):
    with pytest.raises(UnreadableError, match=r"\.txt"):
        read(tmp_path / "a.txt")
