"""``--set``: every setting of the file as a flag."""

from __future__ import annotations

import pytest

from live.config_file import PROJECT
from live.errors import UserError
from live.set_flag import read_set_flags
from live.settings import load


def test_values_are_read_as_the_file_would_hold_them_and_words_need_no_quotes():
    given = ["time.bpm=90", "midi.thru=false", "turns.mode = duet", 'midi.input="a=b"']
    given += ["controls.turns.mode=note 36: duet", "osc.feedback=127.0.0.1:9001"]
    flags = read_set_flags(given)
    assert flags == {
        "time": {"bpm": 90},
        "midi": {"thru": False, "input": "a=b"},
        "turns": {"mode": "duet"},
        "controls": {"turns.mode": "note 36: duet"},
        "osc": {"feedback": "127.0.0.1:9001"},
    }
    chosen = load(PROJECT / "config.toml", flags)
    assert chosen.performer.bpm == 90
    assert chosen.performer.mode == "duet"
    assert [control.target for control in chosen.performer.controls] == ["mode"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time.bpm", "time.bpm=120"),
        ("bpm=3", "time.bpm=120"),
        ("tempo.bpm=3", "there is no section"),
        ("time.tempo=3", "there is no setting"),
        ("time.bpm=fast", "a flag gives time.bpm = 'fast'"),
        ("osc.port=99999", "65535"),
        ("osc.feedback=nobody", "127.0.0.1:9001"),
    ],
)
def test_what_is_wrong_is_one_line(text, says):
    with pytest.raises(UserError, match=says) as caught:
        load(PROJECT / "config.toml", read_set_flags([text]))
    assert "\n" not in str(caught.value)
