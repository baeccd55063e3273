"""The pages to listen to: every prompt is gone on from, the files are small and always the same."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from benchmarks import listening
from benchmarks.ablation import TRIALS, Length, Result, given, table
from tests.models import write_model
from training.reading import read


@pytest.fixture(scope="module")
def prompts():
    return listening.read_prompts(listening.FOLDER / "prompts.json")


def test_prompts_are_music_that_begins_with_its_bar(prompts):
    assert len(prompts) == 8
    for prompt in prompts:
        assert prompt.licence
        assert [n.sort_key for n in prompt.notes] == sorted(n.sort_key for n in prompt.notes)
        assert prompt.notes[0].onset_ticks < prompt.bar_ticks
        assert all(n.duration_ticks > 0 for n in prompt.notes)


def test_each_prompt_is_heard_and_gone_on_from_alike_each_time(prompts, tmp_path, monkeypatch):
    model = write_model(tmp_path / "wild.onnx")
    folders = [tmp_path / "one", tmp_path / "other"]
    prompts = [prompts[0], prompts[5]]  # a keyboard, and four strings
    monkeypatch.setattr(listening, "read_prompts", lambda _: prompts)
    monkeypatch.setattr(listening, "MOST", 60)
    for folder in folders:
        arguments = ["listening", "--model", str(model), "--out", str(folder)]
        monkeypatch.setattr(sys, "argv", arguments)
        listening.main()
    for prompt in prompts:
        stem = prompt.name.replace(" ", "-")
        for name in (f"{stem}.mid", f"{stem}.png"):
            one, other = (folder.joinpath(name).read_bytes() for folder in folders)
            assert one == other
            assert len(one) < 60_000
        notes = read(folders[0] / f"{stem}.mid").notes
        first = {(n.onset_ticks, n.pitch) for n in prompt.notes}
        assert first <= {(n.onset_ticks, n.pitch) for n in notes}
        assert len(notes) > len(prompt.notes)


def test_trials_stand_beside_the_first():
    def result(name, pitch):
        bits = {"shift": 1.0, "pitch": pitch, "duration": 1.5}
        return Result(name, bits, bits, 1000, 2500.0, 10, "2026-11-25", {})

    rows = table([result("first", 4.0), result("better", 3.9)]).splitlines()
    assert [row.split(" | ")[5] for row in rows[2:]] == ["+0.000", "-0.100"]


def test_trial_is_known_by_all_that_it_hangs_on():
    music = SimpleNamespace(training=SimpleNamespace(identity="these notes"))
    trial, length = TRIALS[0], Length(1000, 0.0)
    known = given(trial, music, length)
    assert json.loads(json.dumps(known)) == known  # as it is read from the file
    others = [
        given(TRIALS[1], music, length),
        given(trial, music, Length(2000, 0.0)),
        given(trial, SimpleNamespace(training=SimpleNamespace(identity="others")), length),
        given(replace(trial, extras=("sounding notes",)), music, length),
    ]
    assert all(other != known for other in others)
