"""The parts of the page that need no browser."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.core.settings import PerformerSettings
from live.core.view import NoteView, View
from live.live_settings import Live
from live.page.held_keys import HeldKeys, channel_message
from live.page.picture import Picture
from live.page.scales import Scale
from live.page.takes import NoSuchTakeError, delete_take, journal_of, roll_of, takes
from live.page.wording import ends_of, meant_value, section_name, setting_name, value_name
from live.settings import LIVE

# -- the picture ---------------------------------------------------------------------------------


def view_of(*notes, time_s=100.0):
    settings = PerformerSettings()
    return View(
        time_s=time_s,
        turn="player",
        mode="call",
        bpm=120.0,
        clock="internal",
        running=True,
        beat_time_s=0.0,
        beat=0.0,
        downbeat=0.0,
        beats_per_bar=4,
        settings=settings,
        notes=notes,
        counters=(),
    )


def note(id_, onset_s, release_s, pitch=60, who="model", committed=True):
    return NoteView(id_, who, pitch, onset_s, release_s, 80, committed)


NOTES = st.lists(
    st.builds(
        note,
        st.sampled_from("abcdef"),
        st.floats(90, 110),
        st.none() | st.floats(90, 120),
        st.integers(60, 62),
    ),
    max_size=6,
    unique_by=lambda n: n.id,
)


@given(st.lists(NOTES, max_size=6))
def test_a_page_that_follows_the_changes_has_what_one_that_gets_the_whole_has(views):
    picture = Picture()
    followed = {}
    for number, notes in enumerate(views, start=1):
        told = picture.change(view_of(*notes))
        assert told["number"] == number
        for id_ in told["gone"]:
            del followed[id_]
        followed.update({row[0]: row for row in told["notes"]})
    whole = {row[0]: row for row in picture.whole()["notes"]}
    assert {id_: followed[id_] for id_ in whole} == whole
    # What it still has beside that was not taken back: it has only become old.
    assert all(followed[id_][4] <= 91.0 for id_ in followed.keys() - whole.keys())


def test_a_note_that_is_taken_back_is_gone_and_one_that_became_old_is_not():
    picture = Picture()
    old, planned = note("old", 88.0, 89.5), note("new", 101.0, 102.0, committed=False)
    picture.change(view_of(old, planned))
    assert picture.change(view_of(time_s=100.5))["gone"] == ["new"]


def test_a_key_that_is_struck_again_ends_its_note_before():
    rows = Picture().change(view_of(note("1", 100.0, 104.0), note("2", 101.0, 102.0)))["notes"]
    assert [(row[0], row[3], row[4]) for row in rows] == [("1", 100.0, 101.0), ("2", 101.0, 102.0)]


# -- keys that are held --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        *(None, 5, "abc", [], [0x90], [0x90, 60], [0x90, 60, 128], [0x90, 60, 80, 1]),
        *([0x90, 60.0, 80], [0x90, True, 80], [0xF0, 1, 2], [0xF8, 0], [60, 80, 0]),
        *([0xC0, 5, 0], [0x90, -1, 80]),
    ],
)
def test_what_is_no_whole_channel_message_is_not_passed_on(data):
    assert channel_message(data) is None


def test_whole_channel_messages_are_passed_on():
    for data in ([0x90, 60, 80], [0xC3, 5], [0xEF, 0, 127]):
        assert channel_message(data) == bytes(data)


EVENTS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([60, 61]), st.booleans()), max_size=30
)


@given(EVENTS)
def test_a_key_is_down_as_long_as_somebody_holds_it_and_up_when_all_have_left(events):
    keys, down, holding = HeldKeys(), set(), {name: set() for name in "abc"}
    for name, pitch, is_down in events:
        message = bytes([0x90 if is_down else 0x80, pitch, 80])
        if keys.take(name, message):
            (down.add if is_down else down.discard)(pitch)
        (holding[name].add if is_down else holding[name].discard)(pitch)
        assert down == set().union(*holding.values())
    for name in "abc":
        for message in keys.leave(name):
            assert message[0] == 0x80
            down.discard(message[1])
        holding[name] = set()
        assert down == set().union(*holding.values())
    assert down == set()


def test_a_pedal_is_lifted_when_its_page_goes():
    keys = HeldKeys()
    keys.take("page", b"\xb0\x40\x7f")
    keys.take("page", b"\xb0\x07\x64")  # a volume stays as it is
    assert keys.leave("page") == [b"\xb0\x40\x00"]


# -- sliders and words ---------------------------------------------------------------------------


@pytest.mark.parametrize("setting", [s for s in LIVE if s.high is not None], ids=lambda s: s.name)
def test_a_slider_reaches_both_ends_and_every_place_is_a_value_that_is_allowed(setting):
    scale = Scale(*setting.knob, setting.kind == "whole number", setting.log)
    values = [scale.value(place) for place in range(scale.steps + 1)]
    assert (values[0], values[-1]) == setting.knob
    assert values == sorted(values)
    assert all(setting.low <= value <= setting.high for value in values)
    assert [scale.value(scale.place(value)) for value in values] == values
    assert len(set(values)) > 0.7 * len(values)
    if setting.kind == "whole number":
        assert all(float(value).is_integer() for value in values)


def test_names_of_settings_can_be_told_apart_and_all_groups_have_one():
    for section in {setting.section for setting in LIVE}:
        names = [setting_name(s) for s in LIVE if s.section == section]
        assert len(set(names)) == len(names)
        assert section_name(section)
    assert setting_name(LIVE.find("silence_beats")) == "Silence"
    assert setting_name(LIVE.find("answer_bars")) == "Answer bars"
    assert value_name(LIVE.find("lowest_pitch"), 60) == "C4"
    for pitch in range(128):
        setting = LIVE.find("lowest_pitch")
        assert meant_value(setting, value_name(setting, pitch)) == str(pitch)
    assert meant_value(LIVE.find("lowest_pitch"), "Bb3") == "58"
    assert meant_value(LIVE.find("input_channel"), "all") == "0"
    assert meant_value(LIVE.find("bpm"), "99,5") == "99.5"
    assert ends_of(LIVE.find("steering.density")) == ("sparser", "denser")
    assert Live("help").unit == ""


# -- takes ---------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "sessions"
    folder.mkdir()
    lines = [
        {"journal": 1, "started": "2026-01-02T03:04:05+00:00", "bpm": 90, "model": "m.onnx"},
        ["in", 1.0, "903c50"],
        ["out", 1.5, "904050", 1, 1.5],
        ["in", 2.0, "803c00"],
        ["out", 2.5, "804000", 1, 2.5],
        ["in", 3.0, "903e50"],
        ["end", 4.0],
    ]
    (folder / "take.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "take.mid").write_bytes(b"MThd")
    (tmp_path / "secret.jsonl").write_text('{"journal": 1}\n')
    return folder


def test_takes_are_listed_with_what_was_played(folder):
    (folder / "broken.jsonl").write_bytes(b"\xff\xfe{")
    by_name = {take.name: take for take in takes(folder)}
    take = by_name["take"]
    assert (take.player_notes, take.model_notes, take.length_s) == (2, 1, 4.0)
    assert take.model == "m.onnx"
    assert not take.is_recording
    assert by_name["broken"].player_notes == 0
    assert takes(folder / "nowhere") == []


def test_a_take_is_put_on_the_roll_as_it_was_heard(folder):
    roll = roll_of(folder, "take")
    assert roll["bpm"] == 90
    assert roll["notes"] == [[0, 60, 1.0, 2.0, 80], [1, 64, 1.5, 2.5, 80], [0, 62, 3.0, 4.0, 80]]


@pytest.mark.parametrize(
    "name",
    [
        *("../secret", "..", "", "/etc/passwd", "take/../../secret", "..\\secret", "a\x00b", "~"),
        *(".x", "link", "nothing", "x" * 300),
    ],
)
def test_names_of_takes_do_not_leave_their_folder(folder, name):
    (folder / "link.jsonl").symlink_to(folder.parent / "secret.jsonl")
    with pytest.raises(NoSuchTakeError):
        journal_of(folder, name)
    with pytest.raises(NoSuchTakeError):
        delete_take(folder, name)
    assert (folder.parent / "secret.jsonl").exists()


def test_a_deleted_take_is_gone_with_its_file(folder):
    delete_take(folder, "take")
    assert list(folder.iterdir()) == []
