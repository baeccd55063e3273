"""Whether this machine is good enough: measured while the model plays, through real ports.

The session that is measured is a real one, with the user's settings but for the ports: virtual
ones, which this process plays on and listens to. The model plays along with what is played, so that
it computes all the time.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from live.core.view import View
from live.errors import NoMidiError, UserError
from live.journal import read_header, read_lines
from live.loopback import ARRIVES_S, Stopwatch, time_ports_alone
from live.messages import Health
from live.midi_io import ports
from live.midi_io.names import VIRTUAL
from live.session import Session
from live.session_settings import SessionSettings

Verdict = Literal["good", "fair", "poor"]

THRU_MS: Final = (2.0, 5.0)
"""Added time of thru, p99: good up to the first, poor beyond the second; likewise below."""
LATENESS_MS: Final = (2.0, 10.0)
EVENT_SHARE: Final = (0.1, 0.5)
"""Of the horizon, that one event of the network may take at the median."""
PORTS_MS: Final = 10.0
"""A way through the ports alone that takes longer is worth a smaller buffer."""
PLAYER_CHANNEL: Final = 0
MODEL_CHANNEL: Final = 1
STRIKE_S: Final = 0.08


@dataclass(frozen=True)
class Spread:
    """Several times, in milliseconds."""

    count: int
    median_ms: float
    p99_ms: float
    worst_ms: float

    @classmethod
    def of(cls, times_ms: Sequence[float]) -> Spread | None:
        """Return the spread of some times; None: there are none."""
        if not times_ms:
            return None
        median, p99 = np.percentile(times_ms, [50, 99])
        return cls(len(times_ms), *(round(float(each), 3) for each in (median, p99, max(times_ms))))


@dataclass(frozen=True)
class Findings:
    """What was measured; None: it could not be."""

    midi_system: str | None
    realtime: bool | None
    """Whether the system grants real-time priority."""
    ports: Spread | None
    """The way into a program and out again that only hands notes on."""
    thru_added: Spread | None
    """What Continuo adds to it, while the model plays."""
    lost: int
    """Notes that did not come back."""
    lateness: Spread | None
    """Of the model's notes: sent after their deadline."""
    jitter_ms: float | None
    """Standard deviation of the lateness."""
    event: Spread | None
    """One event of the network."""
    horizon_ms: float
    int8: bool

    @property
    def verdict(self) -> Verdict:
        """Return whether it is good enough."""
        judged = (self._thru, self._deadlines, self._event)
        if self.lost or "poor" in judged:
            return "poor"
        return "fair" if "fair" in judged else "good"

    @property
    def _thru(self) -> Verdict:
        return "good" if self.thru_added is None else _judge(self.thru_added.p99_ms, *THRU_MS)

    @property
    def _deadlines(self) -> Verdict:
        return "good" if self.lateness is None else _judge(self.lateness.p99_ms, *LATENESS_MS)

    @property
    def _event(self) -> Verdict:
        if self.event is None:
            return "good"
        return _judge(self.event.median_ms, *(share * self.horizon_ms for share in EVENT_SHARE))

    @property
    def advice(self) -> list[str]:
        """Return what would make it better, the most useful first; empty: nothing."""
        advice = []
        if self.realtime is False and sys.platform == "linux":
            advice.append(
                'let your user have real-time priority: put "@audio - rtprio 95" into '
                "/etc/security/limits.d/audio.conf, join the group audio, and log in again"
            )
        elif {"fair", "poor"} & {self._thru, self._deadlines}:
            advice.append(
                "other programs take the processor's time: close them, or let the processor stay "
                "fast (cpupower frequency-set -g performance)"
            )
        if self.ports is not None and self.ports.median_ms > PORTS_MS:
            advice.append(
                "the ports alone take long: use a smaller buffer (jackd -p 128, or PipeWire's "
                "pw-metadata -n settings 0 clock.force-quantum 128)"
            )
        if self._event != "good":
            if not self.int8:
                advice.append(
                    "play the 8-bit form of the model, which takes a third of the time (each "
                    "training writes it beside the other)"
                )
            advice.append("play a smaller model (python -m training --size s), or a longer horizon")
        if self.lost:
            advice.append(f"{self.lost} notes were lost between the ports: restart the MIDI system")
        return advice

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {**asdict(self), "verdict": self.verdict, "advice": self.advice}


def _judge(value: float, good: float, fair: float) -> Verdict:
    return "good" if value <= good else "fair" if value <= fair else "poor"


def examine(chosen: SessionSettings, seconds: float) -> Findings:
    """Measure this machine.

    Args:
        chosen: the user's settings; ports and the folder of recordings are not used.
        seconds: how long the model plays.

    Raises:
        UserError: the model cannot be loaded.
    """
    try:
        api = ports.find_api(chosen.midi.api)
    except NoMidiError:
        return _without_midi(chosen)
    try:
        alone = time_ports_alone(api, 100)
    except UserError:  # Windows has no ports of one's own making
        return replace(_without_midi(chosen), midi_system=_name(api))
    with tempfile.TemporaryDirectory() as folder:
        return _in_session(chosen, api, alone, seconds, Path(folder))


