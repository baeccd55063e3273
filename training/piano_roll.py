"""A piano roll: what was given and what was played on, in two colours."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from matplotlib.figure import Figure

from live.events import TICKS_PER_BEAT, Note

PROMPT: Final = "#5a6470"
CONTINUATION: Final = "#d1495b"
INCHES_PER_BEAT: Final = 0.09


def piano_roll(prompt: Sequence[Note], continuation: Sequence[Note], bar_ticks: int) -> bytes:
    """Return a PNG; the same notes give the same file.

    Args:
        prompt: the notes that were given.
        continuation: the notes that were played on.
        bar_ticks: length of a bar; bar lines begin at tick 0.
    """
    notes = [*prompt, *continuation]
    end = max(n.onset_ticks + (n.duration_ticks or 1) for n in notes) / TICKS_PER_BEAT
    figure = Figure(figsize=(min(max(6.0, end * INCHES_PER_BEAT), 60.0), 4.0), dpi=110)
    axes = figure.subplots()
    for bar in range(int(end * TICKS_PER_BEAT / bar_ticks) + 1):
        axes.axvline(bar * bar_ticks / TICKS_PER_BEAT, color="#e4e7ea", linewidth=0.6, zorder=0)
    parts = (("prompt", PROMPT, prompt), ("continuation", CONTINUATION, continuation))
    for label, colour, some in parts:
        axes.barh(
            [n.pitch for n in some],
            [(n.duration_ticks or 1) / TICKS_PER_BEAT for n in some],
            left=[n.onset_ticks / TICKS_PER_BEAT for n in some],
            height=0.85,
            color=colour,
            edgecolor="white",
            linewidth=0.3,
            label=label,
        )
    axes.set_xlim(0, end)
    axes.set_xlabel("beats")
    axes.set_ylabel("MIDI pitch")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight", metadata={"Software": None})
    return file.getvalue()
