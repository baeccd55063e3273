"""A built-in phrase, played as if on a keyboard: for machines without MIDI, and for a first try."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

TimedMessage = tuple[float, bytes]
"""Seconds from the beginning, and a channel message."""

PAUSE_BEATS: Final = 12
"""From the end of a phrase to the next one: time for an answer."""

_MELODY: Final = (
    # Beethoven, the theme of the ninth symphony's finale: onset and length in beats, pitches.
    (0.0, 1.0, (52, 64)),
    (1.0, 1.0, (64,)),
    (2.0, 1.0, (53, 65)),
    (3.0, 1.0, (67,)),
    (4.0, 1.0, (55, 67)),
    (5.0, 1.0, (65,)),
    (6.0, 1.0, (52, 64)),
    (7.0, 1.0, (62,)),
)
_CLOSE: Final = (
    (0.0, 1.0, (48, 60)),
    (1.0, 1.0, (60,)),
    (2.0, 1.0, (50, 62)),
    (3.0, 1.0, (64,)),
    (4.0, 1.5, (52, 62)),
    (5.5, 0.5, (60,)),
    (6.0, 2.0, (48, 52, 55, 60)),
)
VELOCITY: Final = 80


def demo_messages(bpm: float) -> tuple[TimedMessage, ...]:
    """Return two phrases of eight beats, with room for an answer after each."""
    beat_s = 60.0 / bpm
    start_s = 0.5
    messages: list[TimedMessage] = []
    for phrase in (_MELODY, _CLOSE):
        for onset, length, pitches in phrase:
            for pitch in pitches:
                on_s = start_s + onset * beat_s
                off_s = on_s + 0.95 * length * beat_s
                messages.append((on_s, bytes([0x90, pitch, VELOCITY])))
                messages.append((off_s, bytes([0x80, pitch, 0])))
        start_s += (8 + PAUSE_BEATS) * beat_s
    return tuple(sorted(messages))


def demo_seconds(bpm: float) -> float:
    """Return how long the demo lasts, the last answer included."""
    return 0.5 + 2 * (8 + PAUSE_BEATS) * 60.0 / bpm


class DemoInput:
    """An input port that plays timed messages to a callback, on a thread of its own.

    It begins when ``begin`` is set, so that nothing is played to a model that is still loading.
    """

    name = "demo phrase"

    def __init__(
        self,
        messages: Sequence[TimedMessage],
        on_input: Callable[[list[int]], None],
        begin: threading.Event,
    ) -> None:
        if not messages:
            self.name = "none"
        self._closed = threading.Event()
        self._begin = begin
        self._thread = threading.Thread(target=self._play, args=(messages, on_input), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop playing."""
        self._closed.set()
        self._begin.set()
        self._thread.join()

    def _play(
        self, messages: Sequence[TimedMessage], on_input: Callable[[list[int]], None]
    ) -> None:
        self._begin.wait()
        began_s = time.perf_counter()
        for time_s, data in messages:
            if self._closed.wait(max(0.0, began_s + time_s - time.perf_counter())):
                return
            on_input(list(data))