def _in_session(
    chosen: SessionSettings, api: int, alone: list[float], seconds: float, folder: Path
) -> Findings:
    midi = replace(
        chosen.midi,
        input=VIRTUAL,
        output=VIRTUAL,
        input_channel=PLAYER_CHANNEL,
        thru=True,
        controls=(),
        demo=None,
        clock="internal",
        latency_ms=0.0,
    )
    performer = replace(
        chosen.performer,
        mode="duet",
        output_channel=MODEL_CHANNEL,
        channels=(),
        left_channel=None,  # thru is timed on one channel
        controls=(),
        clock="internal",
        send_clock=False,
        latency_ms=0.0,
    )
    inputs, outputs = set(ports.input_names(api)), set(ports.output_names(api))
    session = Session(SessionSettings(midi, performer, folder), _tell_nobody)
    health: list[Health] = []
    views: list[View] = []
    session.watch(lambda n: health.append(n) if isinstance(n, Health) else None)
    session.watch(lambda n: views.append(n) if isinstance(n, View) else None)
    session.start()
    try:
        # Another session may be running here: those that are new are this one's.
        output_name = next(n for n in ports.output_names(api) if n not in outputs)
        input_name = next(n for n in ports.input_names(api) if n not in inputs)
        watch = Stopwatch(ports.open_output(api, output_name, "Continuo doctor out"))
        source = ports.open_input(
            api, input_name, lambda data: watch.hear(PLAYER_CHANNEL, data), "Continuo doctor in"
        )
        player = threading.Thread(target=_play, args=(watch, seconds), daemon=True)
        player.start()
        session.run(seconds + ARRIVES_S)
        player.join()
        source.close()
        watch.output.close()
    finally:
        session.close()
    late_ms = _lateness_ms(session.journal)
    ports_ms = float(np.median(alone)) if alone else 0.0
    events = [view for view in views if view.model_ms is not None]
    return Findings(
        midi_system=_name(api),
        realtime=health[-1].realtime if health else None,
        ports=Spread.of(alone),
        thru_added=Spread.of([max(0.0, each - ports_ms) for each in watch.took_ms]),
        lost=watch.lost,
        lateness=Spread.of(late_ms),
        jitter_ms=round(float(np.std(late_ms)), 3) if late_ms else None,
        event=_event_spread(events),
        horizon_ms=chosen.performer.horizon_ms,
        int8=_is_int8(chosen.model),
    )


def _tell_nobody(_: str) -> None:
    pass


def _play(watch: Stopwatch, seconds: float) -> None:
    end_s = time.perf_counter() + seconds
    time.sleep(0.3)
    while time.perf_counter() < end_s:
        watch.strike(PLAYER_CHANNEL, STRIKE_S)
        time.sleep(STRIKE_S / 2)


def _lateness_ms(journal: Path) -> list[float]:
    origin_s = read_header(journal)["origin_s"]
    return [
        1000 * (origin_s + line.time_s - float(line.rest[2]))
        for line in read_lines(journal)
        if line.kind == "out" and len(line.rest) == 3
    ]


def _event_spread(views: list[View]) -> Spread | None:
    medians = [view.model_ms for view in views if view.model_ms is not None]
    worsts = [view.model_worst_ms for view in views if view.model_worst_ms is not None]
    if not medians:
        return None
    median, p99 = float(np.median(medians)), float(np.percentile(worsts, 50))
    return Spread(len(medians), round(median, 3), round(p99, 3), round(max(worsts), 3))


def _without_midi(chosen: SessionSettings) -> Findings:
    """Measure the model alone."""
    from live.events import START, special_event
    from live.model import Model
    from live.prediction import draw_noise

    model = Model(chosen.model)
    random = np.random.default_rng(0)
    event, states = special_event(START)[None], model.zero_states()
    took_ms = []
    for number in range(400):
        began_s = time.perf_counter()
        states = model.run(event, states, noise=draw_noise(random), min_p=0.05).states
        if number >= 20:  # the first ones allocate memory
            took_ms.append(1000 * (time.perf_counter() - began_s))
    return Findings(
        midi_system=None,
        realtime=None,
        ports=None,
        thru_added=None,
        lost=0,
        lateness=None,
        jitter_ms=None,
        event=Spread.of(took_ms),
        horizon_ms=chosen.performer.horizon_ms,
        int8=_is_int8(chosen.model),
    )


def _is_int8(path: Path) -> bool:
    from live.model import Model

    return bool(Model(path).metadata.get("precision") == "int8")


def _name(api: int) -> str:
    return next(name for name, number in ports.APIS.items() if number == api)
