"""The other modes, the ends of phrases and answers, and the commands, on a simulated clock."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.core.binding import Binding
from live.core.controls import Control
from live.messages import Marked, Yield
from tests.core.room import Room, Sure
from tests.core.test_turns import messages, phrase


def onsets(room):
    return [n.onset_s / room.beat for n in room.model]


def test_listen_hears_and_does_not_play():
    room = Room(mode="listen")
    room.play(*phrase(room), until=60)
    room.command(61, "your_turn")
    room.command(62, "again")
    room.pass_until(100 * room.beat)
    assert room.model == []
    assert len(room.core._score) == 8


def test_solo_begins_by_itself_and_plays_a_piece_with_an_end():
    room = Room(mode="solo", seed=4)
    room.now = 1.0
    room.pass_until(300 * room.beat)
    assert room.model
    assert min(onsets(room)) <= 1.0 / room.beat + 1.02
    last = max(n.release_s for n in room.model)
    assert [t.turn for t in room.turns] == ["model", "player"]
    assert room.turns[-1].notes == len(room.model)
    assert last / room.beat > 8 * 4  # eight bars at least
    assert room.core.wake_at() is None
    room.command(300, "your_turn")
    room.pass_until(310 * room.beat)
    assert max(onsets(room)) > 300  # and another piece


def test_player_ends_a_solo():
    room = Room(mode="solo")
    room.now = 0.0
    room.pass_until(10 * room.beat)
    room.play(room.note(10.3, 0.5, 60), until=60)
    assert all(n.release_s <= 10.3 * room.beat + 1e-9 for n in room.model)


def test_duet_joins_in_on_the_beat_and_plays_along():
    room = Room(mode="duet")
    room.play(*[room.note(i, 0.9, 60 + i % 12) for i in range(40)], until=42)
    assert room.model[0].onset_s == pytest.approx(1 * room.beat)
    assert room.yields == []
    inside = [at for at in onsets(room) if 10 <= at < 40]
    assert len(inside) > 10


@pytest.mark.parametrize(("handover", "beat"), [("beat", 1), ("bar", 4)])
def test_duet_joins_in_on_the_beat_however_much_is_played_before_it(handover, beat):
    room = Room(mode="duet", handover=handover)
    room.play(*[room.note(i / 4, 0.2, 60 + i % 12) for i in range(40)])
    assert onsets(room)[0] == pytest.approx(beat)


def test_duet_plans_anew_what_was_not_handed_out():
    def session(pitch):
        room = Room(mode="duet", seed=9, bpm=120, horizon_ms=100)
        room.play(room.note(0, 0.5, 60), until=6)
        room.play(room.note(6.03, 0.5, pitch), until=12)
        at_s = 6.03 * room.beat
        settled = [(n.onset_s, n.pitch) for n in room.model if n.onset_s <= at_s + 0.1]
        later = [(n.onset_s, n.pitch) for n in room.model if n.onset_s > at_s + 0.1]
        assert all(n.handed_out_s <= n.onset_s for n in room.model)
        assert all(n.handed_out_s >= at_s - 1e-9 for n in room.model if n.onset_s > at_s + 0.1)
        return settled, later

    low, high = session(50), session(72)
    untouched = Room(mode="duet", seed=9, bpm=120, horizon_ms=100)
    untouched.play(untouched.note(0, 0.5, 60), until=12)
    assert low[0] == high[0]
    assert low[0]
    alone = [(n.onset_s, n.pitch) for n in untouched.model if n.onset_s > 6.03 * 0.5 + 0.1]
    assert low[1] != alone


def test_duet_goes_on_after_a_rest_where_it_likes():
    room = Room(Sure(shift=(30,), duration=(6,)), mode="duet", seed=3, bpm=40)
    room.play(*[room.note(2 * i, 0.5, 60 + i % 12) for i in range(16)], until=32)
    assert room.core.counters["overslept"] == 0
    assert len([at for at in onsets(room) if abs(at - round(at)) > 0.01]) > 10  # off the beat


def test_duet_does_not_depend_on_how_often_the_core_is_asked():
    def session(nudges):
        room = Room(mode="duet", seed=3)
        for i in range(12):
            for k in range(nudges):
                at = (i + k / nudges) * room.beat
                room.pass_until(at)
                room._take(room.core.advance(at))
            room.play(room.note(i + 0.98, 0.3, 55 + i))
        room.pass_until(20 * room.beat)
        return [(n.onset_s, n.release_s, n.pitch) for n in room.model]

    first = session(0)
    assert len(first) > 10
    assert session(7) == first


def test_phrase_ends_at_the_first_bar_line_after_half_a_beat_of_silence():
    room = Room(phrase_end="bar")
    room.play(*phrase(room, notes=5), until=7.7)
    assert room.model == []
    room.pass_until(9 * room.beat)
    assert room.model[0].onset_s == pytest.approx(8 * room.beat)

    room = Room(phrase_end="bar")
    room.play(room.note(0, 1, 60), room.note(3, 2.5, 64), until=9)  # held over the line at 4
    assert room.model[0].onset_s == pytest.approx(8 * room.beat)


def test_phrase_ends_by_trigger_only():
    pedal = Binding.parse("cc 67")
    room = Room(phrase_end="trigger", controls=(Control(pedal, "command", "your_turn"),))
    room.play(*phrase(room, notes=3), until=40)
    assert room.model == []
    room.play([(40.1 * room.beat, bytes([0xB0, 67, 127]))], until=50)
    assert room.model[0].onset_s == pytest.approx(41 * room.beat)


def test_answer_lasts_some_bars_or_as_long_as_the_model_likes():
    room = Room(answer="bars", answer_bars=2)
    room.play(*phrase(room, notes=3), until=60)
    assert 4 < max(onsets(room)) - min(onsets(room)) < 8
    room = Room(answer="model", seed=2)
    room.play(*phrase(room, notes=3), until=300)
    assert [t.turn for t in room.turns] == ["model", "player"]
    assert max(onsets(room)) - min(onsets(room)) >= 4


def test_my_turn_stops_the_model():
    room = Room(mode="continue")
    room.play(*phrase(room, notes=3), until=10)
    room.command(10.2, "my_turn")
    room.pass_until(60 * room.beat)
    assert max(n.release_s for n in room.model) <= 10.2 * room.beat + 1e-9
    assert room.turns[-1].turn == "player"


@pytest.mark.parametrize("when", [12, 30])  # while it is said, and after
def test_again_takes_the_answer_back_and_gives_another(when):
    room = Room()
    room.play(*phrase(room), until=when)
    first = [n.pitch for n in room.model]
    assert first
    room.command(when + 0.1, "again")
    assert len(room.core._score) == 8 + len(room.core._voice.speech.notes)
    room.pass_until((when + 30) * room.beat)
    second = [n for n in room.model if n.onset_s > (when + 0.1) * room.beat]
    assert second[0].onset_s == pytest.approx((when + 1) * room.beat)
    assert [n.pitch for n in second] != first[: len(second)]
    assert second[-1].onset_s < (when + 1 + 8) * room.beat


@pytest.mark.parametrize("bpm", [60, 240])
def test_another_answer_is_as_long_as_the_phrase_though_the_tempo_is_another_now(bpm):
    room = Room()
    room.play(*phrase(room, notes=4), until=60)
    room._take(room.core.change(room.now, bpm=bpm))
    room.command(61, "again")
    assert room.core._voice.speech.end_tick - room.core._voice.speech.start_tick == 4 * 24


def test_again_gives_another_when_the_window_held_nothing_but_the_answer():
    for seed in range(1, 9):
        room = Room(answer="bars", seed_window=1, seed=seed)
        room.play(room.note(0, 0.5, 60), until=30)
        room.command(30, "again")
        room.pass_until(50 * room.beat)
        assert [n for n in room.model if n.onset_s > 30 * room.beat]


def test_again_does_nothing_without_an_answer():
    room = Room()
    room.command(1, "again")
    room.play(*phrase(room, start=2, notes=2))
    room.command(3.95, "again")
    assert room.model == []


def test_keep_marks_and_panic_takes_back_all_that_was_handed_out_and_ends_nothing_twice():
    room = Room(mode="continue")
    room.play(*phrase(room, notes=3), until=10)
    room.command(10.5, "keep")
    room.command(11, "panic")
    assert room.others == [Marked(10.5 * room.beat, "keep")]
    assert set(room.yields) == {11 * room.beat}


def test_nothing_is_answered_after_a_panic():
    room = Room()
    room.play(*phrase(room, notes=3))
    room.command(3.92, "panic")  # the answer is prepared already
    room.pass_until(30 * room.beat)
    assert room.model == []


def test_held_notes_are_told_as_whole_notes_when_the_model_begins():
    room = Room(
        phrase_end="trigger", controls=(Control(Binding.parse("cc 67"), "command", "your_turn"),)
    )
    room.play([(0.0, bytes([0x90, 60, 80]))], [(3 * room.beat, bytes([0xB0, 67, 127]))], until=8)
    assert room.model
    (entry,) = room.core._hearing._sounding.values()
    assert entry.note.duration_ticks >= 3 * 24
    room.play([(9 * room.beat, bytes([0x80, 60, 0]))])
    assert entry.note.duration_ticks == 9 * 24


def test_bound_control_is_no_music_and_works_once_a_press():
    pad = Binding.parse("note 36 channel 10")
    room = Room(
        mode="continue",
        controls=(
            Control(pad, "command", "your_turn"),
            Control(Binding("cc", 1), "command", "my_turn"),
        ),
    )
    room.play(room.note(0, 0.1, 36, channel=9), until=4)
    assert room.model
    assert len(room.core._hearing._sounding) == 0
    wheel = [(4 * room.beat + i / 100, bytes([0xB0, 1, v])) for i, v in enumerate((70, 90, 127))]
    room.play(wheel)
    assert len(room.yields) == 1


@pytest.mark.parametrize("text", ["", "cc", "cc 128", "note 36 channel 0", "knob 3", "cc 1 2"])
def test_binding_that_makes_no_sense_is_refused(text):
    with pytest.raises(ValueError, match="such as"):
        Binding.parse(text)


steps = st.lists(
    st.tuples(
        st.floats(0.01, 2.0),
        st.sampled_from(["your_turn", "my_turn", "again", "keep", "panic"]),
    ),
    max_size=12,
)


@given(
    played=messages,
    commands=steps,
    mode=st.sampled_from(["call", "continue", "duet", "solo", "listen"]),
    phrase_end=st.sampled_from(["silence", "bar", "trigger"]),
    answer=st.sampled_from(["phrase", "bars", "model"]),
)
@settings(max_examples=150, deadline=None)
def test_whatever_is_played_and_asked_for_every_note_ends_and_bounds_hold(
    played, commands, mode, phrase_end, answer
):
    room = Room(
        mode=mode,
        phrase_end=phrase_end,
        answer=answer,
        answer_bars=1,
        seed_window=8,
        bpm=180,
        lowest_pitch=48,
        highest_pitch=72,
    )
    room.now = 0.0
    timeline, now = [], 0.0
    for gap, data in played:
        now += gap
        timeline.append((now, bytes(data)))
    now = 0.0
    for gap, name in commands:
        now += gap
        timeline.append((now, name))
    for at, what in sorted(timeline, key=lambda item: item[0]):
        if isinstance(what, str):
            room.command(at / room.beat, what)
        else:
            room.play([(at, what)])
    room.command(max((at for at, _ in timeline), default=0.0) / room.beat + 1, "my_turn")
    for note in room.model:
        assert 48 <= note.pitch <= 72
        assert note.release_s >= note.onset_s
    assert room.core.wake_at() is None or mode in ("solo", "duet")
    assert len(room.core._score) < 40
    assert not any(isinstance(other, Yield) for other in room.others)
