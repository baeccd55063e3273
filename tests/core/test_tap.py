"""Tempo by tapping."""

from __future__ import annotations

import pytest

from live.core.tap import TapTempo
from live.messages import Changed
from tests.core.room import Room


def tapped(*times_s):
    taps = TapTempo()
    return [taps.tap(at_s) for at_s in times_s]


def test_the_second_tap_gives_a_tempo_and_the_next_ones_refine_it():
    tempi = tapped(1.0, 1.52, 2.0, 2.51, 3.0)
    assert tempi[0] is None
    assert tempi[1] == pytest.approx(60 / 0.52, abs=0.1)
    assert tempi[-1] == pytest.approx(120, abs=0.5)


def test_a_pause_begins_a_new_count():
    assert tapped(1.0, 1.5, 2.0, 9.0, 9.4)[-1] == pytest.approx(150)


def test_taps_at_another_pace_begin_a_new_count():
    assert tapped(1.0, 2.0, 3.0, 3.4, 3.8)[-1] == pytest.approx(150)


def test_what_is_no_tempo_is_none():
    assert tapped(1.0, 1.01) == [None, None]


def test_tapping_on_a_pad_changes_the_tempo_of_what_is_planned():
    room = Room(mode="continue", bpm=120)
    room.play(room.note(0, 0.5, 60), until=8)
    for beat in range(4):
        room.command(8 + beat * 1.5, "tap")
    assert room.core.settings.bpm == pytest.approx(80)
    assert [c.value for c in room.others if isinstance(c, Changed)][-1] == pytest.approx(80)
    room.pass_until(room.now + 4)
    assert room.core.view(room.now).bpm == pytest.approx(80)
