"""Controls of the instrument: commands, settings, soft takeover, on the simulated clock."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from live.control_settings import Controls, read_controls
from live.core.knob import Knob, Scale
from live.core.memory import Memory
from live.messages import Changed, ModelWanted, Said
from live.prediction import FIELD_SLICE, FORBIDDEN
from live.settings import LIVE
from tests.core.room import FlatNetwork, Room


def controls(models=None, **table):
    """Return the controls of a file's sections."""
    return read_controls(Controls.model_validate(table), models or {}, LIVE, lambda name: name)


def cc(number, value, channel=0):
    return bytes([0xB0 | channel, number, value])


def turn(room, number, *values):
    """Turn a knob now; return the actions that are none of playing."""
    before = len(room.others)
    for value in values:
        room._take(room.core.hear(room.now, cc(number, value)))
    return room.others[before:]


# -- what the positions of a knob mean -----------------------------------------------------------


def test_range_is_linear_or_in_equal_ratios_and_may_run_backwards():
    linear = Scale(low=60, high=180)
    assert [linear.value(p) for p in (0, 127)] == [60, 180]
    assert linear.value(64) == pytest.approx(120, abs=1)
    log = Scale(low=40, high=240, log=True)
    assert [log.value(p) for p in (0, 127)] == [40, 240]
    assert log.value(32) / log.value(0) == pytest.approx(log.value(96) / log.value(64), rel=0.01)
    assert Scale(low=180, high=60).value(0) == 180
    for scale in (linear, log, Scale(low=180, high=60)):
        for position in range(128):
            assert scale.position(scale.value(position)) == pytest.approx(position, abs=0.2)


def test_choices_have_equal_parts_of_the_knob():
    scale = Scale(("a", "b", "c", "d"))
    assert "".join(scale.value(p) for p in range(128)) == "a" * 32 + "b" * 32 + "c" * 32 + "d" * 32


# -- soft takeover -------------------------------------------------------------------------------


def test_knob_does_nothing_until_it_passes_the_present_value():
    knob, scale, value = Knob(Scale(low=0, high=127), soft=True), Scale(low=0, high=127), 60.0
    for position in (10, 30, 50):
        assert not knob.takes(position, value)
    assert knob.takes(70, value)  # jumped over it
    value = scale.value(70)
    assert knob.takes(20, value)  # and now it has it
    value = 90.0  # somebody else has changed it
    assert not knob.takes(30, value)
    assert not knob.takes(80, value)
    assert knob.takes(90, value)


def test_knob_that_begins_on_the_other_side_takes_over_from_there():
    knob = Knob(Scale(low=0, high=127), soft=True)
    assert not knob.takes(100, 60.0)
    assert not knob.takes(80, 60.0)
    assert knob.takes(59, 60.0)


def test_value_beyond_the_knobs_range_is_picked_up_at_its_end():
    knob = Knob(Scale(low=60, high=180), soft=True)
    assert not knob.takes(100, 300.0)
    assert knob.takes(127, 300.0)


def test_choices_are_picked_up_in_their_part_and_switches_at_once():
    knob = Knob(Scale(("a", "b", "c", "d")), soft=True)
    assert not knob.takes(127, "a")
    assert knob.takes(5, "a")
    assert Knob(Scale((False, True)), soft=True).takes(127, False)


def test_without_soft_takeover_the_value_jumps_to_the_knob():
    assert Knob(Scale(low=0, high=127), soft=False).takes(5, 60.0)


# -- in the room ---------------------------------------------------------------------------------


def test_knob_changes_the_tempo_and_is_no_music():
    room = Room(mode="continue", controls=controls(bpm="cc 20: 60 to 180"))
    room.play(room.note(0, 0.9, 60), until=8)
    assert turn(room, 20, 10, 30) == []
    assert room.core.settings.bpm == 120
    (taken, turned) = turn(room, 20, 81, 127)
    assert taken == Changed(room.now, "bpm", pytest.approx(120, abs=2))
    assert turned == Changed(room.now, "bpm", 180)
    assert room.core.clock.seconds_per_beat == pytest.approx(1 / 3)
    assert len(room.core.view(room.now).notes) > 0
    assert turn(room, 21, 127) == []  # another one is music, and changes nothing


def test_pads_choose_step_and_switch():
    pads = controls(
        mode=["note 36 channel 10: duet", "note 37 channel 10"],
        handover="cc 64: next",
        answer_bars="program 7: 2",
    )
    room = Room(controls=pads)

    def press(*data):
        room._take(room.core.hear(room.now, bytes(data)))

    press(0x99, 36, 100)
    assert room.core.settings.mode == "duet"
    press(0x99, 37, 100)
    press(0x89, 37, 0)
    assert room.core.settings.mode == "solo"  # what follows "duet"
    press(0x90, 36, 100)  # the same key on another channel is a note
    assert room.core.settings.mode == "solo"
    for value, handover in ((127, "bar"), (100, "bar"), (0, "bar"), (127, "tick")):
        press(0xB0, 64, value)
        assert room.core.settings.handover == handover
    press(0xC0, 7)
    assert room.core.settings.answer_bars == 2
    assert room.core.counters["heard"] == 1


