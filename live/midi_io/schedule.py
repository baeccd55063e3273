"""What has to be sent, and when: a queue of absolute deadlines."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from live.messages import PlayNote


@dataclass(frozen=True, slots=True)
class Due:
    """One end of a note whose deadline has come."""

    deadline_s: float
    number: int
    note: PlayNote
    is_onset: bool


class Schedule:
    """Deadlines of the model's notes, soonest first; ends before onsets at the same moment."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, bool, int, PlayNote]] = []
        self._count = 0

    def add(self, note: PlayNote) -> None:
        """Enter both ends of a note."""
        self._count += 1
        heapq.heappush(self._heap, (note.onset_s, True, self._count, note))
        heapq.heappush(self._heap, (note.release_s, False, self._count, note))

    def next_deadline_s(self) -> float | None:
        """Return the soonest deadline; None if there is none."""
        return self._heap[0][0] if self._heap else None

    def due(self, now_s: float) -> list[Due]:
        """Take out and return what is due."""
        due: list[Due] = []
        while self._heap and self._heap[0][0] <= now_s:
            deadline_s, is_onset, number, note = heapq.heappop(self._heap)
            due.append(Due(deadline_s, number, note, is_onset))
        return due

    def clear(self) -> None:
        """Forget everything."""
        self._heap.clear()
