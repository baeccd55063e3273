"""Makes what a file says playable: one key, one note at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from live.events import Note


def tidy(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Return the notes in order, as an instrument can play them.

    Of notes that one instrument begins together on one pitch only the longest stays, as loud as
    the loudest. A note that is struck again while it sounds ends there. No note is shorter than a
    tick, and none begins before tick 0: a piece that begins with grace notes is moved as a whole.
    """
    sounding: dict[tuple[int | None, int], int] = {}  # instrument and pitch -> index in `kept`
    kept: list[Note] = []
    for note in sorted(notes, key=lambda n: n.sort_key):
        key = (note.instrument, note.pitch)
        before = kept[sounding[key]] if key in sounding else None
        if before is not None and before.onset_ticks == note.onset_ticks:
            kept[sounding[key]] = replace(
                before,
                duration_ticks=max(before.duration_ticks or 1, note.duration_ticks or 1),
                velocity=max((v for v in (before.velocity, note.velocity) if v), default=None),
            )
            continue
        if before is not None:
            gap = note.onset_ticks - before.onset_ticks
            if (before.duration_ticks or 1) > gap:
                kept[sounding[key]] = replace(before, duration_ticks=gap)
        sounding[key] = len(kept)
        kept.append(replace(note, duration_ticks=max(note.duration_ticks or 1, 1)))
    early = min((note.onset_ticks for note in kept), default=0)
    if early < 0:
        kept = [replace(note, onset_ticks=note.onset_ticks - early) for note in kept]
    return tuple(kept)
