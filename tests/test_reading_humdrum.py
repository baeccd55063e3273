"""Humdrum: spines that split and join, labels that spell out repeats, dynamics in their spine."""

from __future__ import annotations

import pytest

from training.reading import UnreadableError, read


@pytest.fixture
def kern(tmp_path):
    def write(text: str):
        path = tmp_path / "a.krn"
        path.write_text("\n".join("\t".join(line.split()) for line in text.strip().splitlines()))
        return read(path).notes

    return write


def spans(notes):
    return [(n.onset_ticks, n.pitch, n.duration_ticks) for n in notes]


def test_two_staves_run_side_by_side(kern):
    notes = kern("""
        **kern **kern
        *M2/4 *M2/4
        =1 =1
        4C 8c
        . 8d
        4D 4e
        == ==
        *- *-
    """)
    assert spans(notes) == [(0, 48, 24), (0, 60, 12), (12, 62, 12), (24, 50, 24), (24, 64, 24)]


def test_a_staff_that_splits_and_joins_keeps_its_time(kern):
    notes = kern("""
        **kern **kern
        *M2/4 *M2/4
        =1 =1
        * *^
        2C 4c 2e
        . 4d .
        =2 =2 =2
        4D 4f 4a
        * *v *v
        4E 4g
        =3 =3
        2F 2b
        *- *-
    """)
    assert spans(notes)[-2:] == [(96, 53, 48), (96, 71, 48)]
    assert [n.bar_ticks for n in notes if n.onset_ticks == 72] == [24, 24]


def test_ties_chords_and_grace_notes(kern):
    notes = kern(
        """
        **kern
        *M3/4
        =1
        4c
        8qd
        [2e
        =2
        4e]
        2c[
    """.replace("2c[", "2c")
    )
    assert spans(notes) == [(0, 60, 24), (21, 62, 3), (24, 64, 72), (96, 60, 48)]


def test_repeats_follow_the_spelled_out_order(kern):
    notes = kern("""
        **kern
        *>[A,A1,A,A2]
        *M1/4
        *>A
        =1
        4c
        *>A1
        =2
        4d
        *>A2
        =3
        4e
        *-
    """)
    assert [n.pitch for n in notes] == [60, 62, 60, 64]


def test_repeat_signs_count_where_no_order_is_spelled_out(kern):
    notes = kern("""
        **kern
        *M1/4
        =1
        4c
        =2!|:
        4d
        =:|!
        4e
        *-
    """)
    assert [n.pitch for n in notes] == [60, 62, 62, 64]


def test_dynamics_count_even_on_a_line_without_a_note(kern):
    notes = kern("""
        **kern **kern **dynam
        *part1 *part1 *part1
        *M2/4 *M2/4 *
        =1 =1 =1
        2C 4c .
        . 4d p
        =2 =2 =2
        2C 4c .
        . . ff<
        . 4d .
        *- *- *-
    """)
    by_pitch = [(n.onset_ticks, n.velocity is not None and n.velocity > 64) for n in notes]
    assert by_pitch == [(0, False), (0, False), (24, False), (48, False), (48, False), (72, True)]
    assert [n.velocity is None for n in notes] == [True, True, False, False, False, False]


def test_the_staff_above_the_words_of_a_song_is_the_voice(kern):
    notes = kern("""
        **kern **kern **kern **text
        *Ipiano *Ipiano * *
        =1 =1 =1 =1
        4C 4E 4c La
        *- *- *- *-
    """)
    assert [n.instrument for n in notes] == [0, 0, 52]


def test_a_pick_up_counts_from_the_end_of_its_bar(kern):
    notes = kern("""
        **kern
        *M3/4
        4c
        =1
        2.d
        =2
        *-
    """)
    assert [n.bar_ticks for n in notes] == [48, 0]


def test_columns_that_do_not_add_up_are_refused_with_their_line(kern):
    with pytest.raises(UnreadableError, match="line 2 has 1 columns where 2 are due"):
        kern("""
            **kern **kern
            4c
        """)


def test_a_token_without_a_pitch_is_a_rest(kern):
    assert spans(kern("**kern\n4\n4c\n*-")) == [(24, 60, 24)]