def test_what_does_not_fit_is_told_once_and_the_earlier_state_holds():
    room = Room(controls=controls(takeover="jump", lowest_pitch="cc 20"))
    told = turn(room, 20, *range(100, 128))
    assert [type(each) for each in told] == [Said]
    assert "octave" in told[0].line
    assert room.core.settings.lowest_pitch == 21
    assert turn(room, 20, 40) == [Changed(room.now, "lowest_pitch", 40)]
    assert [type(each) for each in turn(room, 20, 127)] == [Said]


def test_program_change_asks_for_its_model_and_one_without_is_refused():
    room = Room(mode="continue", model="a.onnx", controls=controls({"0": "a.onnx", "3": "b.onnx"}))
    room.play(room.note(0, 0.9, 60), until=8)
    hear = room.core.hear
    assert hear(room.now, b"\xc0\x03") == [ModelWanted(room.now, "b.onnx")]
    assert hear(room.now, b"\xc0\x00") == []  # it plays already
    (said,) = hear(room.now, b"\xc0\x05")
    assert isinstance(said, Said)
    assert "program 5" in said.line
    assert "0, 3" in said.line
    assert room.core.settings.model == "a.onnx"


class LowNetwork(FlatNetwork):
    """Another model: it knows but notes below middle C."""

    def run(self, events, states, *, logit_bias=None, **how):
        if logit_bias is not None:
            logit_bias = logit_bias.copy()
            logit_bias[FIELD_SLICE["pitch"]][1 + 60 :] = FORBIDDEN
        return super().run(events, states, logit_bias=logit_bias, **how)


def test_another_model_plays_on_from_the_same_notes_without_a_gap():
    room = Room(mode="continue", model="a.onnx")
    room.play(*[room.note(i, 0.9, 60 + i) for i in range(4)], until=12)
    moment = room.now
    handed_out = list(room.model)
    window = room.core.window()
    primed = Memory(LowNetwork())
    primed.read_each(window)
    run_before = primed.network.events_run

    room._take(room.core.change_model(moment, "b.onnx", primed))
    assert primed.network.events_run - run_before <= 4  # what it has heard is not read again
    room.pass_until(moment + 10)

    assert Changed(moment, "model", "b.onnx") in room.others
    assert room.core.view(room.now).settings.model == "b.onnx"
    assert room.model[: len(handed_out)] == handed_out  # they sound to their ends
    horizon_s = room.settings.horizon_s
    later = [n for n in room.model if n.onset_s > moment + horizon_s]
    assert len(later) > 8
    assert all(n.pitch < 60 for n in later)
    onsets = [n.onset_s for n in room.model]
    assert max(b - a for a, b in pairwise(onsets)) <= 2 * room.beat + 1e-6
    assert room.yields == []


def test_the_moment_of_the_change_gives_the_same_notes_however_it_was_primed():
    def notes(prime):
        room = Room(mode="continue")
        room.play(*[room.note(i, 0.9, 60 + i) for i in range(4)], until=12)
        memory = Memory(FlatNetwork())
        if prime:
            memory.read_each(room.core.window())
        room._take(room.core.change_model(room.now, "b.onnx", memory))
        room.pass_until(room.now + 10)
        return room.model

    assert notes(prime=True) == notes(prime=False)


# -- whatever is turned --------------------------------------------------------------------------

EVERYTHING = {
    setting.name: f"cc {number}"
    for number, setting in enumerate(s for s in LIVE if s.kind != "text")
}


@given(st.lists(st.tuples(st.integers(0, 127), st.integers(0, 127)), max_size=60), st.booleans())
@hypothesis_settings(max_examples=25)
def test_whatever_is_turned_every_setting_is_one_that_the_file_allows(turns, soft):
    takeover = "soft" if soft else "jump"
    room = Room(mode="continue", controls=controls(takeover=takeover, **EVERYTHING))
    room.play(room.note(0, 0.9, 60), until=2)
    for number, value in turns:
        turn(room, number % len(EVERYTHING), value)
        room.pass_until(room.now + 0.05)
    held = room.core.settings
    assert held.conflict() is None
    for setting in LIVE:
        if setting.owner == "improviser" and setting.kind != "text":
            given_value = setting.to_file(getattr(held, setting.field))
            assert setting.read(given_value) == given_value
    assert all(note.release_s >= note.onset_s for note in room.model)
