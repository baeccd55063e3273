"""Noticing that another process does not answer any more: stopped, or caught in something."""

from __future__ import annotations

from pathlib import Path
from typing import Final

BEAT_S: Final = 0.5
"""Each process lets its parent hear from it this often."""
STOPPED_S: Final = 1.0
"""A process that was stopped by a signal is given up after this silence,"""
HUNG_S: Final = 5.0
"""and any other after this one: a busy machine may be slow."""
ASLEEP_S: Final = 1.0
"""Who waits so much longer than asked for was asleep as well, and knows nothing about others."""


class Heartbeat:
    """When a process was heard last. Times are seconds of ``time.perf_counter``."""

    def __init__(self, pid: int, began_s: float, starts_within_s: float) -> None:
        """It began at a moment, and says its first word within some time."""
        self._pid = pid
        self._heard_s = began_s
        self._longest_silence_s = starts_within_s

    def heard(self, now_s: float) -> None:
        """It has said something; from the first time on it is expected to go on so."""
        self._heard_s = now_s
        self._longest_silence_s = HUNG_S

    def pardon(self, now_s: float) -> None:
        """Whoever listens was not listening: begin anew."""
        self._heard_s = now_s

    def is_lost(self, now_s: float) -> bool:
        """Whether it does not answer any more."""
        silent_s = now_s - self._heard_s
        if silent_s > self._longest_silence_s:
            return True
        return silent_s > STOPPED_S and _is_stopped(self._pid)


def _is_stopped(pid: int) -> bool:
    """Whether a process was stopped by a signal; False where the system does not tell."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in ("T", "t")
