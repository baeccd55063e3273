"""Another model while a session runs: on its thread, by name, and what cannot be played."""

from __future__ import annotations

import threading

import pytest

from live import model_loader
from live.errors import UserError
from live.events import Note, encode
from live.model_files import find_model, models_beside
from live.model_loader import Broken, Loaded, ModelLoader
from live.watching import SettingChanged
from tests.models import write_model
from tests.watched import Watched

WINDOW = encode([Note(12 * i, 60 + i % 12, 0, 6, 80) for i in range(40)])


@pytest.fixture
def folder(tmp_path):
    for name in ("one", "two", "two.float32", "three"):
        write_model(tmp_path / f"{name}.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    return tmp_path


def next_news(loader):
    assert loader.signal.poll(20)
    return loader.news()


def test_a_model_is_loaded_and_hears_the_window_on_another_thread(folder):
    loader = ModelLoader()
    loader.want(str(folder / "one.onnx"))
    loaded = next_news(loader)
    assert isinstance(loaded, Loaded)
    assert loaded.memory.missing(WINDOW) == len(WINDOW)
    loader.listen(loaded, WINDOW)
    heard = next_news(loader)
    assert heard.memory.missing(WINDOW) == 0
    assert heard.memory.missing(WINDOW[:-5]) == 0  # and may go back without running anything
    before = len(heard.network._took_ms)
    heard.memory.read(WINDOW[:-5])
    assert len(heard.network._took_ms) == before


def test_only_the_latest_wish_counts(folder):
    loader = ModelLoader()
    loader.want(str(folder / "one.onnx"))
    loader.want(str(folder / "broken.onnx"))
    loader.want(str(folder / "two.onnx"))
    news = [next_news(loader) for _ in range(3)]
    assert news[:2] == [None, None]
    assert news[2].model.path.name == "two.onnx"


def test_what_is_broken_is_told_in_a_line(folder):
    loader = ModelLoader()
    loader.want(str(folder / "broken.onnx"))
    broken = next_news(loader)
    assert isinstance(broken, Broken)
    assert "broken.onnx" in broken.reason
    assert "\n" not in broken.reason


def test_models_are_found_beside_the_present_one(folder):
    present = folder / "one.onnx"
    names = [path.name for path in models_beside(present)]
    assert names == ["broken.onnx", "one.onnx", "three.onnx", "two.onnx"]  # none to train on from
    for given in ("two", "two.onnx", str(folder / "two.onnx")):
        assert find_model(given, present) == folder / "two.onnx"
    for given in ("four", "", "../one", "x" * 5000, str(folder)):
        with pytest.raises(UserError, match=r"three\.onnx") as caught:
            find_model(given, present)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 300


def test_a_session_changes_its_model_and_keeps_the_old_one_if_it_must(folder, monkeypatch):
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "continuo-nobody-runs-this")
    watched = Watched(folder / "sessions", sampling={"model": str(folder / "one.onnx")})
    try:
        session = watched.session
        assert session.models() == [
            str(folder / f"{name}.onnx") for name in ("broken", "one", "three", "two")
        ]
        with pytest.raises(UserError, match=r"three\.onnx"):
            session.change("model", "four")
        session.change("model", "two")
        two = str(folder / "two.onnx")
        watched.wait_for(lambda: SettingChanged("sampling.model", two) in watched.news, "two")
        assert session.values()["sampling.model"] == two
        watched.news.clear()
        session.change("sampling.model", "broken")
        assert session.values()["sampling.model"] == two
        watched.wait_for(lambda: SettingChanged("sampling.model", two) in watched.news, "the news")
        (line,) = [each for each in watched.lines if "broken.onnx" in each]
        assert line.endswith("two.onnx plays on")
        watched.kill("improviser")
        watched.wait_for(lambda: any("back: two.onnx" in each for each in watched.lines), "it")
    finally:
        watched.close()


def test_a_model_that_does_not_load_in_time_is_given_up_and_another_one_is_loaded(
    folder, monkeypatch
):
    ends = threading.Event()
    real = model_loader.load

    def load(path):
        if path.name == "endless.onnx":
            ends.wait(60)
        return real(path)

    monkeypatch.setattr(model_loader, "load", load)
    monkeypatch.setattr(model_loader, "LONGEST_LOAD_S", 0.3)
    loader = ModelLoader()
    loader.want(str(folder / "endless.onnx"))
    news = next_news(loader)
    assert isinstance(news, Broken)
    assert "did not load within" in news.reason
    monkeypatch.setattr(model_loader, "LONGEST_LOAD_S", 60.0)
    loader.want(str(folder / "two.onnx"))
    assert isinstance(next_news(loader), Loaded)
    ends.set()
    assert not loader.signal.poll(0.3)  # what the first one says at last is heard by nobody
