"""A session that is steered from outside while it plays, and what it shows."""

from __future__ import annotations

import threading
import time

import pytest

from live.core.view import View
from live.errors import UserError
from live.messages import Health
from live.watching import SettingChanged, Told
from tests.watched import Watched


@pytest.fixture
def watched(tmp_path, monkeypatch):
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "continuo-nobody-runs-this")
    one = Watched(tmp_path / "sessions")
    yield one
    if not one.closed:
        one.close()


def test_a_changed_setting_is_shown_recorded_and_survives_the_models_process(watched):
    watched.session.change("bpm", "140")
    watched.session.change("sampling.temperature", 0.5)
    watched.wait_for_view(lambda v: v.bpm == pytest.approx(140), "the new tempo")
    watched.wait_for(
        lambda: SettingChanged("sampling.temperature", 0.5) in watched.news, "the news"
    )
    watched.kill("improviser")
    watched.wait_for(lambda: any("is back" in line for line in watched.lines), "its successor")
    watched.news.clear()
    watched.session.play(b"\x90\x40\x50\x80\x40\x00")  # something to be seen
    view = watched.wait_for_view(lambda v: v.notes, "a view of the new process")
    assert view.bpm == pytest.approx(140)
    assert view.settings.temperature == 0.5
    assert watched.session.values()["time.bpm"] == 140.0
    sets = [line[2:] for line in watched.close() if line[0] == "set"]
    assert sets == [["bpm", 140.0], ["temperature", 0.5]]


def test_settings_of_the_midi_process_are_changed_there(watched):
    watched.session.change("thru", "off")
    watched.session.change("input_channel", 3)
    watched.wait_for(lambda: SettingChanged("midi.input_channel", 3) in watched.news, "the news")
    assert SettingChanged("midi.thru", False) in watched.news
    watched.session.play(bytes([0x90, 60, 80, 0x92, 61, 80]))
    view = watched.wait_for_view(lambda v: v.notes, "the note")
    assert [note.pitch for note in view.notes] == [61]
    watched.kill("midi_io")
    watched.wait_for(lambda: sum("is back" in line for line in watched.lines) == 2, "both")
    assert watched.session.values()["midi.thru"] is False
    watched.news.clear()
    watched.session.play(bytes([0x90, 62, 80, 0x92, 63, 80]))
    view = watched.wait_for_view(lambda v: any(n.pitch == 63 for n in v.notes), "the note")
    assert all(note.pitch != 62 for note in view.notes)
    lines = watched.close()
    assert ["thru", False] in [line[2:] for line in lines if line[0] == "set"]


def test_notes_that_come_another_way_are_answered_like_the_keyboards(watched):
    watched.session.change("bpm", 400)
    for pitch in (60, 62, 64):
        watched.session.play(bytes([0x90, pitch, 80]))
        watched.session.run(0.1)
        watched.session.play(bytes([0x80, pitch, 0]))
    watched.session.do("your_turn")
    view = watched.wait_for_view(
        lambda v: (
            any(n.who == "model" and n.committed for n in v.notes)
            and all(n.release_s is not None for n in v.notes)
        ),
        "an answer",
    )
    assert view.turn == "model"
    assert view.model_ms is not None
    assert view.model_ms <= view.model_worst_ms
    heard = [note for note in view.notes if note.who == "player"]
    assert [note.pitch for note in heard] == [60, 62, 64]
    assert all(0.05 < note.release_s - note.onset_s < 1.0 for note in heard)
    watched.session.do("panic")
    watched.wait_for_view(lambda v: v.turn == "player", "silence")
    lines = watched.close()
    assert [line[2] for line in lines if line[0] == "do"] == ["your_turn", "panic"]


def test_what_is_wrong_is_one_line_and_changes_nothing(watched):
    before = watched.session.values()
    for name, value in (
        ("tempo", 100),
        ("bpm", "fast"),
        ("bpm", 1000),
        ("mode", "dance"),
        ("lowest_pitch", 105),
        ("model", "other.onnx"),
    ):
        with pytest.raises(UserError) as caught:
            watched.session.change(name, value)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="your_turn"):
        watched.session.do("dance")
    assert watched.session.values() == before


def test_a_flood_of_changes_ends_at_the_last_value(watched):
    def flood():
        for number in range(5000):
            watched.session.change("temperature", number / 2500)

    thread = threading.Thread(target=flood)  # as a page or another program would
    thread.start()
    watched.wait_for(lambda: not thread.is_alive(), "the end of the flood")
    watched.wait_for_view(lambda v: v.settings.temperature == 4999 / 2500, "the last value")


def test_views_are_few_and_only_where_something_changed(watched):
    watched.wait_for(lambda: watched.latest(View) is not None, "the first view")
    watched.session.run(0.3)
    watched.news.clear()
    began = time.perf_counter()
    while time.perf_counter() < began + 1.0:
        watched.session.play(b"\x90\x40\x50\x80\x40\x00")
        watched.session.run(0.005)
    watched.session.run(0.1)
    views = [n for n in watched.news if isinstance(n, View)]
    assert 2 <= len(views) <= 26
    watched.session.change("mode", "listen")
    watched.wait_for_view(lambda v: v.mode == "listen", "the mode")
    watched.session.run(0.3)
    watched.news.clear()
    watched.session.run(1.0)
    assert [n for n in watched.news if isinstance(n, View)] == []
    assert [n for n in watched.news if isinstance(n, Health)]


def test_health_tells_how_the_midi_process_is(watched):
    watched.wait_for(lambda: watched.latest(Health) is not None, "health")
    health = watched.latest(Health)
    assert health.output == "no output"
    assert health.recorded_s > 0
    assert health.lost_lines == 0
    assert health.late_notes == 0


def test_a_watcher_that_fails_harms_nobody_and_one_that_left_hears_nothing(watched):
    def fail(news):
        raise RuntimeError("a page with a fault")

    watched.session.watch(fail)
    watched.wait_for(lambda: watched.latest(Health) is not None, "health")
    watched.end_watching()
    watched.session.run(0.1)
    watched.news.clear()
    later = []
    watched.session.watch(later.append)
    assert isinstance(later[0], View | Health)  # what is known comes at once
    watched.session.change("bpm", 99)
    watched.wait_for(lambda: SettingChanged("time.bpm", 99.0) in later, "the news")
    assert watched.news == []
    assert not any(isinstance(n, Told) for n in later)
