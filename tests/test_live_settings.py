"""The registry of settings that may be changed while playing."""

from __future__ import annotations

from dataclasses import fields

import pytest

from live.core.settings import KEEP_THE_PLAN, REPLAN_SOON, PerformerSettings
from live.errors import UserError
from live.midi_io.settings import MidiSettings
from live.settings import LIVE


def test_every_live_setting_is_held_by_its_process_and_its_default_is_allowed():
    holders = {"improviser": PerformerSettings, "midi_io": MidiSettings}
    for setting in LIVE:
        assert setting.field in {f.name for f in fields(holders[setting.owner])}, setting.name
        assert setting.read(setting.default) == setting.default
        assert setting.help
        assert setting.to_file(setting.to_core(setting.default)) == setting.default


def test_rules_of_planning_name_settings_that_there_are():
    assert {f.name for f in fields(PerformerSettings)} >= KEEP_THE_PLAN | REPLAN_SOON


@pytest.mark.parametrize("name", ["time.bpm", "bpm", "time/bpm", "/time/bpm", " bpm "])
def test_a_setting_is_found_by_its_full_and_its_short_name(name):
    assert LIVE.find(name).name == "time.bpm"


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("bpm", "96", 96.0),
        ("bpm", 96, 96.0),
        ("beats_per_bar", "3", 3),
        ("beats_per_bar", 3.0, 3),
        ("mode", " duet ", "duet"),
        ("thru", "off", False),
        ("thru", 1.0, True),
        ("thru", 0, False),
        ("thru", "TRUE", True),
    ],
)
def test_text_and_numbers_of_other_programs_are_taken(name, given, value):
    read = LIVE.find(name).read(given)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("bpm", "fast", "valid number"),
        ("bpm", "nan", "400"),
        ("bpm", 19, "20"),
        ("bpm", None, "number"),
        ("beats_per_bar", 2.5, "integer"),
        ("mode", "dance", "'listen'"),
        ("mode", 1, "'listen'"),
        ("thru", "maybe", "boolean"),
        ("output_channel", 0, "1"),
        ("bpm", "9" * 400, "400"),
    ],
)
def test_wrong_value_is_one_line_that_says_what_it_may_be(name, given, says):
    with pytest.raises(UserError) as caught:
        LIVE.find(name).read(given)
    line = str(caught.value)
    assert LIVE.find(name).name in line
    assert says in line
    assert "\n" not in line
    assert len(line) < 200


@pytest.mark.parametrize(
    ("name", "says"), [("tempo", "time.bpm"), ("midi.api", "cannot"), ("seed", "cannot")]
)
def test_unknown_and_fixed_settings_are_told_about(name, says):
    with pytest.raises(UserError, match=says):
        LIVE.find(name)


def test_a_table_of_channels_has_one_spelling_outside_and_is_numbers_inside():
    setting = LIVE.find("instruments.channels")
    for given in ("drums=10, 0 = 1,32=2", {"0": 1, "32": 2, "drums": 10}):
        value = setting.read(given)
        assert value == "0 = 1, 32 = 2, drums = 10"
        assert setting.to_core(value) == ((0, 0), (32, 1), (128, 9))
        assert setting.to_file(setting.to_core(value)) == value
    assert setting.to_core(setting.read(" ")) == ()


@pytest.mark.parametrize(
    "given",
    [
        *("piano = 1", "32", "32 = 0", "32 = 17", "32 = x", "129 = 1", "-1 = 1", "32 = 2 = 3"),
        *(
            "32 = 2,",
            "32 = 2; 0 = 1",
            "32 = 2, 32 = 3",
            "32 = ",
            "= 2",
            "32: 2",
            5,
            "1 = 1, " * 400,
        ),
        *({"32": "x"}, {"32": True}, {"32": 2.0}, {"bass": 2}, {"0": 1, "00": 2}),
    ],
    ids=lambda given: str(given)[:20],
)
def test_what_is_no_table_of_channels_is_told_in_a_line(given):
    with pytest.raises(UserError) as caught:
        LIVE.find("instruments.channels").read(given)
    line = str(caught.value)
    assert line.startswith("instruments.channels = ")
    assert "it must" in line
    assert "\n" not in line
    assert len(line) < 200


def test_channels_are_counted_from_0_inside():
    assert LIVE.find("output_channel").to_core(16) == 15
    assert LIVE.find("input_channel").to_core(0) is None
    assert LIVE.find("input_channel").to_file(None) == 0
    assert LIVE.find("input_channel").to_core(1) == 0
