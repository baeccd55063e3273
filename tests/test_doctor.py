"""What the doctor measures is measured, and what it says of it follows from the figures."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from live.cli import app
from live.doctor import Findings, Spread


def spread(median_ms, p99_ms):
    return Spread(100, median_ms, p99_ms, 2 * p99_ms)


GOOD = Findings(
    midi_system="jack",
    realtime=True,
    ports=spread(2.0, 3.0),
    thru_added=spread(0.1, 0.5),
    lost=0,
    lateness=spread(0.1, 0.4),
    jitter_ms=0.1,
    event=spread(0.5, 1.0),
    horizon_ms=100.0,
    int8=True,
)


def test_good_figures_need_no_advice():
    assert GOOD.verdict == "good"
    assert GOOD.advice == []


@pytest.mark.parametrize(
    ("figures", "verdict", "advice"),
    [
        ({"thru_added": spread(0.2, 3.0)}, "fair", "processor"),
        ({"thru_added": spread(0.2, 30.0)}, "poor", "processor"),
        ({"lateness": spread(0.2, 4.0)}, "fair", "processor"),
        ({"lateness": spread(0.2, 40.0)}, "poor", "processor"),
        ({"event": spread(20.0, 30.0)}, "fair", "smaller model"),
        ({"event": spread(80.0, 90.0)}, "poor", "smaller model"),
        ({"event": spread(20.0, 30.0), "int8": False}, "fair", "8-bit"),
        ({"event": spread(20.0, 30.0), "horizon_ms": 500.0}, "good", None),
        ({"ports": spread(25.0, 30.0)}, "good", "smaller buffer"),
        ({"lost": 2}, "poor", "2 notes were lost"),
    ],
)
def test_what_is_wrong_is_judged_and_advised_on(figures, verdict, advice):
    found = replace(GOOD, **figures)
    assert found.verdict == verdict
    if advice is None:
        assert found.advice == []
    else:
        assert any(advice in line for line in found.advice), found.advice


@pytest.mark.skipif(sys.platform != "linux", reason="the file is Linux's")
def test_who_has_no_real_time_priority_is_told_how_to_get_it():
    found = replace(GOOD, realtime=False)
    assert found.verdict == "good"
    assert any("/etc/security/limits.d" in line for line in found.advice)


def test_what_could_not_be_measured_is_not_judged():
    found = replace(GOOD, midi_system=None, ports=None, thru_added=None, lateness=None, event=None)
    assert found.verdict == "good"
    assert found.advice == []


def test_without_midi_it_measures_what_it_can(monkeypatch):
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "continuo-nobody-runs-this")
    run = CliRunner().invoke(app, ["doctor", "--json"])
    found = json.loads(run.output)
    assert found["midi_system"] is None
    assert found["thru_added"] is found["lateness"] is None
    assert found["event"]["count"] > 100
    assert 0 < found["event"]["median_ms"] <= found["event"]["p99_ms"]


@pytest.mark.jack
def test_ports_thru_and_deadlines_are_measured_through_real_ports(jack_server, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text("[instruments]\nleft = 32\nleft_channel = 5\n")
    arguments = ["doctor", "--json", "--seconds", "4", "--config", str(config)]
    run = CliRunner().invoke(app, arguments)
    found = json.loads(run.output)
    assert found["midi_system"] == "jack", run.output
    assert found["ports"]["count"] == 100
    # JACK hands a message on with each period, and there are two ways to go.
    assert 0.3 < found["ports"]["median_ms"] < 100
    assert found["thru_added"]["count"] >= 10
    assert found["lost"] == 0
    assert found["lateness"]["count"] >= 2
    assert found["event"]["median_ms"] > 0
    assert found["realtime"] in (True, False)
    assert found["verdict"] in ("good", "fair", "poor")
    assert run.exit_code == (1 if found["verdict"] == "poor" else 0)
