"""Hours of playing: no process grows, nothing drifts."""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import signal
import statistics
import sys
import time
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest

from live.config_file import PROJECT
from live.journal import read_lines
from live.model import Model
from tests import jack
from tests.browser import Performance
from tests.core.room import FlatNetwork
from tests.stage import Stage

BPM = 120
BEAT_S = 60 / BPM
TICK_S = BEAT_S / 24


# -- the core, on a simulated clock --------------------------------------------------------------


def play_for(stage, minutes, measure):
    """Play phrases, rests, clusters and trills, each answered; call ``measure`` every minute."""
    began_s, end_s = stage.now_s, stage.now_s + 60 * minutes
    measured, drift_ticks = [], 0.0
    modes = itertools.cycle(["call", "continue", "duet", "call", "solo"])
    for count in itertools.count():
        if stage.now_s >= end_s:
            break
        for number in range(4 + count % 9):
            pitch = 48 + (7 * count + 5 * number) % 24
            stage.play(bytes([0x90, pitch, 60 + count % 40]))
            stage.wake()
            stage.pass_until(stage.now_s + BEAT_S / 2)
            stage.play(bytes([0x80, pitch, 0]))
            stage.wake()
        before = len(stage.given)
        stage.pass_until(stage.now_s + 16 * BEAT_S)
        drift_ticks = max(
            [drift_ticks, *(off_the_grid(stage.core.clock, n) for n in stage.given[before:])]
        )
        del stage.given[:]
        if count % 5 == 4:
            stage.wake(changes={"mode": next(modes)})
        if stage.now_s - began_s >= 60 * (len(measured) + 1):
            measured.append(measure())
    return measured, drift_ticks


def off_the_grid(clock, note):
    tick = clock.tick_at(note.onset_s)
    return abs(tick - round(tick))


def grown(measured, settled):
    """Return by which part memory has grown since it was settled.

    The least of the last quarter is held against the least of the first: what is borrowed for a
    moment comes and goes, and what is never given back raises the floor.
    """
    later = measured[settled:]
    edge = max(1, len(later) // 4)
    return min(later[-edge:]) / min(later[:edge]) - 1


def written(process):
    """Return the bytes of memory that a process has for itself and has written to.

    A library's pages are its own too as long as no other program uses them, which says nothing.
    """
    if sys.platform == "linux":
        return sum(each.private_dirty for each in process.memory_maps())
    return process.memory_full_info().uss


def test_minutes_of_the_core_leave_no_memory_behind_and_do_not_drift(monkeypatch):
    stage = Stage(monkeypatch, keep_lines=False, bpm=BPM, seed_window=16)

    def measure():
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        measured, drift_ticks = play_for(stage, 4, measure)
    finally:
        tracemalloc.stop()
    assert stage.synth.strikes > 200
    # What is kept of the latest notes is not full yet; a list of all of them would show.
    assert grown(measured, 2) < 0.1, measured
    assert drift_ticks < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("model", [None, PROJECT / "exported_models" / "default.onnx"])
def test_eight_hours_of_the_core_leave_no_memory_behind_and_do_not_drift(model):
    # In a process of its own: what other tests leave behind comes and goes.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        strikes, measured, drift_ticks = pool.submit(play_eight_hours, model).result()
    figures = f"{strikes} notes, {measured[5]} to {measured[-1]} bytes"
    print(figures, f"drift {drift_ticks:.2e} ticks, growth {grown(measured, 5):.2%}")
    assert strikes > 40_000
    assert grown(measured, 5) < 0.02, figures
    assert drift_ticks < 1e-3


def play_eight_hours(path):
    """Return how many notes were struck, the memory after each minute, and the drift."""
    network = FlatNetwork if path is None else partial(Model, path)
    with pytest.MonkeyPatch.context() as monkeypatch:
        stage = Stage(monkeypatch, network, keep_lines=False, bpm=BPM)

        def measure():
            gc.collect()
            return written(psutil.Process())

        measured, drift_ticks = play_for(stage, 8 * 60, measure)
    return stage.synth.strikes, measured, drift_ticks


# -- a session on JACK ---------------------------------------------------------------------------


def soak(performer, peer, seconds, settle_s, page):
    """Play to a session for a while; return its journal, and by process how its memory grew."""
    shown = ("--page", "--set", "page.port=0") if page else ()
    flags = ("--virtual", "--bpm", str(BPM), "--output-channel", "2", "--seed", "3")
    session = performer(*flags, *shown)
    session.wait_ready()
    peer.connect()
    names = ["midi_io", "improviser"]
    if page:
        jack.wait_for(lambda: "page: http" in session.output, "the page", 60)
        names.append("page")
    processes = {name: session.child(name) for name in names}
    processes["parent"] = psutil.Process(session.process.pid)
    memory = {name: [] for name in processes}
    began_s = time.monotonic()
    for count in itertools.count():
        if time.monotonic() - began_s >= seconds:
            break
        peer.play([(i * 0.2, i * 0.2 + 0.15, 50 + (7 * count + 3 * i) % 24) for i in range(8)])
        time.sleep(min(8 * BEAT_S, seconds / 5))
        del peer.heard[:]
        if time.monotonic() - began_s >= settle_s:
            for name, process in processes.items():
                memory[name].append(written(process))
    recording = session.stop(signal.SIGTERM)
    growth = {name: grown(sizes, 0) for name, sizes in memory.items()}
    for name, sizes in memory.items():
        print(f"{name}: {sizes[0] / 2**20:.1f} to {sizes[-1] / 2**20:.1f} MiB")
    return recording.with_suffix(".jsonl"), growth, session.output


def lateness_s(journal):
    origin_s = 0.0
    lines = [x for x in read_lines(journal) if x.kind == "out" and len(x.rest) == 3]
    first = lines[0]
    origin_s = first.rest[2] - first.time_s
    return [origin_s + line.time_s - line.rest[2] for line in lines]


def check_soak(performer, peer, seconds, settle_s, limit, page=False):
    journal, growth, output = soak(performer, peer, seconds, settle_s, page)
    late_s = lateness_s(journal)
    assert len(late_s) > seconds / 4
    part = max(1, len(late_s) // 3)
    drift_s = statistics.median(late_s[-part:]) - statistics.median(late_s[:part])
    print(f"{len(late_s) // 2} notes, drift {1000 * drift_s:.3f} ms, growth {growth}")
    assert abs(drift_s) < 0.02
    assert "ended by itself" not in output
    assert {name: by for name, by in growth.items() if by > limit} == {}


@pytest.mark.jack
def test_a_session_does_not_grow_or_drift(performer, peer):
    # Some seconds are too short for the two percent: buffers are still filling.
    check_soak(performer, peer, seconds=7, settle_s=2, limit=0.2)


@pytest.mark.slow
@pytest.mark.jack
def test_half_an_hour_on_jack_does_not_grow_or_drift(performer, peer):
    check_soak(performer, peer, seconds=1800, settle_s=300, limit=0.02, page=True)


# -- a page that is asked for and left -----------------------------------------------------------


@pytest.mark.slow
def test_pages_that_nobody_comes_back_for_are_forgotten(tmp_path):
    performance = Performance(tmp_path / "sessions")
    try:
        page = performance.child("page")

        def visit_for(seconds):
            end_s = time.monotonic() + seconds
            while time.monotonic() < end_s:
                with suppress(HTTPError):  # "too many at once" is an answer too
                    urlopen(performance.address).read()
                time.sleep(0.1)
            return written(page) / 2**20

        # As many as are let in are waited for by then.
        filled, later = visit_for(70), visit_for(60)
    finally:
        performance.close()
    print(f"page: {filled:.0f} MiB filled, {later:.0f} MiB later")
    # 40 pages at first and three a second for 35 s, of 2.4 MiB each; ten a second were 1 GB.
    assert filled < 450
    assert later < 1.1 * filled
